"""TLS and log-in against a server that is not ours, and servers that cheat at STARTTLS."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailer.providers import Accepted, HandOver, Later, Manners, NotBegun, Rejected, SmtpProvider
from mailer.providers.server import tls_settings
from mailer.vocabulary import PersonId
from tests.contracts.provider_contract import Bell, address, messages, people_answered
from tests.providers.scripted import scripted
from tests.providers.tls_server import TlsFiles, make_certificate

USER, PASSWORD = "mailer@focalpoint.example", "s3cret: with/odd@characters"
QUOTED = "mailer%40focalpoint.example:s3cret%3A%20with%2Fodd%40characters"


class Mailbox:
    """Takes mail for everybody but person 3, and puts person 4 off."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, to: str, _options: list[str]
    ) -> str:
        if to == address(3):
            return "550 5.1.1 no such user"
        if to == address(4):
            return "450 4.2.0 later"
        envelope.rcpt_tos.append(to)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.taken += envelope.rcpt_tos
        return "250 2.0.0 taken"


def is_known(
    _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any
) -> AuthResult:
    ok = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=ok, handled=ok)


@contextlib.contextmanager
def server(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=port, server_hostname="localhost", **options
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def send(provider: SmtpProvider, count: int = 6) -> HandOver:
    bell = Bell()
    result = provider.hand_over(messages(count), begin_before=time.monotonic() + 10, all_begun=bell)
    assert len(bell.rung) == 1
    provider.close()
    return result


def log_in_required(files: TlsFiles) -> dict[str, Any]:
    return {
        "tls_context": files.server(),
        "require_starttls": True,
        "auth_required": True,
        "authenticator": is_known,
    }


def test_mail_goes_out_after_starttls_and_log_in(tls_files: TlsFiles) -> None:
    mailbox = Mailbox()
    with server(mailbox, **log_in_required(tls_files)) as port:
        url = f"smtp+starttls://{QUOTED}@localhost:{port}"
        result = send(SmtpProvider(url, tls=tls_files.client()))
    assert people_answered(result, Accepted) == [1, 2, 5, 6]
    assert people_answered(result, Rejected) == [3]
    assert people_answered(result, Later) == [4]
    assert sorted(mailbox.taken) == [address(n) for n in (1, 2, 5, 6)]


def test_a_wrong_password_is_about_us(tls_files: TlsFiles) -> None:
    mailbox = Mailbox()
    with server(mailbox, **log_in_required(tls_files)) as port:
        url = f"smtp+starttls://jo:wrong@localhost:{port}"
        result = send(SmtpProvider(url, tls=tls_files.client()))
    assert result.about_us is not None
    assert result.about_us.code == 535
    assert people_answered(result, NotBegun) == [1, 2, 3, 4, 5, 6]


def test_a_server_that_wants_a_log_in_says_so_about_us(tls_files: TlsFiles) -> None:
    with server(Mailbox(), **log_in_required(tls_files)) as port:
        result = send(SmtpProvider(f"smtp+starttls://localhost:{port}", tls=tls_files.client()))
    assert result.about_us is not None
    assert result.about_us.code == 530


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_certificate_that_nobody_vouches_for_is_refused(tls_files: TlsFiles, scheme: str) -> None:
    mailbox = Mailbox()
    options: dict[str, Any] = {"tls_context": tls_files.server()}
    if scheme == "smtps":
        options = {"ssl_context": tls_files.server()}
    with server(mailbox, **options) as port:
        result = send(SmtpProvider(f"{scheme}://localhost:{port}"))
    assert result.about_us is not None
    assert "certificate" in result.about_us.text
    assert not mailbox.taken


def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, "elsewhere.example")
    mailbox = Mailbox()
    with server(mailbox, tls_context=files.server()) as port:
        result = send(SmtpProvider(f"smtp+starttls://localhost:{port}", tls=files.client()))
    assert result.about_us is not None
    assert "certificate" in result.about_us.text
    assert not mailbox.taken


def test_while_one_connection_hangs_the_reason_of_the_other_is_told(start_silent: int) -> None:
    """Found when a server took two connections and answered one."""
    provider = SmtpProvider(f"smtp://127.0.0.1:{start_silent}", manners=Manners(connect_timeout=5))
    bell = Bell()
    begin_before = time.monotonic() + 0.3
    result = provider.hand_over(messages(8), begin_before=begin_before, all_begun=bell)
    assert result.about_us is not None
    assert result.about_us.code == 554
    assert people_answered(result, NotBegun) == list(range(1, 9))


@pytest.fixture
def start_silent() -> Iterator[int]:
    """A server that refuses its first guest and lets the second wait."""
    with scripted(b"554 not you\r\n") as port:
        yield port


@pytest.mark.parametrize(
    ("after_starttls", "why"),
    [
        (b"220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n", "more than one reply"),
        (b"220 go\r\n250-inj", "more than one reply"),
        (b"220 go\r\nthis is no TLS at all\r\n", "without a reply code"),
    ],
)
def test_what_was_slipped_in_before_tls_is_not_believed(after_starttls: bytes, why: str) -> None:
    """Replies that a stranger adds in clear behind the 220 would else count as encrypted ones."""
    with scripted(b"220 hi\r\n", b"250-mx\r\n250 STARTTLS\r\n", after_starttls) as port:
        manners = Manners(connections=1, connect_timeout=2)
        result = send(SmtpProvider(f"smtp+starttls://localhost:{port}", manners=manners), 1)
    assert result.about_us is not None
    assert why in result.about_us.text
    assert isinstance(result.answers[PersonId(1)], NotBegun)


def test_tls_is_1_2_or_newer() -> None:
    assert tls_settings().minimum_version >= ssl.TLSVersion.TLSv1_2
    assert tls_settings().verify_mode is ssl.CERT_REQUIRED
