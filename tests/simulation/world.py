"""What one seed plays in: its plan, its people, and what was promised to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailer.database import CommitInDoubt, DatabaseAway
from mailer.delivery import Brake, Gate, Limits, MailingState, OptOuts, Pace, Sender
from mailer.delivery.claimed import Claimed
from mailer.delivery.gate import Passed, Prepared
from mailer.delivery.window import Window
from mailer.failpoints import Failpoint
from mailer.journal import Journal, JournalUnwritable
from mailer.providers import HandOver
from mailer.vault import Vault
from mailer.vocabulary import MailingId, PersonId
from tests.people_of_tests import TestPerson
from tests.simulation.machinery import SimulatedWindow, UnsteadyDatabase
from tests.simulation.relay import UnsteadyRelay
from tests.simulation.scheduler import Actor, Scheduler

OPENINGS: Sequence[str] = (
    Failpoint.CLAIMED,
    Failpoint.WINDOW_OPEN,
    Failpoint.IN_HAND,
    Failpoint.GATE_DECIDED,
    Failpoint.GATE_ARMED,
    "a look at the clock",
    "a statement",
    Failpoint.HANDED_OVER,
)
"""What wishes are aimed at: the moments around which a batch is in hand."""
OTHER_HOST = ("sender-2", "sweep")
"""Who lives on a host whose clock may be apart from everybody else's."""
AWAY = (DatabaseAway, CommitInDoubt, JournalUnwritable)
"""What a door answers with 'try again': nothing may be said to be kept."""


@dataclass(frozen=True)
class HostClocks:
    """How far the other host's clock is ahead, or behind, and when it is set right, at one step."""

    ahead: float
    right_from: float

    def of(self, name: str, seconds: float) -> float:
        """Return how far somebody's clock is ahead at a moment."""
        is_apart = name in OTHER_HOST and seconds < self.right_from
        return self.ahead if is_apart else 0.0


@dataclass(frozen=True)
class Plan:
    """What a seed lets happen, drawn before anything does."""

    people: int
    mailings: int
    orders: int
    unsteady_relay: float
    unsteady_database: float
    pace: Pace
    limits: Limits | None
    brake: Brake
    staff: MailingState | None
    wishes: tuple[str, ...]
    clocks: HostClocks
    idle: float = 0.5
    """Seconds until a sender that found nothing looks again; longer each time."""

    @property
    def may_brake(self) -> bool:
        """Whether the safety brake can stop anything."""
        return self.brake.after <= self.people


class WatchedGate(Gate):
    """The gate, whose drops are counted."""

    def __init__(self, database: UnsteadyDatabase, relay: UnsteadyRelay) -> None:
        super().__init__(database, relay)
        self._scheduler = relay.scheduler

    def hand_over(
        self,
        batch: Claimed,
        prepared: Mapping[PersonId, Prepared],
        window: Window,
        *,
        now: datetime,
    ) -> tuple[Passed, HandOver]:
        passed, answer = super().hand_over(batch, prepared, window, now=now)
        for _ in passed.refused:
            self._scheduler.note("somebody dropped at the gate")
        return passed, answer


@dataclass(frozen=True)
class Cast:
    """Who plays the parts that a promise hangs on: the product's own, but where a test says so."""

    gate: type[WatchedGate] = WatchedGate
    sender: type[Sender] = Sender
    opt_outs: type[OptOuts] = OptOuts
    window: type[SimulatedWindow] = SimulatedWindow


@dataclass(frozen=True)
class No:
    """A no whose acknowledgement has left, by the steps of the scheduler."""

    person: TestPerson
    kind: str
    asked: int
    looked: int
    """When it was known which batches were in hand (O2)."""
    step: int
    seconds: float
    reference: str
    left: frozenset[MailingId]
    unsure: frozenset[MailingId]


@dataclass
class Yes:
    """Somebody's later yes; until it is answered it may hold or not."""

    person: TestPerson
    asked: int
    answered: float = float("inf")
    is_stale: bool = False


@dataclass
class World:
    """Everything that actors share, and what is looked at when all is over."""

    database: UnsteadyDatabase
    vault: Vault
    journal: Callable[[str], Journal]
    scheduler: Scheduler
    people: Sequence[TestPerson]
    began: datetime
    plan: Plan
    cast: Cast
    relay: UnsteadyRelay = field(init=False)
    nos: list[No] = field(default_factory=list)
    yeses: list[Yes] = field(default_factory=list)
    mailings: list[MailingId] = field(default_factory=list)
    orders: dict[MailingId, TestPerson] = field(default_factory=dict)
    first_readers: dict[str, PersonId] = field(default_factory=dict)
    """By the key of an order update, for whom it was made."""
    is_over: bool = False
    unknown: int = 0
    """People of unknown fate in the books at the end."""
    _references: int = 0
    _employees: dict[str, Actor] = field(default_factory=dict)
    _errands: dict[str, Actor] = field(default_factory=dict)
    _given_up: set[str] = field(default_factory=set)
    _bound: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.relay = UnsteadyRelay(self.scheduler, self.plan.unsteady_relay)

    def now(self) -> datetime:
        """The time of day where the actor lives who asks."""
        me, seconds = self.scheduler.me, self.scheduler.seconds
        ahead = self.plan.clocks.of(me.name, seconds) if me else 0.0
        return self.began + timedelta(seconds=seconds + ahead)

    def reference(self) -> str:
        """A reference for an answer, which nobody else has in this world."""
        self._references += 1
        return f"P-SIM-{self._references:04}"

    def all_mailings(self) -> list[MailingId]:
        """Every mailing of this world."""
        return [*self.mailings, *self.orders]

    # Who plays

    def employ(self, name: str, play: Callable[[], None]) -> None:
        """Have a process run until all is over: whoever is killed is replaced."""
        self._employees[name] = self.scheduler.add(name, play)

    def send_out(self, name: str, play: Callable[[], None], *, may_give_up: bool = True) -> None:
        """Have somebody do one thing; without an answer they come again, or may give it up."""
        self._errands[name] = self.scheduler.add(name, play)
        if not may_give_up:
            self._bound.add(name)

    def tend(self) -> bool:
        """Put others in the place of those who were killed; say whether all is over."""
        for name, actor in self._employees.items():
            if actor.is_over and actor.was_killed:
                self._employees[name] = self.scheduler.add(name, actor.play)
        for name, actor in self._errands.items():
            if actor.is_over and actor.was_killed and name not in self._given_up:
                self._come_again(name, actor)
        return self.is_over

    def are_errands_done(self) -> bool:
        """Say whether nobody has anything to ask any more."""
        return all(each.is_over for each in self._errands.values())

    def _come_again(self, name: str, actor: Actor) -> None:
        if name not in self._bound and self.scheduler.chance.random() < 0.3:
            self._given_up.add(name)
        else:
            self._errands[name] = self.scheduler.add(name, actor.play)
