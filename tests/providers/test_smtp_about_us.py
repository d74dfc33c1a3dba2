"""What a server says about us, and not about a person, is told apart and costs nobody their mail."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from mailer.providers import AboutUs, Later, Manners, NotBegun, Outgoing, Rejected, SmtpProvider
from mailer.vocabulary import PersonId
from tests.contracts.provider_contract import address, kinds, message, messages, people_answered
from tests.promises.witness import Act
from tests.providers.conftest import QUICK, Start, send


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (Act("greeting", reply="554 5.7.1 no service for you"), 554),
        (Act("greeting", reply="421 4.3.2 closed", cut="after"), 421),
        (Act("ehlo", reply="550 5.7.1 we do not like your name"), 550),
        (Act("mail", reply="550 5.7.1 sender not allowed"), 550),
        (Act("mail", reply="452 4.3.1 out of disk"), 452),
        (Act("rcpt", reply="530 5.7.0 authentication required"), 530),
        (Act("rcpt", reply="554 5.7.1 <x@y>: Relay access denied"), 554),
        (Act("rcpt", reply="421 4.7.28 rate limit", cut="after"), 421),
    ],
)
def test_what_is_about_us_is_told_apart(start: Start, act: Act, code: int) -> None:
    provider, witness = start(act)
    result = send(provider, messages(10))
    assert result.about_us is not None
    assert result.about_us.code == code
    assert "@" not in result.about_us.text
    assert set(kinds(result).values()) <= {"Later", "NotBegun"}
    assert not witness.accepted()


def test_one_address_that_nobody_relays_for_does_not_stop_the_others(start: Start) -> None:
    denied = "550 5.7.1 Unable to relay"
    provider, _ = start(Act("rcpt", address(1), denied), Act("rcpt", address(9), denied))
    result = send(provider, messages(10))
    assert people_answered(result, Later) == [1], "before anybody was served it may be about us"
    assert people_answered(result, Rejected) == [9], "after that it is about them"
    answer = result.answers[PersonId(9)]
    assert isinstance(answer, Rejected)
    assert not answer.about_person
    assert result.about_us is None


def test_a_server_that_is_not_there_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    provider = SmtpProvider(f"smtp://localhost:{port}")
    begun = time.monotonic()
    assert provider.make_ready(10) == AboutUs(0, "the server cannot be reached")
    result = send(provider, messages(3))
    assert result.about_us == AboutUs(0, "the server cannot be reached")
    assert people_answered(result, NotBegun) == [1, 2, 3]
    assert time.monotonic() - begun < 1


def test_a_name_without_an_address_is_said() -> None:
    provider = SmtpProvider("smtp://no-such-host.invalid")
    result = send(provider, messages(1))
    assert result.about_us == AboutUs(0, "the server's name does not resolve")
    assert people_answered(result, NotBegun) == [1]


def test_a_server_that_never_greets_costs_no_more_than_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        provider = SmtpProvider(f"smtp://127.0.0.1:{silent.getsockname()[1]}", manners=QUICK)
        begun = time.monotonic()
        result = send(provider, messages(3), within=0.2)
        assert time.monotonic() - begun < 0.4
        assert people_answered(result, NotBegun) == [1, 2, 3]
        assert result.about_us == AboutUs(0, "no connection to the server in time")


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "no conversation: a line without a reply code"),
        (b"\xff\xfe\x00", "the server did not answer in time"),
        (b"2" * 9000, "no conversation: a reply without an end"),
    ],
)
def test_a_server_that_speaks_no_smtp_is_about_us(greeting: bytes, why: str) -> None:
    with one_answer(greeting) as port:
        manners = Manners(connect_timeout=0.5)
        result = send(SmtpProvider(f"smtp://127.0.0.1:{port}", manners=manners), messages(2))
    assert result.about_us == AboutUs(0, why)
    assert people_answered(result, NotBegun) == [1, 2]


def test_a_sender_that_cannot_be_written_is_about_us(start: Start) -> None:
    provider, witness = start()
    strange = Outgoing(PersonId(1), "news@example.com>\r\nDATA", address(1), [b"\r\n"])
    result = send(provider, [strange, message(2)])
    assert result.about_us == AboutUs(501, "our own sender address cannot be written")
    assert people_answered(result, NotBegun) == [1, 2]
    assert not witness.handed()


@contextlib.contextmanager
def one_answer(greeting: bytes) -> Iterator[int]:
    """A server that says one thing to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    held.append(connection)
                    connection.sendall(greeting)

        held: list[socket.socket] = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in held:
            connection.close()
