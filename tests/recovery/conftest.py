"""A road with a journal that is looked at, and a database that can be put back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from mailer import people, permission, recovery
from mailer.database import Database
from mailer.delivery import Halt, Sender, halts, verdict_now
from mailer.people import NewProfile
from mailer.permission import Change
from mailer.recovery import Replayed, Watch
from mailer.vocabulary import Door, PersonId, Refused, Stream, Topic, Verdict
from tests.delivery.conftest import Road, road
from tests.people_of_tests import TestPerson
from tests.recovery.backups import Backup, back_up

__all__ = ["road"]

NEWS = Topic.COMPANY_NEWS


@dataclass
class Machine:
    """A road whose sender looks at the journal, by a clock that the test moves."""

    road: Road
    seconds: list[float] = field(default_factory=lambda: [0.0])
    backup: Backup | None = None
    watch: Watch = field(init=False)
    sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A sender that starts anew."""
        self.watch = self.watching(self.road.database)
        self.sender = self.road.worker(clearance=self.watch)

    def watching(self, database: Database) -> Watch:
        return Watch(
            database,
            self.road.journal.folder,
            clock=lambda: self.road.now,
            monotonic=lambda: self.seconds[0],
        )

    def later(self) -> None:
        """Let the last look be over."""
        self.seconds[0] += 60

    def back_up(self) -> None:
        self.backup = back_up(self.road.database)

    def restore(self) -> None:
        """Put the database back; the journal knows what came since."""
        assert self.backup is not None
        self.backup.restore()
        self.later()

    def replay(self, **how: Any) -> Replayed:
        return recovery.replay(
            self.road.database, self.road.journal.folder, now=self.road.now, **how
        )

    def halts(self) -> list[Halt]:
        with self.road.database.reading() as session:
            return halts(session)

    def wish(self, who: TestPerson | PersonId, **change: Any) -> None:
        """Let somebody say something on the preference page, a minute after the last."""
        self.road.later(minutes=1)
        person_id = who if isinstance(who, int) else who.person_id
        self.road.opt_outs.change(
            person_id, Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", **change)
        )

    def no(self, who: TestPerson | PersonId) -> None:
        self.wish(who, topics_off=frozenset({NEWS}))

    def yes(self, who: TestPerson) -> None:
        self.wish(who, topics_on=frozenset({NEWS}), seen_version=self.version(who))

    def version(self, who: TestPerson) -> int:
        with self.road.database.reading() as session:
            standing = permission.standing_of(session, who.person_id)
        assert standing is not None
        return standing.version

    def verdict(self, who: TestPerson, topic: Topic = NEWS) -> Verdict:
        with self.road.database.reading() as session:
            address = people.address_of(session, who.person_id)
            return verdict_now(
                session,
                who.person_id,
                address,
                stream=Stream.PROMOTIONAL,
                topic=topic,
                now=self.road.now,
            )

    def is_refused(self, who: TestPerson, topic: Topic = NEWS) -> bool:
        return isinstance(self.verdict(who, topic), Refused)

    def rows(self, sql: str, **values: object) -> list[Any]:
        with self.road.database.reading() as session:
            return list(session.execute(text(sql), values).all())


def arrives(machine: Machine, email: str) -> TestPerson:
    """Let a shop tell of a customer again, with a list's word for their permission."""
    with machine.road.database.transaction() as session:
        profile = NewProfile(email=email, name="Somebody", source="shop")
        made = people.upsert(session, machine.road.vault, profile, now=machine.road.now)
        permission.admit(session, [made.person_id], now=machine.road.now)
        permission.import_permissions(
            session,
            [permission.ImportedYes(made.person_id, frozenset({NEWS}), "shop")],
            policy_version="2026-11",
            reference="P-LIST",
            now=machine.road.now,
        )
    return TestPerson(made.person_id, made.address_id, email)


@pytest.fixture
def machine(road: Road) -> Iterator[Machine]:
    machine = Machine(road)
    yield machine
    if machine.backup is not None:
        machine.backup.forget()


Say = Callable[..., None]
