"""What an SMTP server can do to us, and what becomes of each person then."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mailer.providers import (
    AboutUs,
    Accepted,
    HandOver,
    Later,
    Manners,
    NotBegun,
    Outgoing,
    Rejected,
    SmtpProvider,
    Unknown,
)
from mailer.vocabulary import PersonId
from tests.contracts.provider_contract import (
    SENDER,
    Bell,
    address,
    kinds,
    message,
    messages,
    people_answered,
)
from tests.promises.witness import Act, Habits, RunningWitness, witness_thread
from tests.providers.scripted import scripted

QUICK = Manners(connections=1, connect_timeout=2, reply_timeout=0.4, start_grace=0.2)
PATIENT = Manners(connections=1, reply_timeout=10)
Start = Callable[..., tuple[SmtpProvider, RunningWitness]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a witness with a script and a provider that knows it."""
    with contextlib.ExitStack() as stack:

        def run(
            *script: Act, manners: Manners = PATIENT, habits: Habits | None = None
        ) -> tuple[SmtpProvider, RunningWitness]:
            log = tmp_path / f"log-{time.monotonic_ns()}"
            witness = stack.enter_context(witness_thread(log, script=script, habits=habits))
            provider = SmtpProvider(witness.url, manners=manners)
            stack.callback(provider.close)
            return provider, witness

        yield run


def send(
    provider: SmtpProvider,
    people: Sequence[Outgoing],
    *,
    within: float = 20.0,
    bell: Bell | None = None,
) -> HandOver:
    bell = bell or Bell()
    result = provider.hand_over(people, begin_before=time.monotonic() + within, all_begun=bell)
    assert len(bell.rung) == 1
    assert len(result.answers) == len(people)
    return result


