"""Deadlines, silence and cuts: who was not begun, who may go later, and who is in doubt."""

import os
import signal
import time

import pytest

from mailer.providers import AboutUs, Accepted, Later, Manners, NotBegun, Unknown
from mailer.vocabulary import PersonId
from tests.contracts.provider_contract import (
    Bell,
    address,
    kinds,
    message,
    messages,
    people_answered,
)
from tests.promises.witness import Act, Habits
from tests.providers.conftest import QUICK, Start, large, send


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
    assert result.about_us == AboutUs(0, "the server ends our connections")
    assert len(witness.accepted()) == 3


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
    assert handed.begun <= handed.content
    assert handed.dot is None
    assert not handed.accepted
