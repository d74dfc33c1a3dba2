"""The mail catcher: a real server on the wire, one file for each recipient in the folder."""

import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailer.development.mail_catcher import Catcher, NoSuchMail, read_mail, read_outbox
from mailer.development.places import free_port, is_free
from mailer.development.smtp_server import MOST_BYTES_OF_A_MAIL
from tests.development.waiting import eventually

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mail")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    number = free_port()
    words = ["-m", "mailer.development.mail_catcher", str(folder), str(number)]
    catcher = subprocess.Popen([sys.executable, *words], cwd=ROOT)
    assert eventually(lambda: not is_free(number))
    yield number
    catcher.terminate()
    assert catcher.wait(timeout=10) == 0


def letter(text: str = "Dear Anna,\n\nyour order is on its way.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "FocalPoint Orders <orders@shop.example>"
    message["To"] = "Anna Becker <anna@example.com>"
    message["Subject"] = "Your order is on its way – soon"
    message.set_content(text)
    message.add_alternative(
        '<p>See <a href="https://shop.example/c/x/1"><img src="i.png" alt="your parcel"> now</a>',
        subtype="html",
    )
    return message


class Wire:
    """A client that writes what it likes and reads line by line."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._lines = self._socket.makefile("rb")
        assert self.reply().startswith("220")

    def write(self, content: bytes) -> None:
        self._socket.sendall(content)

    def reply(self) -> str:
        lines = [self._lines.readline().decode()]
        while lines[-1][3:4] == "-":
            lines.append(self._lines.readline().decode())
        return "".join(lines)

    def ask(self, command: str) -> str:
        self.write(command.encode() + b"\r\n")
        return self.reply()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@pytest.fixture
def wire(port: int) -> Iterator[Wire]:
    opened = Wire(port)
    yield opened
    opened.close()


def begin(wire: Wire) -> None:
    for command in ("EHLO me", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA"):
        answer = wire.ask(command)
    assert answer.startswith("354")


def test_a_mail_is_kept_once_for_each_recipient(port: int, folder: Path) -> None:
    people = ["anna@example.com", "jo@example.com"]
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(letter(), "bounce@shop.example", people)
    caught = read_outbox(folder, limit=2)
    assert sorted(mail.recipient for mail in caught) == people
    assert {mail.sender for mail in caught} == {"bounce@shop.example"}
    assert {mail.subject for mail in caught} == {"Your order is on its way – soon"}


def test_a_kept_mail_is_taken_apart_for_reading(port: int, folder: Path) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(letter(), "bounce@shop.example", ["anna@example.com"])
    mail = read_mail(folder, read_outbox(folder, limit=1)[0].name)
    assert mail.text.startswith("Dear Anna,")
    assert [(link.words, link.url) for link in mail.links] == [
        ("your parcel now", "https://shop.example/c/x/1")
    ]
    assert ("Delivered-To", "anna@example.com") in mail.headers


def test_dots_at_the_start_of_lines_survive_the_journey(port: int, folder: Path) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("a@example.com", ["b@example.com"], b".one\r\n..two\r\n.\r\nend\r\n")
    file = folder / read_outbox(folder, limit=1)[0].name
    assert file.read_bytes().endswith(b"b@example.com\r\n.one\r\n..two\r\n.\r\nend\r\n")


def test_pipelining_is_offered_and_kept(wire: Wire) -> None:
    assert "250-PIPELINING\r\n" in wire.ask("EHLO me")
    wire.write(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
    assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
    wire.write(b"Subject: x\r\n\r\nhi\r\n.\r\nMAIL FROM:<>\r\nRSET\r\nQUIT\r\n")
    assert [wire.reply()[:3] for _ in range(4)] == ["250", "250", "250", "221"]


def test_a_mail_in_pieces_is_one_mail(wire: Wire, folder: Path) -> None:
    begin(wire)
    for byte in b"Subject: pieces\r\n\r\nhi\r\n.\r\n":
        wire.write(bytes([byte]))
    assert wire.reply().startswith("250")
    assert read_outbox(folder, limit=1)[0].subject == "pieces"


def test_only_a_dot_between_two_crlf_ends_a_mail(wire: Wire, folder: Path) -> None:
    begin(wire)
    wire.write(b"Subject: smuggled\r\n\r\nhi\n.\nMAIL FROM:<c@example.com>\n.\r\n\r\n.\r\n")
    assert wire.reply().startswith("250")
    kept = folder / read_outbox(folder, limit=1)[0].name
    assert b"MAIL FROM:<c@example.com>" in kept.read_bytes()


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (["MAIL FROM:<a@example.com>"], "503"),
        (["EHLO me", "RCPT TO:<b@example.com>"], "503"),
        (["EHLO me", "MAIL FROM:<a@example.com>", "DATA"], "503"),
        (["EHLO me", "MAIL FROM:a@example.com"], "501"),
        (["EHLO me", "MAIL FROM:<a@example.com> SMTPUTF8"], "555"),
        (["EHLO me", f"MAIL FROM:<a@example.com> SIZE={MOST_BYTES_OF_A_MAIL + 1}"], "552"),
        (["EHLO me", "MAIL FROM:<a@example.com>", "RCPT TO:<>"], "501"),
        (["EHLO me", "MAIL FROM:<a@example.com>", "MAIL FROM:<a@example.com>"], "503"),
        (["HELO me", "NOOP"], "250"),
        (["VRFY anna"], "252"),
        (["WHAT"], "500"),
        (["X" * 3000], "421"),
    ],
)
def test_commands_out_of_order_or_form_are_refused(
    wire: Wire, commands: list[str], code: str
) -> None:
    for command in commands:
        answer = wire.ask(command) if len(command) < 3000 else _endless(wire, command)
    assert answer.startswith(code)


def _endless(wire: Wire, text: str) -> str:
    wire.write(text.encode())
    return wire.reply()


def test_a_line_of_more_than_998_characters_is_refused(wire: Wire) -> None:
    begin(wire)
    wire.write(b"Subject: x\r\n\r\n" + b"x" * 998 + b"\r\n" + b"x" * 999 + b"\r\n.\r\n")
    assert wire.reply().startswith("500")


def test_a_mail_that_is_too_big_is_refused_and_the_next_is_not(wire: Wire) -> None:
    begin(wire)
    wire.write((b"x" * 76 + b"\r\n") * (MOST_BYTES_OF_A_MAIL // 78 + 100) + b".\r\n")
    assert wire.reply().startswith("552")
    begin(wire)
    wire.write(b"Subject: small\r\n\r\nhi\r\n.\r\n")
    assert wire.reply().startswith("250")


def test_a_mail_without_its_final_dot_is_not_kept(port: int, folder: Path) -> None:
    before = len(read_outbox(folder, limit=1000))
    broken = Wire(port)
    begin(broken)
    broken.write(b"Subject: unfinished\r\n\r\nhi\r\n")
    broken.close()
    whole = Wire(port)
    begin(whole)
    whole.write(b"Subject: finished\r\n\r\nhi\r\n.\r\n")
    assert whole.reply().startswith("250")
    whole.close()
    assert len(read_outbox(folder, limit=1000)) == before + 1


def test_the_oldest_mails_make_room_when_the_folder_is_full(tmp_path: Path) -> None:
    catcher = Catcher(tmp_path, most_bytes=5_000)
    for number in range(10):
        catcher.keep_one("a@example.com", f"jo{number}@example.com", b"x" * 1_000, now=NOW)
    assert [mail.recipient for mail in read_outbox(tmp_path)] == [
        f"jo{number}@example.com" for number in (9, 8, 7, 6)
    ]
    again = Catcher(tmp_path, most_bytes=2_500)
    again.keep_one("a@example.com", "anna@example.com", b"x" * 1_000, now=NOW.replace(hour=11))
    assert read_outbox(tmp_path)[0].recipient == "anna@example.com"
    assert len(read_outbox(tmp_path)) == 2


def test_the_outbox_is_read_page_by_page(tmp_path: Path) -> None:
    catcher = Catcher(tmp_path)
    for number in range(5):
        catcher.keep_one("a@example.com", f"jo{number}@example.com", b"x", now=NOW)
    first = read_outbox(tmp_path, limit=3)
    second = read_outbox(tmp_path, limit=3, before=first[-1].name)
    assert [mail.recipient[2] for mail in [*first, *second]] == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    "name", ["../keys.json", "x.eml", "", ".", "20261122T100000.000000Z-000001.eml"]
)
def test_no_other_file_is_read_through_the_outbox(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.eml").write_text("Subject: x\r\n\r\n")
    with pytest.raises(NoSuchMail):
        read_mail(tmp_path, name)


def test_an_outbox_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert read_outbox(tmp_path / "mail") == []
