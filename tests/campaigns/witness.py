"""A provider that keeps its own record of what it was offered and what it answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any

from mailer.providers import Answer, HandOver, MemoryProvider, Outgoing


class Died(BaseException):
    """A sender's process ends here: nothing of ours catches it."""


@dataclass(frozen=True)
class Offer:
    """A message at the provider, and whether it could rightly have come there."""

    mailing: int
    person: int
    wrong: str


class Witness(MemoryProvider):
    """Tells of each message as it comes, and keeps what it answered."""

    def __init__(self, look: Callable[[Outgoing], object]) -> None:
        super().__init__(before_each=look)
        self.told: list[tuple[Outgoing, Answer]] = []

    def hand_over(self, messages: Sequence[Outgoing], **more: Any) -> HandOver:
        done = super().hand_over(messages, **more)
        self.told += [(each, done.answers[each.person_id]) for each in messages]
        return done


def mailing_of(message: Outgoing) -> int:
    return int(message_from_bytes(message.content)["Message-ID"].strip("<").partition(".")[0])


def subject_of(message: Outgoing) -> str:
    return str(message_from_bytes(message.content)["Subject"])


def is_later(answer: Answer) -> bool:
    return type(answer).__name__ in ("Later", "NotBegun")
