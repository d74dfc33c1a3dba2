"""Plays seeds one after the other on one database, and adds up what was met."""

import logging
import shutil
import tempfile
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
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
from mailer.providers import Later
from mailer.vault import Vault
from mailer.vocabulary import Topic
from tests.people_of_tests import TestPerson
from tests.simulation.checkers import MINUTE, findings
from tests.simulation.company import open_company
from tests.simulation.crowd import come_to_speak
from tests.simulation.machinery import ServersLocks, UnsteadyDatabase
from tests.simulation.plans import POINTS, aims_of, clocks_of
from tests.simulation.relay import Begun
from tests.simulation.scheduler import Scheduler, Stuck, temper_of
from tests.simulation.sizes import LARGE, OFTEN, Size
from tests.simulation.world import Cast, World

BEGAN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CALM_STEPS = 2000
"""Within so many steps after the faults all work is done."""


@dataclass(frozen=True)
class Played:
    """One seed, and what came of it."""

    seed: int
    size: Size
    wrong: list[str]
    trace: list[str]
    met: Counter[str]
    reached: Counter[str]
    killed_at: Counter[str]

    def told(self) -> str:
        """What a person needs who looks into it."""
        again = f"again: python -m tests.simulation{self.size.option} --seed {self.seed}"
        return "\n".join([f"{self.size.name} seed {self.seed}", *self.trace, *self.wrong, again])


@dataclass
class Sums:
    """What was met over all seeds of a run."""

    size: Size = LARGE
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
        if self.seeds < self.size.enough:
            return []
        if self.seeds < self.size.long:
            return [each for each in OFTEN if not self.met[each]]
        never = [f"killed at {each}" for each in POINTS if not self.killed_at[each]]
        return never + [each for each in self.size.everything if not self.met[each]]


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

    def play(self, seed: int, cast: Cast | None = None, size: Size = LARGE) -> Played:
        """Play a seed of a size to its end."""
        chance = size.chance(seed)
        plan = size.plan(chance, clocks_of(seed))
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
        wrong = [*self._live(world, size.unsteady_steps), *findings(world, self._read_journal())]
        self._clear()
        _count(world)
        return Played(
            seed,
            size,
            wrong,
            scheduler.trace,
            scheduler.met,
            scheduler.reached,
            scheduler.killed_at,
        )

    def play_all(self, seeds: Iterable[int], size: Size) -> None:
        """Play seeds one after the other; each must keep the promises, and all must meet enough."""
        sums = Sums(size)
        for seed in seeds:
            played = self.play(seed, size=size)
            assert not played.wrong, played.told()
            sums.add(played)
        assert sums.missing() == [], "a run that met too little shows nothing"

    def _live(self, world: World, unsteady_steps: int) -> Iterator[str]:
        """Let a world run until all is done, and say what kept it from that."""
        scheduler = world.scheduler
        open_company(world)
        come_to_speak(world)
        with self._unsteady(world), acting(scheduler.reach):
            try:
                if scheduler.run(unsteady_steps, until=world.tend):
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
            session.execute(_CLEAR)
        for journal in self._journals:
            journal.close()
        self._journals.clear()
        shutil.rmtree(self._folder / "journal", ignore_errors=True)


_CLEAR = text(
    "WITH lanes AS (DELETE FROM delivery_lane), paces AS (DELETE FROM delivery_pace),"
    " throttles AS (DELETE FROM delivery_throttle)"
    " UPDATE delivery_batch"
    " SET state = CASE state WHEN 'handing' THEN 'unknown' ELSE 'cancelled' END"
    " WHERE state IN ('prepared', 'claimed') OR state = 'handing'"
)
"""In one statement, each condition worded as an index has it: seeds must be cheap."""


def _count(world: World) -> None:
    """Count what shows only at the end."""
    met = world.scheduler.met
    met["steps"] += world.scheduler.steps
    met["messages begun"] += len(world.relay.record)
    met["messages taken"] += sum(each.was_taken for each in world.relay.record)
    met["people of unknown fate"] += world.unknown
    met["tried again later, as asked"] += sum(map(_tried_again, _offers(world)))
    met["put off by a pace for a minute"] += _put_off(world)
    offered = Counter(each.message_id for each in world.relay.record)
    orders = {str(each) for each in world.orders}
    met["copies of order updates"] += sum(
        count - 1 for each, count in offered.items() if each.partition(".")[0] in orders
    )


def _offers(world: World) -> Iterator[list[Begun]]:
    """Yield the offers of each message, in order."""
    offers = defaultdict[str, list[Begun]](list)
    for each in world.relay.record:
        offers[each.message_id].append(each)
    yield from offers.values()


def _tried_again(offers: list[Begun]) -> bool:
    return any(isinstance(each.answer, Later) for each in offers[:-1])


def _put_off(world: World) -> int:
    """Count the first campaign's people who began a minute after its first, as its pace wants."""
    if world.plan.limits is None:
        return 0
    number = f"{world.mailings[0]}."
    first = [each for each in _offers(world) if each[0].message_id.startswith(number)]
    began = [each[0].seconds for each in first]
    return sum(each - min(began) >= MINUTE for each in began)


@contextmanager
def without_logs() -> Iterator[None]:
    """Keep the product quiet: thousands of seeds would log a million lines."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