def large(n: int, size: int) -> Outgoing:
    return Outgoing(
        PersonId(n), SENDER, address(n), [b"Subject: large\r\n\r\n", b"x" * 70 * (size // 70)]
    )


# Connections


def test_connections_are_kept_from_slice_to_slice(start: Start) -> None:
    provider, witness = start(manners=Manners(connections=2))
    for _ in range(3):
        assert people_answered(send(provider, messages(20)), Accepted) == list(range(1, 21))
    assert {handed.connection for handed in witness.handed()} == {1, 2}


def test_one_message_opens_one_connection(start: Start) -> None:
    provider, witness = start(manners=Manners(connections=4))
    send(provider, [message(1)])
    provider.close()
    assert {handed.connection for handed in witness.handed()} == {1}


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    "goodbye",
    [
        Act(
            "mail",
            reply="421 4.7.0 enough for one connection",
            cut="after",
            skip=3,
            by_connection=True,
        ),
        Act("dot", cut="after", skip=2, by_connection=True),
        Act("rcpt", cut="instead", skip=3, by_connection=True),
        Act("data", reply="421 4.3.2 closing", cut="after", skip=3, by_connection=True),
    ],
    ids=["421 at MAIL", "closes after a reply", "cut at RCPT", "421 at DATA"],
)
def test_a_server_that_ends_connections_gets_everybody_once(
    start: Start, goodbye: Act, *, pipelining: bool
) -> None:
    manners = Manners(connections=2, reply_timeout=5)
    provider, witness = start(goodbye, manners=manners, habits=Habits(pipelining=pipelining))
    result = send(provider, messages(20))
    assert people_answered(result, Accepted) == list(range(1, 21))
    assert result.about_us is None
    accepted = [handed.recipient for handed in witness.accepted()]
    assert sorted(accepted) == sorted(address(n) for n in range(1, 21))
    assert len({handed.connection for handed in witness.accepted()}) > 4


def test_a_kept_connection_that_died_meanwhile_is_replaced_without_a_word(start: Start) -> None:
    provider, witness = start(Act("dot", cut="after", times=1))
    assert people_answered(send(provider, [message(1)]), Accepted) == [1]
    assert people_answered(send(provider, [message(2)]), Accepted) == [2]
    assert [handed.connection for handed in witness.accepted()] == [1, 2]


def test_a_connection_that_idled_too_long_is_replaced(start: Start) -> None:
    provider, witness = start(manners=Manners(idle_limit=0.0))
    for n in (1, 2):
        send(provider, [message(n)])
    assert [handed.connection for handed in witness.accepted()] == [1, 2]


def test_after_a_fork_parent_and_child_keep_apart(start: Start) -> None:
    provider, witness = start()
    send(provider, [message(1)])
    child = os.fork()
    if child == 0:
        answer = send(provider, [message(2)]).answers[PersonId(2)]
        provider.close()
        os._exit(0 if isinstance(answer, Accepted) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert people_answered(send(provider, [message(3)]), Accepted) == [3]
    connections = {handed.recipient: handed.connection for handed in witness.accepted()}
    assert connections == {address(1): 1, address(2): 2, address(3): 1}


def test_a_connection_that_is_not_welcome_leaves_the_work_to_the_others(start: Start) -> None:
    unwelcome = Act("greeting", reply="421 4.7.0 too many connections", cut="after", skip=1)
    provider, witness = start(unwelcome, manners=Manners(connections=4))
    result = send(provider, messages(40))
    assert people_answered(result, Accepted) == list(range(1, 41))
    assert result.about_us is None
    assert {handed.connection for handed in witness.accepted()} == {1}


# What is about us


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
        assert result.about_us is not None


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n", b"\xff\xfe\x00", b"2" * 9000]
)
def test_a_server_that_speaks_no_smtp_is_about_us(greeting: bytes) -> None:
    with one_answer(greeting) as port:
        manners = Manners(connect_timeout=0.5)
        result = send(SmtpProvider(f"smtp://127.0.0.1:{port}", manners=manners), messages(2))
    assert result.about_us is not None
    assert people_answered(result, NotBegun) == [1, 2]


def test_a_reply_out_of_place_ends_the_connection_and_accepts_nobody(start: Start) -> None:
    provider, witness = start(Act("data", reply="250 2.0.0 fine, whatever"))
    result = send(provider, messages(3))
    assert not people_answered(result, Accepted)
    assert not witness.accepted()


def test_a_strange_reply_to_the_final_dot_is_unknown(start: Start) -> None:
    provider, _ = start(Act("dot", address(2), reply="354 once more?"))
    result = send(provider, messages(3))
    assert people_answered(result, Unknown) == [2]
    assert people_answered(result, Accepted) == [1, 3]


# Refusals of one message


@pytest.mark.parametrize(
    ("step", "reply", "answer"),
    [
        (
            "dot",
            "550 5.7.1 looks like spam",
            Rejected(550, "5.7.1 looks like spam", about_person=False),
        ),
        ("dot", "550 5.1.1 gone", Rejected(550, "5.1.1 gone", about_person=True)),
        ("dot", "451 4.3.0 try later", Later(451, "4.3.0 try later")),
        ("data", "451 4.3.0 try later", Later(451, "4.3.0 try later")),
        ("data", "554 5.6.0 no", Rejected(554, "5.6.0 no", about_person=False)),
        ("rcpt", "452 4.2.2 full", Later(452, "4.2.2 full")),
        ("rcpt", "552 5.2.2 full", Rejected(552, "5.2.2 full", about_person=False)),
    ],
)
@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refusal_at_any_step_is_that_persons_only(
    start: Start, step: str, reply: str, answer: object, *, pipelining: bool
) -> None:
    provider, witness = start(Act(step, address(3), reply), habits=Habits(pipelining=pipelining))
    result = send(provider, messages(6))
    assert result.answers[PersonId(3)] == answer
    assert people_answered(result, Accepted) == [1, 2, 4, 5, 6]
    assert {handed.connection for handed in witness.handed()} == {1}, "the connection goes on"


def test_what_is_larger_than_the_server_takes_is_not_even_begun(start: Start) -> None:
    provider, witness = start(habits=Habits(size=1000))
    result = send(provider, [large(1, 5000), message(2)])
    answer = result.answers[PersonId(1)]
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.about_person) == (552, False)
    assert people_answered(result, Accepted) == [2]
    assert [handed.recipient for handed in witness.handed()] == [address(2)]


@pytest.mark.parametrize(
    "recipient",
    [
        "jo@example.com>\r\nRCPT TO:<mallory@example.com",
        "jo@example.com\r\n",
        "jo doe@example.com",
        "jö@example.com",
        "jo",
        "",
        "<jo@example.com>",
    ],
)
def test_what_could_break_out_of_an_envelope_is_refused_here(start: Start, recipient: str) -> None:
    provider, witness = start()
    strange = Outgoing(PersonId(1), SENDER, recipient, [b"\r\n"])
    result = send(provider, [strange, message(2)])
    assert people_answered(result, Rejected) == [1]
    assert people_answered(result, Accepted) == [2]
    assert [handed.recipient for handed in witness.handed()] == [address(2)]


