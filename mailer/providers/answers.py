"""What a provider is given, and the few answers it can give: values, never exceptions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailer.vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One whole message for one person.

    `pieces`, put together, are an RFC 5322 message with CRLF line ends, 7-bit, without
    dot-stuffing; most of them are shared by all messages of a mailing. `is_dot_free` is the word of
    whoever wrote it that no line begins with a dot and the last one has its end, so that nobody
    needs to look. `sender` and `recipient` are bare addresses in ASCII.
    """

    person_id: PersonId
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    pieces: Sequence[bytes] = field(repr=False)
    is_dot_free: bool = False

    @property
    def content(self) -> bytes:
        """The whole message."""
        return b"".join(self.pieces)

    @property
    def size(self) -> int:
        """Bytes of the whole message."""
        return sum(map(len, self.pieces))


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has taken the message; `reference` is its own word for it."""

    reference: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider will never take this message.

    `about_person`: the address itself is no good (no such mailbox or domain part), so nothing
    should be mailed to it again. Otherwise the message, its size or a policy was refused.
    """

    code: int
    text: str
    about_person: bool


@dataclass(frozen=True, slots=True)
class Later:
    """Provably not taken; may be offered again. `code` 0: no reply was involved."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The whole message may have been given and no answer came: it was taken, or not."""

    text: str


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Not one byte about this person was given."""


Answer = Accepted | Rejected | Later | Unknown | NotBegun


@dataclass(frozen=True, slots=True)
class AboutUs:
    """The provider has something against us, not against a person: stop, and try later.

    `code` is its reply (421, 530, 535 …), or 0 when there is no connection at all.
    """

    code: int
    text: str


@dataclass(slots=True)
class HandOver:
    """One answer for each person of the slice, and what stopped it, if something did."""

    answers: dict[PersonId, Answer]
    about_us: AboutUs | None = None


class Provider(Protocol):
    """How mail leaves. No text in an answer holds an address."""

    name: str

    def make_ready(self, messages: int) -> AboutUs | None:
        """Open what a hand-over of so many messages needs, before its start window opens.

        Answers what stands in the way. Calling it is never needed, but what it does not do,
        `hand_over` does at the expense of its deadline.
        """
        ...

    def hand_over(
        self,
        messages: Sequence[Outgoing],
        *,
        begin_before: float,
        all_begun: Callable[[], None],
    ) -> HandOver:
        """Offer each message once and answer for each person; trouble is an answer, too.

        No message is begun at or after `begin_before` (on `time.monotonic`). `all_begun` is
        called exactly once: as soon as nothing more will be begun and the provider has asked
        for the content of each message that was begun, or its fate is settled. Each person
        may stand in `messages` once; raises ValueError otherwise.
        """
        ...

    def close(self) -> None:
        """Say goodbye and free what is open; may be called again. The next use reopens."""
        ...


def refuse_doubles(messages: Sequence[Outgoing]) -> None:
    """Raise ValueError when a person stands in a slice twice: answers are kept by person."""
    if len({message.person_id for message in messages}) < len(messages):
        raise ValueError("a person stands in this slice twice")
