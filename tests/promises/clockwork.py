"""Senders as processes of their own under one clock, which stands still until the test moves it.

Every sender tells when it has nothing to do, or until when it sleeps; only when all of them have
told does the clock go on, to the next moment at which anything is due. So a day of sending takes
as long as its messages do, and a moment is what it would be if the machine were fast enough.
"""

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import structlog
from sqlalchemy import text

from mailer.providers import MemoryProvider
from mailer.settings import Settings
from mailer.vocabulary import Lane
from mailer.wiring import Parts, build, build_sender
from tests.open_window import open_window
from tests.promises.record import Recorder
from workers.shift import Shift

SPAWN = multiprocessing.get_context("spawn")
NEXT_BATCH = text(
    """
    SELECT min(greatest(b.not_before, (
        SELECT max(p.next_at) FROM delivery_pace p WHERE p.mailing_id IN (0, m.id))))
    FROM delivery_batch b JOIN delivery_mailing m ON m.id = b.mailing_id
    WHERE b.state = 'prepared' AND m.state = 'sending'
    """
)
NEXT_CAMPAIGN = text(
    "SELECT min(CASE state WHEN 'scheduled' THEN scheduled_for ELSE choose_at END)"
    " FROM campaigns_campaign WHERE state IN ('scheduled', 'sending')"
)
BEAT = timedelta(minutes=5)
"""When is looked again at what was due and did not begin."""

Moment = datetime
Act = Callable[[], None]


@dataclass(frozen=True)
class Clock:
    """A clock in memory that processes share; it stands still until somebody sets it."""

    micros: "Synchronized[int]"

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.micros.value / 1_000_000, UTC)

    def set(self, to: datetime) -> None:
        self.micros.value = round(to.timestamp() * 1_000_000)


def send_for_ever(
    settings: Settings, clock: Clock, conductor: Connection, record: Path, mark: bytes
) -> None:
    """Be one sender: work when told to, tell when there is nothing to do, end on None."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    # By this clock the machine is fast enough; the kernel, which knows better, must not end a sender.
    parts = build(settings, process=record.stem, clock=clock.now, window=open_window)

    def sleep(seconds: float) -> None:
        if seconds <= 0:
            return
        conductor.send(clock.now() + timedelta(seconds=seconds))
        conductor.recv()

    with record.open("wb") as file:
        provider = MemoryProvider(keep=Recorder(file, mark, clock.now))
        sender = build_sender(parts, provider=provider, sleep=sleep)
        while conductor.recv():
            while sender.deliver_one(Lane.PROMOTIONAL):
                pass
            conductor.send(None)
        sender.close()
    parts.close()


@dataclass
class Clockwork:
    """The parts of this process, the senders, and what is to happen at which moment."""

    parts: Parts
    clock: Clock
    senders: list[Connection]
    shift: Shift
    """What starts campaigns, chooses and closes; it is given nothing to deliver."""
    events: list[tuple[datetime, Act]] = field(default_factory=list)
    steps: int = 0
    _asleep: dict[Connection, datetime] = field(default_factory=dict)

    def at(self, moment: datetime, act: Act) -> None:
        """Let something happen when the clock comes to a moment."""
        self.events.append((moment, act))
        self.events.sort(key=lambda each: each[0])

    def run(self, until: datetime) -> None:
        """Move the clock from event to event until nothing is due before a moment."""
        while (due := self._next()) is not None and due <= until:
            now = self.clock.now()
            self.clock.set(due if due > now else now + BEAT)
            self.steps += 1
            self._happen()
            self._tick()
            self._work()
        self._tick()

    def _next(self) -> datetime | None:
        """Return when something is due, or somebody wakes; batches wait while everybody sleeps."""
        is_anybody_free = len(self._asleep) < len(self.senders)
        asked = (NEXT_CAMPAIGN, NEXT_BATCH) if is_anybody_free else (NEXT_CAMPAIGN,)
        with self.parts.database.reading() as session:
            due = [session.execute(each).scalar_one() for each in asked]
        moments = [*due, *self._asleep.values(), *(moment for moment, _ in self.events[:1])]
        return min((each for each in moments if each is not None), default=None)

    def _happen(self) -> None:
        while self.events and self.events[0][0] <= self.clock.now():
            self.events.pop(0)[1]()

    def _tick(self) -> None:
        """Do what beat and a worker do between batches."""
        self.shift.start_campaigns()
        self.shift.decide_campaigns()
        self.shift.tick()

    def _work(self) -> None:
        """Let everybody work who is not asleep, and wait until all have told how they stand."""
        now = self.clock.now()
        working = [each for each in self.senders if self._asleep.get(each, now) <= now]
        for each in working:
            self._asleep.pop(each, None)
            each.send(True)  # noqa: FBT003 - go on
        while working:
            told = wait(working)
            for each in [one for one in working if one in told]:
                working.remove(each)
                until = each.recv()
                if until is not None:
                    self._asleep[each] = until


@contextmanager
def clockwork(
    settings: Settings, folder: Path, *, senders: int, mark: bytes, begins: datetime
) -> Iterator[Clockwork]:
    """Start so many senders under a clock that shows `begins`; their records come into a folder.

    A record says of each message whether it holds the mark.
    """
    clock = Clock(SPAWN.Value("q", 0))
    clock.set(begins)
    parts = build(settings, process="conductor", clock=clock.now)
    pipes = [SPAWN.Pipe() for _ in range(senders)]
    processes = [
        SPAWN.Process(
            target=send_for_ever,
            args=(settings, clock, theirs, folder / f"sender-{n}.given", mark),
            daemon=True,
        )
        for n, (_, theirs) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for _, theirs in pipes:
        theirs.close()  # so that a sender that dies is heard
    try:
        sender = build_sender(parts, provider=MemoryProvider())
        yield Clockwork(parts, clock, [ours for ours, _ in pipes], Shift(parts, sender))
    finally:
        _end([ours for ours, _ in pipes], processes)
        parts.close()


def _end(pipes: Sequence[Connection], processes: Sequence[SpawnProcess]) -> None:
    for pipe in pipes:
        with suppress(OSError):  # of a sender that died its death has been told
            pipe.send(None)
    for process in processes:
        process.join(30)
        process.kill()
        process.join()
