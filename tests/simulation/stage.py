"""Plays seeds one after the other on one database, and adds up what was met."""

import logging
import random
import shutil
import tempfile
import traceback
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy import text

from mailer import people, permission
from mailer.failpoints import acting
from mailer.journal import Journal, JournalLine, read_journal
from mailer.people import NewProfile
from mailer.vault import Vault
from mailer.vocabulary import Topic
from tests.people_of_tests import TestPerson
from tests.simulation.checkers import findings
from tests.simulation.company import open_company
from tests.simulation.crowd import come_to_speak
from tests.simulation.machinery import ServersLocks, UnsteadyDatabase
from tests.simulation.plans import (
    ENOUGH,
    LONG,
    OFTEN,
    POINTS,
    TO_BE_MET,
    aims_of,
    clocks_of,
    plan_of,
)
from tests.simulation.scheduler import Scheduler, Stuck, temper_of
from tests.simulation.world import Cast, World

BEGAN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
UNSTEADY_STEPS = 300
"""After so many steps faults are over."""
CALM_STEPS = 2000
"""Within so many more all work is done."""


@dataclass(frozen=True)
class Played:
    """One seed, and what came of it."""

    seed: int
    wrong: list[str]
    trace: list[str]
    met: Counter[str]
    reached: Counter[str]
    killed_at: Counter[str]

    def told(self) -> str:
        """What a person needs who looks into it."""
        again = f"again: python -m tests.simulation --seed {self.seed}"
        return "\n".join([f"seed {self.seed}", *self.trace, *self.wrong, again])


@dataclass
class Sums:
    """What was met over all seeds of a run."""

    seeds: int = 0
    steps: int = 0
    met: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    killed_at: Counter[str] = field(default_factory=Counter)

    def add(self, played: Played) -> None:
        """Count a seed in."""
        self.seeds += 1
        self.steps += played.met["steps"]
        self.met += played.met
        self.reached += played.reached
        self.killed_at += played.killed_at

    def missing(self) -> list[str]:
        """What was never met that so many seeds must meet (C8)."""
        if self.seeds < ENOUGH:
            return []
        if self.seeds < LONG:
            return [each for each in OFTEN if not self.met[each]]
        never = [f"killed at {each}" for each in POINTS if not self.killed_at[each]]
        return never + [each for each in TO_BE_MET if not self.met[each]]


@dataclass
class Stage:
    """One database for many seeds."""

    url: str
    vault: Vault
    database: UnsteadyDatabase = field(init=False)
    _locks: ServersLocks = field(init=False)
    _folder: Path = field(init=False)
    _journals: list[Journal] = field(default_factory=list)
    _waiting: deque[TestPerson] = field(default_factory=deque)
    _made: int = 0

    def __post_init__(self) -> None:
        self.database = UnsteadyDatabase(self.url)
        self._locks = ServersLocks(self.url)
        memory = Path("/dev/shm")  # noqa: S108 - a disk on which fsync costs nothing
        self._folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))

    def close(self) -> None:
        """Leave the server and the disk as they were."""
        self.database.close()
        self._locks.close()
        shutil.rmtree(self._folder)

    def play(self, seed: int, cast: Cast | None = None) -> Played:
        """Play a seed to its end."""
        chance = random.Random(seed)
        plan = plan_of(chance, clocks_of(seed))
        scheduler = Scheduler(chance, temper_of(chance, aims_of(plan)), self._locks)
        world = World(
            database=self.database,
            vault=self.vault,
            journal=self._journal,
            scheduler=scheduler,
            people=self._some_people(plan.people),
            began=BEGAN,
            plan=plan,
            cast=cast or Cast(),
        )
        wrong = [*self._live(world), *findings(world, self._read_journal())]
        self._clear()
        _count(world)
        return Played(
            seed, wrong, scheduler.trace, scheduler.met, scheduler.reached, scheduler.killed_at
        )

    def _live(self, world: World) -> Iterator[str]:
        """Let a world run until all is done, and say what kept it from that."""
        scheduler = world.scheduler
        open_company(world)
        come_to_speak(world)
        with self._unsteady(world), acting(scheduler.reach):
            try:
                if scheduler.run(UNSTEADY_STEPS, until=world.tend):
                    return
                scheduler.is_calm = True
                if not scheduler.run(CALM_STEPS, until=world.tend):
                    yield f"C7: it does not end: {scheduler.where()}"
            except Stuck as error:
                yield f"C7: {error}"
            except Exception as error:
                yield "".join(traceback.format_exception(error))
            finally:
                scheduler.end()

    @contextmanager
    def _unsteady(self, world: World) -> Iterator[None]:
        self.database.scheduler = world.scheduler
        self.database.unsteady = world.plan.unsteady_database
        try:
            yield
        finally:
            self.database.scheduler = None

    def _journal(self, name: str) -> Journal:
        """A process's own journal; one that comes after it begins another file."""
        journal = Journal(self._folder / "journal", process=name)
        self._journals.append(journal)
        return journal

    def _read_journal(self) -> list[JournalLine]:
        lines = read_journal(self._folder / "journal")
        return [each for each in lines if isinstance(each, JournalLine)]

    def _some_people(self, count: int) -> list[TestPerson]:
        while len(self._waiting) < count:
            self._waiting.extend(self._make_people(500))
        return [self._waiting.popleft() for _ in range(count)]

    def _make_people(self, count: int) -> list[TestPerson]:
        """Make customers in one set; each seed has its own."""
        names = [f"customer{self._made + n}@example.com" for n in range(count)]
        self._made += count
        profiles = [NewProfile(email=each, name="Jo Example", source="shop") for each in names]
        wanted = frozenset({Topic.COMPANY_NEWS})
        with self.database.transaction() as session:
            made = people.upsert_many(session, self.vault, profiles, now=BEGAN)
            permission.admit(session, [each.person_id for each in made], now=BEGAN)
            permission.import_permissions(
                session,
                [permission.ImportedYes(each.person_id, wanted, "shop") for each in made],
                policy_version="2026-11",
                reference="P-SIM-0000",
                now=BEGAN,
            )
        return [
            TestPerson(each.person_id, each.address_id, email)
            for each, email in zip(made, names, strict=True)
        ]

    def _clear(self) -> None:
        """Forget what seeds would share: each begins at the same moment, with nothing to do."""
        with self.database.transaction() as session:
            for table in ("lane", "pace", "throttle"):
                session.execute(text(f"DELETE FROM delivery_{table}"))
            session.execute(_END_ALL)
        for journal in self._journals:
            journal.close()
        self._journals.clear()
        shutil.rmtree(self._folder / "journal", ignore_errors=True)


_END_ALL = text(
    "UPDATE delivery_batch"
    " SET state = CASE state WHEN 'handing' THEN 'unknown' ELSE 'cancelled' END"
    " WHERE state IN ('prepared', 'claimed', 'handing')"
)


def _count(world: World) -> None:
    """Count what shows only at the end."""
    met = world.scheduler.met
    met["steps"] += world.scheduler.steps
    met["messages begun"] += len(world.relay.record)
    met["messages taken"] += sum(each.was_taken for each in world.relay.record)
    met["people of unknown fate"] += world.unknown
    offered = Counter(each.message_id for each in world.relay.record)
    orders = {str(each) for each in world.orders}
    met["copies of order updates"] += sum(
        count - 1 for each, count in offered.items() if each.partition(".")[0] in orders
    )


@contextmanager
def without_logs() -> Iterator[None]:
    """Keep the product quiet: thousands of seeds would log a million lines."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
