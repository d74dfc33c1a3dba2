"""A relay that takes most messages, and whose record is the witness."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mailer.providers import (
    AboutUs,
    Accepted,
    Answer,
    HandOver,
    Later,
    NotBegun,
    Outgoing,
    Rejected,
    Unknown,
)
from mailer.vocabulary import PersonId
from tests.simulation.scheduler import Scheduler

NO_REPLY = Unknown("no reply to the final dot")
"""The one message of unknown fate that was taken."""
BUSY = Later(421, "4.7.0 too many messages")
"""Said to one, and about us all."""
TROUBLE: Sequence[Answer] = (
    NO_REPLY,
    Unknown("cut before the final dot"),
    Rejected(550, "5.1.1 no such mailbox", about_person=True),
    Rejected(554, "5.6.0 not this message", about_person=False),
    BUSY,
    Later(451, "4.2.0 later"),
)


@dataclass
class Begun:
    """A message of which the relay has seen the beginning: its record is the witness."""

    message_id: str
    recipient: str
    step: int
    seconds: float
    was_taken: bool = False
    answer: Answer | None = None
    """What the sender was told; None where it died before."""


@dataclass
class UnsteadyRelay:
    """Takes most messages; some later, never, or without a word."""

    scheduler: Scheduler
    unsteady: float
    record: list[Begun] = field(default_factory=list)
    name: str = "simulated"

    def make_ready(self, messages: int) -> AboutUs | None:
        """Open nothing; now and then there is no connection."""
        if self._happens(0.1):
            self.scheduler.note("no connection")
            return AboutUs(0, "no connection")
        return None

    def hand_over(
        self,
        messages: Sequence[Outgoing],
        *,
        begin_before: float,
        all_begun: Callable[[], None],
    ) -> HandOver:
        """Offer each message once; on one connection, or everything begun at once."""
        answers: dict[PersonId, Answer] = {}
        about_us: list[AboutUs] = []
        at_once = self.scheduler.chance.random() < 0.5
        begun: list[tuple[Outgoing, Begun]] = []
        for message in messages:
            if about_us or not self._may_begin(begin_before):
                answers[message.person_id] = NotBegun()
                continue
            begun.append((message, self._begin(message)))
            if not at_once and message is not messages[-1]:
                answers[message.person_id] = self._fate(begun.pop()[1], about_us)
        all_begun()
        for message, each in begun:
            answers[message.person_id] = self._fate(each, about_us)
        return HandOver(answers, about_us[0] if about_us else None)

    def close(self) -> None:
        """Nothing is open."""

    def _may_begin(self, begin_before: float) -> bool:
        """Look at the clock; what happens between the look and the first byte is the kernel's."""
        if self.scheduler.seconds >= begin_before:
            return False
        self.scheduler.rest("a look at the clock")
        return True

    def _begin(self, message: Outgoing) -> Begun:
        scheduler = self.scheduler
        message_id = message.pieces[0].decode()
        begun = Begun(message_id, message.recipient, scheduler.steps, scheduler.seconds)
        self.record.append(begun)
        scheduler.rest("an open envelope")
        return begun

    def _fate(self, begun: Begun, about_us: list[AboutUs]) -> Answer:
        answer = self._answer(begun, about_us)
        self.scheduler.rest("a fate that nobody has looked at")
        begun.answer = answer
        return answer

    def _answer(self, begun: Begun, about_us: list[AboutUs]) -> Answer:
        if not self._happens(1.0):
            begun.was_taken = True
            return Accepted("250 taken")
        answer = self.scheduler.chance.choice(TROUBLE)
        if isinstance(answer, Unknown):
            begun.was_taken = answer is NO_REPLY
            self._keep_silent()
        if answer is BUSY:
            about_us.append(AboutUs(BUSY.code, BUSY.text))
        return answer

    def _keep_silent(self) -> None:
        """Say nothing until the connection is cut, or the time to reply is over."""
        self.scheduler.note("an ambiguous hand-over")
        self.scheduler.rest("a silence", self.scheduler.chance.choice((0.0, 5.0, 30.0, 60.0)))

    def _happens(self, share: float) -> bool:
        if self.scheduler.is_calm:
            return False
        return self.scheduler.chance.random() < self.unsteady * share
