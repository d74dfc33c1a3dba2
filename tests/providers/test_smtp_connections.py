"""Connections are kept, replaced, shared with nobody, and given up for others."""

import os
import time

import pytest

from mailer.providers import Accepted, Manners
from mailer.vocabulary import PersonId
from tests.contracts.provider_contract import address, message, messages, people_answered
from tests.promises.witness import Act, Habits
from tests.providers.conftest import Start, send


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


def test_an_error_of_the_caller_leaves_no_conversation_in_the_middle(start: Start) -> None:
    provider, witness = start(Act("dot", delay=0.2))

    def fail() -> None:
        raise RuntimeError("the sender's own trouble")

    with pytest.raises(RuntimeError, match="own trouble"):
        provider.hand_over([message(1)], begin_before=time.monotonic() + 5, all_begun=fail)
    assert people_answered(send(provider, [message(2)]), Accepted) == [2]
    assert {handed.connection for handed in witness.accepted()} >= {2}