def test_a_sender_that_cannot_be_written_is_about_us(start: Start) -> None:
    provider, witness = start()
    strange = Outgoing(PersonId(1), "news@example.com>\r\nDATA", address(1), [b"\r\n"])
    result = send(provider, [strange, message(2)])
    assert result.about_us is not None
    assert people_answered(result, NotBegun) == [1, 2]
    assert not witness.handed()


def test_a_message_without_its_last_line_end_gets_one(start: Start) -> None:
    provider, witness = start()
    short = Outgoing(PersonId(1), SENDER, address(1), [b"Message-ID: <1@x>\r\n\r\nno end"])
    assert people_answered(send(provider, [short, message(2)]), Accepted) == [1, 2]
    assert witness.accepted()[0].size == len(short.content) + 2


# Deadlines and doubt


@pytest.mark.parametrize("pipelining", [True, False])
def test_nobody_is_begun_after_the_deadline_however_slow_the_server(
    start: Start, *, pipelining: bool
) -> None:
    provider, witness = start(Act("dot", delay=0.05), habits=Habits(pipelining=pipelining))
    assert provider.make_ready(1) is None
    deadline = time.monotonic() + 0.3
    bell = Bell()
    result = provider.hand_over(messages(50), begin_before=deadline, all_begun=bell)
    accepted, waiting = people_answered(result, Accepted), people_answered(result, NotBegun)
    assert accepted
    assert waiting
    assert sorted(accepted + waiting) == list(range(1, 51))
    assert max(handed.begun for handed in witness.handed()) < deadline + 0.02
    assert sorted(handed.recipient for handed in witness.accepted()) == sorted(
        address(n) for n in accepted
    )
    assert len(bell.rung) == 1


def test_all_begun_is_told_before_the_reply_to_the_final_dot(start: Start) -> None:
    provider, witness = start(Act("dot", delay=0.4))
    bell = Bell()
    assert people_answered(send(provider, [message(1)], bell=bell), Accepted) == [1]
    (handed,) = witness.accepted()
    assert handed.asked is not None
    assert handed.replied is not None
    assert handed.asked <= bell.rung[0] < handed.replied - 0.2


@pytest.mark.parametrize("pipelining", [True, False])
def test_content_that_is_asked_for_too_late_is_never_given(
    start: Start, *, pipelining: bool
) -> None:
    manners = Manners(connections=1, reply_timeout=5, start_grace=0.2)
    slow = Act("data", delay=0.8)
    provider, witness = start(slow, manners=manners, habits=Habits(pipelining=pipelining))
    provider.make_ready(1)
    bell, begun = Bell(), time.monotonic()
    result = send(provider, messages(2), within=0.1, bell=bell)
    assert kinds(result) == {1: "Later", 2: "NotBegun"}
    assert 0.25 < bell.rung[0] - begun < 0.5
    time.sleep(0.8)
    assert not witness.accepted()


def test_an_envelope_given_up_costs_the_message_before_it_nothing(start: Start) -> None:
    """The second envelope stands behind the first content; the server answers both late."""
    manners = Manners(connections=1, reply_timeout=5, start_grace=0.2)
    provider, witness = start(Act("dot", delay=0.8), manners=manners)
    provider.make_ready(1)
    bell, begun = Bell(), time.monotonic()
    result = send(provider, messages(3), within=0.1, bell=bell)
    assert kinds(result) == {1: "Accepted", 2: "Later", 3: "NotBegun"}
    assert 0.25 < bell.rung[0] - begun < 0.5, "told when the second was given up"
    assert time.monotonic() - begun > 0.7, "and waited for the first"
    assert [handed.recipient for handed in witness.accepted()] == [address(1)]


def test_an_envelope_that_found_no_room_behind_a_long_content_is_taken_back(start: Start) -> None:
    """Else it would leave our buffers long after the deadline, when the server reads again."""
    pause = Act("content", address(1), pause=0.6)
    provider, witness = start(pause, habits=Habits(receive_buffer=8192))
    provider.make_ready(1)
    bell, begun = Bell(), time.monotonic()
    result = send(provider, [large(1, 6_000_000), message(2)], within=0.2, bell=bell)
    assert kinds(result) == {1: "Accepted", 2: "NotBegun"}
    assert 0.15 < bell.rung[0] - begun < 0.4
    provider.close()
    assert [handed.recipient for handed in witness.handed()] == [address(1)]


