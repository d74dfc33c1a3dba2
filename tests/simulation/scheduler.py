"""One actor at a time, chosen from a seed: what a seed does once it does always.

Actors are threads that hand the baton back wherever they stand at a failpoint, sleep, or now and
then between two statements; between two such places nobody else runs. A kill is an exception that
the product does not catch, raised at such a place. Time passes only when the scheduler says so. An
actor whose statement waits for a lock of the database gives the baton back by that; when the lock
is free, it finishes that statement and waits to be chosen.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailer.failpoints import Failpoint

JUMPS = (0.05, 0.4, 1.1, 2.6, 3.1, 35.0)
"""Seconds that pass at once: within a window, past its second, its end, the barrier, a lease."""
STOPS = (0.5, 1.3, 2.0, 3.5, 40.0)
"""Seconds for which an actor is stopped."""
OUT_OF_HAND = ("the beginning", "before ", "between ", "a wait for ")
"""How the names of places begin at which an actor has nothing in hand: nobody is killed there."""
MOMENT = 0.02
"""Real seconds after which an actor that did not come back may be waiting for a lock; then longer."""
LONGEST = 30.0
"""Real seconds after which an actor that waits for no lock is stuck."""


class SimulatedKill(BaseException):
    """kill -9 of the actor that stands here."""


class Stuck(Exception):
    """An actor did not hand the baton back, or the world did not come to its end."""


class LockWatch(Protocol):
    """Says whether the statement of a server process waits for a lock that another holds."""

    def is_waiting(self, backend: int) -> bool:
        """Ask the server now."""


def _locked() -> threading.Lock:
    """Return a lock that waits for its first release."""
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False)
class Actor:
    """A process of the service, played by a thread."""

    name: str
    play: Callable[[], None]
    stands_at: str = "the beginning"
    wakes_at: float = 0.0
    waits_for: str = ""
    """Where somebody else must stand for it to wake."""
    is_blocked: bool = False
    is_over: bool = False
    is_doomed: bool = False
    was_killed: bool = False
    ends_at: float | None = None
    """When the kernel ends it: its start window is armed."""
    backend: int = 0
    """The server's process that ran its last statement."""
    last_point: Failpoint | None = None
    stood: dict[Failpoint, int] = field(default_factory=dict)
    """At which step it stood last at each point."""
    failure: BaseException | None = None
    go: threading.Lock = field(default_factory=_locked)
    back: threading.Lock = field(default_factory=_locked)
    """The baton: a lock costs less than a semaphore, and each step hands it over twice."""
    thread: threading.Thread | None = None


@dataclass(frozen=True, slots=True)
class Temper:
    """How a seed likes to choose: drawn once, so that seeds differ in kind."""

    loyalty: float
    """How likely the actor who played last plays on."""
    jumpiness: float
    pauses: float
    """How likely an actor rests between two statements."""
    stops: float
    """How likely an actor is stopped for seconds wherever it stands."""
    recklessness: float
    """How likely somebody is killed at any point."""
    kills: int
    aims: frozenset[Failpoint]
    """Where somebody is killed rather than elsewhere."""


def temper_of(chance: random.Random, aims: Sequence[Failpoint]) -> Temper:
    """Draw how a seed chooses."""
    kills = chance.choice((0, 1, 1, 2, 3))
    return Temper(
        loyalty=chance.choice((0.0, 0.5, 0.8, 0.95)),
        jumpiness=chance.choice((0.0, 0.02, 0.08, 0.2)),
        pauses=chance.choice((0.0, 0.02, 0.1)),
        stops=chance.choice((0.0, 0.0, 0.01, 0.04)),
        recklessness=chance.choice((0.0, 0.01, 0.04)),
        kills=kills,
        aims=frozenset(chance.sample(aims, kills)),
    )


