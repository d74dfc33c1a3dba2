"""The witness must itself be beyond doubt: what it writes down is what reached it, and when."""

import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.promises.witness import (
    Act,
    Habits,
    RunningWitness,
    Script,
    read_log,
    witness_process,
    witness_thread,
)
from tests.promises.witness_script import Director

ENVELOPE = b"MAIL FROM:<news@example.com>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n"
CONTENT = b"Message-ID: <1@example.com>\r\nX-Mailing: 7\r\n\r\nHello Anna\r\n"


class Client:
    """Speaks raw SMTP and reads whole replies."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._lines = self.socket.makefile("rb")
        assert self.reply() == 220
        assert self.say(b"EHLO client\r\n") == 250

    def reply(self) -> int:
        """Return the code of the next reply, 0 when the connection has ended."""
        while line := self._lines.readline():
            if line[3:4] == b" ":
                return int(line[:3])
        return 0

    def say(self, *pieces: bytes) -> int:
        for piece in pieces:
            self.socket.sendall(piece)
        return self.reply()

    def replies(self, count: int) -> list[int]:
        return [self.reply() for _ in range(count)]

    def send(self, recipient: str) -> list[int]:
        self.socket.sendall(ENVELOPE.replace(b"anna@example.com", recipient.encode()))
        codes = self.replies(3)
        return [*codes, self.say(CONTENT + b".\r\n")] if codes[-1] == 354 else codes

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


@contextmanager
def visit(
    log: Path, script: Script = (), habits: Habits | None = None
) -> Iterator[tuple[Client, RunningWitness]]:
    with witness_thread(log, script=script, habits=habits) as witness:
        client = Client(witness.port)
        try:
            yield client, witness
        finally:
            client.close()


def test_a_message_is_written_down_with_its_moments_in_order(tmp_path: Path) -> None:
    before, before_wall = time.monotonic(), time.time()
    with visit(tmp_path / "log") as (client, witness):
        assert client.send("anna@example.com") == [250, 250, 354, 250]
        (handed,) = witness.handed()
    assert (handed.recipient, handed.sender) == ("anna@example.com", "news@example.com")
    assert handed.accepted
    assert (handed.code, handed.connection, handed.size) == (250, 1, len(CONTENT))
    assert handed.headers == {"message-id": "<1@example.com>", "x-mailing": "7"}
    assert handed.message_id == "<1@example.com>"
    moments = [handed.begun, handed.asked, handed.content, handed.dot, handed.replied]
    known = [moment for moment in moments if moment is not None]
    assert len(known) == 5
    in_order = [before, *known, time.monotonic()]
    assert in_order == sorted(in_order)
    assert before_wall <= handed.begun_wall <= time.time()


def test_the_log_is_written_before_the_client_can_know(tmp_path: Path) -> None:
    with visit(tmp_path / "log") as (client, witness):
        for n in range(1, 200):
            assert client.send(f"person.{n}@example.com")[-1] == 250
            assert len(witness.accepted()) == n


def test_arrival_is_stamped_before_any_delay(tmp_path: Path) -> None:
    slow = [Act("rcpt", delay=0.2), Act("dot", delay=0.2)]
    with visit(tmp_path / "log", slow) as (client, witness):
        asked = time.monotonic()
        client.send("anna@example.com")
        (handed,) = witness.handed()
    assert handed.begun - asked < 0.1
    assert handed.dot is not None
    assert handed.replied is not None
    assert handed.asked is not None
    assert handed.asked - handed.begun > 0.15
    assert handed.replied - handed.dot > 0.15


@pytest.mark.parametrize("cut_at", range(1, 12))
def test_the_end_of_content_is_found_however_it_is_cut(tmp_path: Path, cut_at: int) -> None:
    ending = b"\r\nx\r\n.\r\n" + ENVELOPE
    with visit(tmp_path / "log") as (client, witness):
        client.say(ENVELOPE)
        client.replies(2)
        client.socket.sendall(b"a" * 300 + ending[:cut_at])
        time.sleep(0.03)
        assert client.say(ending[cut_at:]) == 250
        assert client.replies(3) == [250, 250, 354]
        assert client.say(b".\r\n") == 250
        assert [handed.size for handed in witness.accepted()] == [305, 0]


def test_content_that_comes_byte_by_byte_is_one_message(tmp_path: Path) -> None:
    content = b"Message-ID:\r\n <folded@example.com>\r\n\r\n..\r\n.x\r\n"
    with visit(tmp_path / "log") as (client, witness):
        client.say(ENVELOPE)
        client.replies(2)
        pieces = [bytes([byte]) for byte in content + b".\r\n"]
        assert client.say(*pieces) == 250
        (handed,) = witness.handed()
    assert handed.message_id == "<folded@example.com>"
    assert handed.size == len(content)


def test_kept_contents_are_as_they_were_before_dot_stuffing(tmp_path: Path) -> None:
    kept: list[tuple[str, bytes]] = []
    with witness_thread(tmp_path / "log", kept=kept) as witness:
        client = Client(witness.port)
        client.say(ENVELOPE)
        client.replies(2)
        client.say(b"..\r\n..x\r\ny.\r\n.\r\n")
        client.close()
    assert kept == [("anna@example.com", b".\r\n.x\r\ny.\r\n")]


def test_a_client_that_vanishes_had_begun_and_was_not_accepted(tmp_path: Path) -> None:
    with witness_thread(tmp_path / "log") as witness:
        client = Client(witness.port)
        client.say(ENVELOPE)
        client.replies(2)
        client.socket.sendall(b"half of it\r\n.\r")
        time.sleep(0.05)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    (handed,) = witness.handed()
    assert handed.content is not None
    assert handed.begun <= handed.content
    assert handed.dot is None
    assert not handed.accepted


def test_taken_and_cut_before_the_reply_counts_as_accepted(tmp_path: Path) -> None:
    with visit(tmp_path / "log", [Act("dot", cut="instead")]) as (client, witness):
        client.say(ENVELOPE)
        client.replies(2)
        with pytest.raises(ConnectionResetError):
            client.say(CONTENT + b".\r\n")
        (handed,) = witness.handed()
    assert handed.accepted
    assert handed.replied is None
    assert handed.code == 0


def test_one_person_is_refused_and_the_next_is_not(tmp_path: Path) -> None:
    refusal = Act("rcpt", "jo@example.com", "550 5.1.1 unknown")
    with visit(tmp_path / "log", [refusal]) as (client, witness):
        assert client.send("jo@example.com") == [250, 550, 554]
        assert client.say(b"RSET\r\n") == 250
        assert client.send("anna@example.com") == [250, 250, 354, 250]
        told = [(handed.recipient, handed.code, handed.accepted) for handed in witness.handed()]
    assert told == [("jo@example.com", 550, False), ("anna@example.com", 250, True)]


def test_a_refused_dot_is_not_accepted(tmp_path: Path) -> None:
    with visit(tmp_path / "log", [Act("dot", reply="451 4.3.0 later")]) as (client, witness):
        assert client.send("anna@example.com")[-1] == 451
        (handed,) = witness.handed()
    assert (handed.accepted, handed.code) == (False, 451)
    assert handed.content is not None
    assert handed.dot is not None
    assert handed.begun < handed.content <= handed.dot


@pytest.mark.parametrize(
    ("act", "codes"),
    [
        (Act("dot", reply="451 x", skip=1), [250, 451, 451, 451]),
        (Act("dot", reply="451 x", times=2), [451, 451, 250, 250]),
        (Act("dot", reply="451 x", skip=1, times=1), [250, 451, 250, 250]),
        (Act("dot", reply="451 x", chance=0.0), [250, 250, 250, 250]),
    ],
)
def test_an_act_comes_when_its_turn_comes(tmp_path: Path, act: Act, codes: list[int]) -> None:
    with visit(tmp_path / "log", [act]) as (client, _):
        assert [client.send("anna@example.com")[-1] for _ in range(4)] == codes


def test_turns_can_be_counted_by_connection(tmp_path: Path) -> None:
    enough = Act("mail", reply="421 4.7.0 enough", cut="after", skip=1, by_connection=True)
    with witness_thread(tmp_path / "log", script=[enough]) as witness:
        for _ in range(2):
            client = Client(witness.port)
            assert client.send("anna@example.com")[-1] == 250
            assert client.say(b"MAIL FROM:<x@example.com>\r\n") == 421
            assert client.reply() == 0
            client.close()


def test_while_it_pauses_nothing_is_read(tmp_path: Path) -> None:
    with visit(tmp_path / "log", [Act("content", pause=0.3)]) as (client, witness):
        client.say(ENVELOPE)
        client.replies(2)
        client.socket.sendall(CONTENT)
        time.sleep(0.05)
        asked = time.monotonic()
        assert client.say(b".\r\n") == 250
        assert time.monotonic() - asked > 0.2
        assert len(witness.accepted()) == 1


def test_commands_out_of_order_are_refused(tmp_path: Path) -> None:
    with visit(tmp_path / "log") as (client, witness):
        assert client.say(b"RCPT TO:<jo@example.com>\r\n") == 503
        assert client.say(b"DATA\r\n") == 554
        assert client.say(b"MAIL FROM:<x@example.com>\r\n") == 250
        assert client.say(b"MAIL FROM:<x@example.com>\r\n") == 503
        assert client.say(b"DATA\r\n") == 554
        assert client.say(b"WHAT\r\n") == 500
        assert client.say(b"QUIT\r\n") == 221
        assert not witness.handed()


def test_it_offers_what_its_habits_say(tmp_path: Path) -> None:
    for habits, offered in ((Habits(), True), (Habits(pipelining=False), False)):
        with witness_thread(tmp_path / "log", habits=habits) as witness:
            peer = socket.create_connection(("127.0.0.1", witness.port), timeout=5)
            peer.sendall(b"EHLO client\r\n")
            time.sleep(0.1)
            assert (b"PIPELINING" in peer.recv(4096)) == offered
            peer.close()


def test_a_torn_last_line_of_the_log_is_left_out(tmp_path: Path) -> None:
    with visit(tmp_path / "log") as (client, _):
        client.send("anna@example.com")
    whole = (tmp_path / "log").read_bytes()
    (tmp_path / "log").write_bytes(whole + whole[:-20])
    assert len(read_log(tmp_path / "log")) == 1


def test_as_a_process_it_outlives_scripts_and_ends_with_us(tmp_path: Path) -> None:
    with witness_process(tmp_path / "log", script=[Act("dot", reply="451 no")]) as witness:
        client = Client(witness.port)
        assert client.send("anna@example.com")[-1] == 451
        witness.play([])
        until = time.monotonic() + 5
        while client.send("anna@example.com")[-1] != 250 and time.monotonic() < until:
            time.sleep(0.01)
        assert len(witness.accepted()) == 1
        client.close()
    with pytest.raises(ConnectionRefusedError):
        Client(witness.port)


def test_an_act_that_it_does_not_know_ends_it(tmp_path: Path) -> None:
    from tests.promises.witness import main

    with pytest.raises(ValueError, match="no such thing in an act: explode"):
        main(["--log", str(tmp_path / "log"), "--script", '[{"step": "dot", "explode": true}]'])


def test_its_clock_is_the_one_that_all_processes_share(tmp_path: Path) -> None:
    """CLOCK_MONOTONIC counts for the whole machine, so a client's log may be held against it."""
    assert abs(time.clock_gettime(time.CLOCK_MONOTONIC) - time.monotonic()) < 0.1
    with witness_process(tmp_path / "log") as witness:
        before = time.monotonic()
        client = Client(witness.port)
        client.send("anna@example.com")
        client.close()
        (handed,) = witness.handed()
    assert before < handed.begun < time.monotonic()
    assert os.path.getsize(tmp_path / "log") > 0


def test_what_comes_beyond_a_rate_is_put_off_and_nothing_within_it() -> None:
    director = Director(seed=1)
    director.play([Act("rcpt", reply="450 4.7.0 too fast", over=5)])

    def taken(moments: list[float]) -> list[bool]:
        return [director.act("rcpt", "anna@example.com", 1, at) is None for at in moments]

    assert taken([0.0] * 7) == [True] * 5 + [False] * 2, "a second's worth may come at once"
    assert taken([0.1]) == [False]
    assert taken([0.25]) == [True]
    assert taken([2.0 + n / 5 for n in range(20)]) == [True] * 20
    assert taken([6.0 + n / 10 for n in range(20)]).count(False) in {5, 6}


def test_who_comes_beyond_a_rate_hears_so(tmp_path: Path) -> None:
    throttled = [Act("rcpt", reply="450 4.7.0 too fast", over=0.001)]
    with visit(tmp_path / "log", throttled) as (client, witness):
        assert client.send("anna@example.com") == [250, 450, 554]
        assert not witness.accepted()