def test_silence_after_the_final_dot_is_unknown(start: Start) -> None:
    provider, _ = start(Act("dot", address(1), delay=30), manners=QUICK)
    begun = time.monotonic()
    result = send(provider, [message(1)])
    assert isinstance(result.answers[PersonId(1)], Unknown)
    assert 0.3 < time.monotonic() - begun < 2


def test_silence_before_the_content_is_later(start: Start) -> None:
    provider, _ = start(Act("rcpt", address(1), delay=30), manners=QUICK)
    result = send(provider, [message(1)])
    assert people_answered(result, Unknown) == []
    assert people_answered(result, Accepted) == []


def test_a_server_that_stops_reading_in_the_middle_was_not_given_the_message(start: Start) -> None:
    pause = Act("content", address(1), pause=1.0)
    provider, witness = start(pause, manners=QUICK, habits=Habits(receive_buffer=16_384))
    answer = send(provider, [large(1, 20_000_000)]).answers[PersonId(1)]
    assert isinstance(answer, Later)
    time.sleep(0.9)
    assert not witness.accepted()


def test_a_connection_cut_within_the_content_was_not_given_the_message(start: Start) -> None:
    provider, _ = start(Act("content", address(1), cut="instead", times=1))
    result = send(provider, [large(1, 20_000_000), message(2)])
    assert kinds(result) == {1: "Later", 2: "Accepted"}


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_cuts_every_final_dot_leaves_few_in_doubt(
    start: Start, *, pipelining: bool
) -> None:
    provider, witness = start(Act("dot", cut="instead"), habits=Habits(pipelining=pipelining))
    result = send(provider, messages(50))
    assert len(people_answered(result, Unknown)) == 3
    assert result.about_us is not None
    assert len(witness.accepted()) == 3


def test_a_refusal_in_the_middle_of_the_content_is_a_refusal() -> None:
    says = [
        b"220 hi\r\n",
        b"250 mx\r\n",
        b"250 ok\r\n",
        b"250 ok\r\n",
        b"354 go\r\n",
        b"552 5.3.4 big\r\n",
    ]
    with scripted(*says) as port:
        result = send(SmtpProvider(f"smtp://127.0.0.1:{port}"), [large(1, 20_000_000)])
    answer = Rejected(552, "5.3.4 big", about_person=False)
    assert result.answers[PersonId(1)] == answer


def test_everyone_behind_a_lost_connection_is_still_served(start: Start) -> None:
    """The envelope that was pipelined behind the doubtful message goes out again, once."""
    provider, witness = start(Act("dot", address(2), cut="instead"))
    result = send(provider, messages(5))
    assert people_answered(result, Unknown) == [2]
    assert people_answered(result, Accepted) == [1, 3, 4, 5]
    accepted = [handed.recipient for handed in witness.accepted()]
    assert sorted(accepted) == sorted(address(n) for n in range(1, 6)), "nobody twice"


def test_what_a_dead_process_left_in_its_buffers_is_not_delivered(start: Start) -> None:
    """The kernel of a killed sender throws away what the server has not read (SO_LINGER)."""
    pause = Act("content", address(1), pause=1.0)
    provider, witness = start(pause, habits=Habits(receive_buffer=4096))
    child = os.fork()
    if child == 0:
        provider.hand_over([large(1, 300_000)], begin_before=time.monotonic() + 5, all_begun=Bell())
        os._exit(0)
    time.sleep(0.5)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    until = time.monotonic() + 3
    while not witness.handed() and time.monotonic() < until:
        time.sleep(0.05)
    (handed,) = witness.handed()
    assert handed.content is not None
    assert handed.dot is None
    assert not handed.accepted


def test_an_error_of_the_caller_leaves_no_conversation_in_the_middle(start: Start) -> None:
    provider, witness = start(Act("dot", delay=0.2))

    def fail() -> None:
        raise RuntimeError("the sender's own trouble")

    with pytest.raises(RuntimeError, match="own trouble"):
        provider.hand_over([message(1)], begin_before=time.monotonic() + 5, all_begun=fail)
    assert people_answered(send(provider, [message(2)]), Accepted) == [2]
    assert {handed.connection for handed in witness.accepted()} >= {2}


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
