"""A refusal of one message, by the server or before it, is that person's only."""

import pytest

from mailer.providers import Accepted, Later, Outgoing, Rejected, SmtpProvider
from mailer.vocabulary import PersonId
from tests.contracts.provider_contract import SENDER, address, message, messages, people_answered
from tests.promises.witness import Act, Habits
from tests.providers.conftest import Start, large, send
from tests.providers.scripted import scripted


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


def test_a_message_without_its_last_line_end_gets_one(start: Start) -> None:
    provider, witness = start()
    short = Outgoing(PersonId(1), SENDER, address(1), [b"Message-ID: <1@x>\r\n\r\nno end"])
    assert people_answered(send(provider, [short, message(2)]), Accepted) == [1, 2]
    assert witness.accepted()[0].size == len(short.content) + 2


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
