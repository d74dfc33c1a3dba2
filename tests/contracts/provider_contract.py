"""What every provider promises; each provider's tests inherit it and say how to set the stage."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from mailer.providers import (
    AboutUs,
    Accepted,
    HandOver,
    Later,
    NotBegun,
    Outgoing,
    Provider,
    Rejected,
    Unknown,
)
from mailer.vocabulary import PersonId

SENDER = "news@focalpoint.example"


class Stage(Protocol):
    """A provider, and the hand that decides how it is answered."""

    @property
    def provider(self) -> Provider: ...
    def reject(self, recipient: str) -> None: ...
    def put_off(self, recipient: str) -> None: ...
    def leave_in_doubt(self, recipient: str) -> None: ...
    def refuse_us(self) -> None: ...
    def serve_again(self) -> None: ...
    def accepted(self) -> list[tuple[str, bytes]]:
        """Recipient and content of each message that was taken."""
        ...


@dataclass
class Bell:
    """Counts the calls of `all_begun`, and when they came."""

    rung: list[float] = field(default_factory=list)

    def __call__(self) -> None:
        self.rung.append(time.monotonic())


def address(n: int) -> str:
    return f"person.{n}@example.com"


def message(n: int, text: str = "Hello") -> Outgoing:
    head = f"From: {SENDER}\r\nTo: {address(n)}\r\nMessage-ID: <{n}@focalpoint.example>\r\n\r\n"
    return Outgoing(PersonId(n), SENDER, address(n), [f"{head}{text}\r\n".encode()])


def messages(count: int, text: str = "Hello") -> list[Outgoing]:
    return [message(n, text) for n in range(1, count + 1)]


def hand_over(
    stage: Stage, people: Sequence[Outgoing], *, within: float = 20.0, bell: Bell | None = None
) -> HandOver:
    """Hand over with a deadline; whatever happens, the bell must ring exactly once."""
    bell = bell or Bell()
    result = stage.provider.hand_over(
        people, begin_before=time.monotonic() + within, all_begun=bell
    )
    assert len(bell.rung) == 1
    assert set(result.answers) == {each.person_id for each in people}, "everybody is answered"
    return result


def kinds(result: HandOver) -> dict[int, str]:
    return {person: type(answer).__name__ for person, answer in result.answers.items()}


def people_answered(result: HandOver, kind: type) -> list[int]:
    return sorted(person for person, answer in result.answers.items() if isinstance(answer, kind))


class ProviderContract:
    """The contract. A subclass gives the fixture `stage`."""

    def test_everybody_is_accepted_and_gets_their_own_message(self, stage: Stage) -> None:
        people = messages(30)
        result = hand_over(stage, people)
        assert people_answered(result, Accepted) == list(range(1, 31))
        assert result.about_us is None
        assert sorted(stage.accepted()) == sorted((m.recipient, m.content) for m in people)

    def test_an_accepted_message_has_a_reference(self, stage: Stage) -> None:
        answer = hand_over(stage, [message(1)]).answers[PersonId(1)]
        assert isinstance(answer, Accepted)
        assert answer.reference

    def test_lines_that_begin_with_a_dot_arrive_as_they_were(self, stage: Stage) -> None:
        text = ".\r\n..\r\n.hidden\r\n.\r\nMAIL FROM:<mallory@example.com>\r\nend"
        people = [message(1, text), message(2)]
        assert people_answered(hand_over(stage, people), Accepted) == [1, 2]
        assert sorted(stage.accepted()) == sorted((m.recipient, m.content) for m in people)

    def test_a_rejected_person_costs_nobody_else_their_mail(self, stage: Stage) -> None:
        stage.reject(address(5))
        result = hand_over(stage, messages(12))
        assert people_answered(result, Rejected) == [5]
        assert people_answered(result, Accepted) == [n for n in range(1, 13) if n != 5]
        answer = result.answers[PersonId(5)]
        assert isinstance(answer, Rejected)
        assert answer.about_person
        assert answer.code == 550
        assert address(5) not in [recipient for recipient, _ in stage.accepted()]

    def test_three_rejected_people_in_a_row_cost_nobody_else_their_mail(self, stage: Stage) -> None:
        for n in (1, 2, 3):
            stage.reject(address(n))
        result = hand_over(stage, messages(8))
        assert people_answered(result, Rejected) == [1, 2, 3]
        assert people_answered(result, Accepted) == [4, 5, 6, 7, 8]

    def test_a_refused_address_is_reported_not_raised_and_not_repeated(self, stage: Stage) -> None:
        stage.reject(address(1))
        answer = hand_over(stage, [message(1)]).answers[PersonId(1)]
        assert isinstance(answer, Rejected)
        assert "@" not in answer.text
        assert "person.1" not in answer.text
        assert address(1) not in repr(message(1))

    def test_who_is_put_off_may_be_offered_again(self, stage: Stage) -> None:
        stage.put_off(address(2))
        result = hand_over(stage, messages(4))
        assert people_answered(result, Later) == [2]
        assert people_answered(result, Accepted) == [1, 3, 4]
        assert people_answered(hand_over(stage, [message(2)]), Accepted) == [2]
        assert sorted(recipient for recipient, _ in stage.accepted()) == [
            address(n) for n in (1, 2, 3, 4)
        ]

    def test_no_answer_to_the_final_dot_is_unknown_and_names_the_doubt(self, stage: Stage) -> None:
        stage.leave_in_doubt(address(3))
        result = hand_over(stage, messages(12))
        assert people_answered(result, Unknown) == [3]
        assert people_answered(result, Accepted) == [n for n in range(1, 13) if n != 3]
        answer = result.answers[PersonId(3)]
        assert isinstance(answer, Unknown)
        assert "final dot" in answer.text

    def test_what_is_about_us_stops_everybody_and_blames_nobody(self, stage: Stage) -> None:
        stage.refuse_us()
        result = hand_over(stage, messages(20))
        assert isinstance(result.about_us, AboutUs)
        assert result.about_us.code == 530
        assert set(kinds(result).values()) <= {"Later", "NotBegun"}
        assert people_answered(result, NotBegun)
        assert not stage.accepted()

    def test_after_trouble_about_us_it_serves_again(self, stage: Stage) -> None:
        stage.refuse_us()
        hand_over(stage, messages(2))
        stage.serve_again()
        assert people_answered(hand_over(stage, messages(2)), Accepted) == [1, 2]

    def test_nobody_is_begun_after_the_deadline(self, stage: Stage) -> None:
        result = hand_over(stage, messages(5), within=-0.001)
        assert kinds(result) == dict.fromkeys(range(1, 6), "NotBegun")
        assert result.about_us is None
        assert not stage.accepted()

    def test_nobody_at_all_is_a_slice_too(self, stage: Stage) -> None:
        assert hand_over(stage, []).answers == {}

    def test_a_person_twice_in_a_slice_is_refused(self, stage: Stage) -> None:
        with pytest.raises(ValueError, match="twice"):
            stage.provider.hand_over(
                [message(1), message(1)], begin_before=time.monotonic() + 5, all_begun=Bell()
            )
        assert not stage.accepted()

    def test_it_can_be_made_ready_beforehand(self, stage: Stage) -> None:
        assert stage.provider.make_ready(500) is None
        assert people_answered(hand_over(stage, messages(3)), Accepted) == [1, 2, 3]

    def test_closing_twice_is_no_harm_and_the_next_use_reopens(self, stage: Stage) -> None:
        stage.provider.close()
        hand_over(stage, [message(1)])
        stage.provider.close()
        stage.provider.close()
        assert people_answered(hand_over(stage, [message(2)]), Accepted) == [2]
        assert len(stage.accepted()) == 2