class Scheduler:
    """Runs actors in an order of its own, and kills some."""

    def __init__(self, chance: random.Random, temper: Temper, locks: LockWatch) -> None:
        self.chance = chance
        self.temper = temper
        self.seconds = 0.0
        self.steps = 0
        self.is_calm = False
        """Faults are over: nobody is killed, and nothing jumps."""
        self.trace: list[str] = []
        self.met: Counter[str] = Counter()
        self.reached: Counter[str] = Counter()
        self.killed_at: Counter[str] = Counter()
        self._kills_left = temper.kills
        self._locks = locks
        self._actors: list[Actor] = []
        self._running: Actor | None = None
        self._last: Actor | None = None
        self._hurried: Actor | None = None
        self._hurry = 0
        self._here = threading.local()

    # What actors call

    @property
    def me(self) -> Actor | None:
        """The actor whose thread this is; None in the scheduler's own."""
        actor: Actor | None = getattr(self._here, "actor", None)
        return actor

    @property
    def actor(self) -> Actor:
        """The actor whose thread this is; asked by nobody else."""
        if self.me is None:
            raise AssertionError("only actors ask who they are")
        return self.me

    def monotonic(self) -> float:
        """Seconds of this world."""
        return self.seconds

    def reach(self, point: Failpoint) -> None:
        """Stand at a failpoint: be killed there, rest there, or go on."""
        actor = self.me
        if actor is None:
            return
        self._be_chosen(actor)
        actor.last_point, actor.stood[point] = point, self.steps
        self.reached[point] += 1
        self.rest(point)

    def rest(self, where: str, seconds: float = 0.0) -> None:
        """Hand the baton back, and go on when chosen again, so many seconds later at the earliest."""
        actor = self.me
        if actor is None:
            return
        woken = [each for each in self._actors if each.waits_for == where]
        for each in woken:
            self._wake(each)
        if not self.is_calm:
            seconds = max(seconds, self._stop(where, likely=0.3 if woken else self.temper.stops))
        self._hand_back(actor, where, seconds)

    def rest_until(self, where: str, seconds: float) -> None:
        """Rest until anybody else stands at a place, or so many seconds."""
        actor = self.actor
        actor.waits_for = where
        self._hand_back(actor, "a wait for its moment", seconds)
        actor.waits_for = ""

    def _hand_back(self, actor: Actor, where: str, seconds: float) -> None:
        actor.stands_at, actor.wakes_at = where, self.seconds + seconds
        actor.back.release()
        actor.go.acquire()
        if actor.is_doomed:
            raise SimulatedKill

    def _wake(self, actor: Actor) -> None:
        """Let an actor go on that waited for this moment, and often before everybody else."""
        actor.waits_for, actor.wakes_at = "", self.seconds
        self._hurried, self._hurry = actor, self.chance.choice((0, 4, 12, 40))

    def _stop(self, where: str, *, likely: float) -> float:
        """SIGSTOP for some seconds, now and then: until SIGCONT others play on."""
        if where.startswith(OUT_OF_HAND) or not likely or self.chance.random() >= likely:
            return 0.0
        self.note("somebody stopped for seconds")
        return self.chance.choice(STOPS)

    def sleep(self, seconds: float) -> None:
        """Sleep in this world; whoever looks often may be let sleep longer."""
        self.rest("a sleep", max(seconds, self.chance.choice((seconds, 0.1, 0.6, 1.3))))

    def before_statement(self, backend: int) -> None:
        """Stand before a statement; now and then rest there, locks in hand."""
        actor = self.me
        if actor is None:
            return
        self._be_chosen(actor)
        actor.backend = backend
        if self.temper.pauses and not self.is_calm and self.chance.random() < self.temper.pauses:
            self.rest("a statement")

    def after_statement(self) -> None:
        """Stand after a statement, which may have waited for a lock until others had the baton."""
        actor = self.me
        if actor is not None:
            self._be_chosen(actor)

    def note(self, what: str) -> None:
        """Count something that happened, and keep it in the trace."""
        actor = self.me
        self.met[what] += 1
        self.trace.append(f"{self.seconds:9.2f} {actor.name if actor else 'stage'}: {what}")

    def _be_chosen(self, actor: Actor) -> None:
        if actor is not self._running:
            self.rest("a lock that is free")

    # What the stage calls

    def add(self, name: str, play: Callable[[], None]) -> Actor:
        """Let an actor take part from now on; it begins when it is chosen."""
        actor = Actor(name, play, wakes_at=self.seconds)
        actor.thread = threading.Thread(target=self._live, args=(actor,), daemon=True, name=name)
        actor.thread.start()
        self._actors.append(actor)
        return actor

    def run(self, steps: int, *, until: Callable[[], bool]) -> bool:
        """Let the actors play so many steps at most; say whether it came to `until`."""
        for _ in range(steps):
            if until():
                return True
            actor = self._choose([each for each in self._actors if not each.is_over])
            if actor is not None:
                self._play_on(actor)
            self._last = actor
            self._look_after_blocked()
        return until()

    def where(self) -> str:
        """Say where everybody stands."""
        return ", ".join(f"{a.name} at {a.stands_at}" for a in self._actors if not a.is_over)

    def end(self) -> None:
        """Kill whoever is still there, so that no thread outlives its seed."""
        for _ in range(100):
            alive = [each for each in self._actors if not each.is_over]
            for actor in alive:
                actor.is_doomed = True
                if not actor.is_blocked:
                    self._hand_to(actor)
            self._look_after_blocked()
            if not alive:
                return
        raise Stuck("actors that cannot be ended")

    def _choose(self, alive: list[Actor]) -> Actor | None:
        free = [each for each in alive if not each.is_blocked]
        if not free:
            self._await_anybody(alive)
            return None
        self._let_time_pass(min(each.wakes_at for each in free))
        awake = [each for each in free if each.wakes_at <= self.seconds]
        if self._hurried in awake and self._hurry:
            self._hurry -= 1
            return self._hurried
        if self._last in awake and self.chance.random() < self.temper.loyalty:
            return self._last
        return self.chance.choice(awake)

    def _let_time_pass(self, until: float) -> None:
        """Wait for whoever is to wake first, or let some time pass although somebody is awake."""
        if until > self.seconds:
            self.seconds = until
        elif not self.is_calm and self.chance.random() < self.temper.jumpiness:
            self.seconds += self.chance.choice(JUMPS)

    def _play_on(self, actor: Actor) -> None:
        is_late = actor.ends_at is not None and self.seconds >= actor.ends_at
        if is_late or self._wants_to_kill(actor):
            self._doom(actor, "too late " if is_late else "")
        self.steps += 1
        self.trace.append(f"{self.seconds:9.2f} {actor.name}: {actor.stands_at}")
        self._hand_to(actor)

    def _doom(self, actor: Actor, how: str) -> None:
        actor.is_doomed = actor.was_killed = True
        self.killed_at[actor.stands_at] += 1
        self.met["ended by the kernel, too late" if how else "kills"] += 1
        self.trace.append(f"{self.seconds:9.2f} {actor.name} killed {how}at {actor.stands_at}")

    def _wants_to_kill(self, actor: Actor) -> bool:
        if self.is_calm or not self._kills_left:
            return False
        if actor.stands_at.startswith(OUT_OF_HAND):
            return False
        is_aim = actor.stands_at in self.temper.aims
        if self.chance.random() >= (0.6 if is_aim else self.temper.recklessness):
            return False
        self._kills_left -= 1
        return True

    def _hand_to(self, actor: Actor) -> None:
        self._running = actor
        actor.go.release()
        self._await(actor)
        self._running = None
        if actor.failure is not None:
            failure, actor.failure = actor.failure, None
            raise failure

    def _await(self, actor: Actor) -> None:
        """Return when an actor is back, or known to wait for a lock."""
        waited, moment = 0.0, MOMENT
        while not actor.back.acquire(timeout=moment):
            if self._locks.is_waiting(actor.backend):
                if not actor.is_blocked:
                    self.met["lock waits"] += 1
                    self.trace.append(f"{self.seconds:9.2f} {actor.name} waits for a lock")
                actor.is_blocked = True
                return
            waited, moment = waited + moment, moment * 2  # a busy machine is not asked all the time
            if waited > LONGEST:
                raise Stuck(f"{actor.name} did not come back from {actor.stands_at}")
        actor.is_blocked = False

    def _look_after_blocked(self) -> None:
        """Let whoever got its lock finish its statement, before anybody else plays on."""
        for actor in self._actors:
            if actor.is_blocked and not actor.is_over:
                if actor.back.acquire(blocking=False):
                    actor.is_blocked = False
                elif not self._locks.is_waiting(actor.backend):
                    self._await(actor)

    def _await_anybody(self, alive: list[Actor]) -> None:
        """Everybody waits for a lock: a ring, which the server breaks."""
        self.met["rings of locks"] += 1
        self.trace.append(f"{self.seconds:9.2f} everybody waits for a lock")
        waited = 0.0
        while not any(each.back.acquire(timeout=MOMENT) and _unblock(each) for each in alive):
            waited += MOMENT
            if waited > LONGEST:
                raise Stuck("everybody waits for a lock")

    def _live(self, actor: Actor) -> None:
        self._here.actor = actor
        actor.go.acquire()
        try:
            if not actor.is_doomed:
                actor.play()
        except SimulatedKill:
            actor.failure = None
        except BaseException as failure:
            actor.failure = failure
        actor.is_over = True
        actor.back.release()


def _unblock(actor: Actor) -> bool:
    actor.is_blocked = False
    return True
