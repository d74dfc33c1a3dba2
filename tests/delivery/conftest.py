"""A road for tests: real database and journal, the fake provider, a press without letters."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from sqlalchemy import text

from mailer import people
from mailer.database import Database
from mailer.delivery import (
    Brake,
    Clearance,
    Clocks,
    Gate,
    Limits,
    NewMailing,
    OptOuts,
    Pace,
    Reaper,
    Sender,
    SenderClock,
    SenderSettings,
    create_mailing,
    prepare_audience,
    send_to_one,
)
from mailer.delivery.claimed import Claimed
from mailer.delivery.gate import Prepared
from mailer.delivery.window import StartWindow
from mailer.journal import Journal
from mailer.people import AudienceFilter, audience_of
from mailer.permission import read_cap
from mailer.providers import MemoryProvider, Outgoing, Provider
from mailer.vault import Vault
from mailer.vocabulary import MailingId, PersonId, Reason, Stream, Topic
from tests.open_window import open_window
from tests.people_of_tests import TestPerson, a_customer, many_customers

REPLY_TIMEOUT = timedelta(seconds=60)


class PlainPress:
    """Prints the person's address and name; enough to see who got what."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self.after_printing: Callable[[], None] = lambda: None
        self.unprintable: dict[PersonId, Reason] = {}

    def print_messages(
        self, batch: Claimed, *, untracked: Collection[PersonId], now: datetime
    ) -> Mapping[PersonId, Prepared | Reason]:
        with self._database.reading() as session:
            profiles = people.profiles_of(session, self._vault, list(batch.people))
        printed: dict[PersonId, Prepared | Reason] = {
            person: Prepared(
                Outgoing(person, "news@example.org", profile.email, [profile.name.encode()]),
                version=profile.version,
                tracking=person not in untracked,
            )
            for person, profile in profiles.items()
        }
        self.after_printing()
        return printed | self.unprintable


@dataclass
class Road:
    """Everything on the road, with a clock that the test moves."""

    database: Database
    vault: Vault
    provider: MemoryProvider
    press: PlainPress
    opt_outs: OptOuts
    journal: Journal
    time: list[datetime]
    references: list[str] = field(default_factory=list)
    is_no_waiting: threading.Event = field(default_factory=threading.Event)
    """Set once an opt-out waits for a batch in hand."""
    sender: Sender = field(init=False)
    reaper: Reaper = field(init=False)

    def __post_init__(self) -> None:
        self.sender = self.worker()
        self.reaper = Reaper(self.seconds)

    def worker(
        self,
        *,
        database: Database | None = None,
        provider: Provider | None = None,
        pace: Pace | None = None,
        cap: str = "",
        sleep: Callable[[float], None] = lambda seconds: None,
        window: StartWindow = open_window,
        clearance: Clearance | None = None,
    ) -> Sender:
        """Another sender on this road, by its clock; what is not named is the road's."""
        database, limit = database or self.database, read_cap(cap)
        return Sender(
            database,
            Gate(database, provider or self.provider, cap=limit),
            self.press,
            self.journal,
            SenderClock(lambda: self.now, sleep=sleep, window=window),
            SenderSettings(lease=timedelta(seconds=30), pace=pace or Pace(), cap=limit),
            clearance,
        )

    def cap(self, text: str) -> None:
        """Let the company send no more than this to one mailbox."""
        self.sender = self.worker(cap=text)

    @property
    def now(self) -> datetime:
        return self.time[0]

    def seconds(self) -> float:
        return self.now.timestamp()

    def later(self, **by: float) -> None:
        self.time[0] += timedelta(**by)

    def sweep(self, *, ahead: timedelta = timedelta(0)) -> int:
        """One look for dead senders' batches, on a host whose time of day may be another."""
        with self.database.transaction() as session:
            return self.reaper.reap(session, reply_timeout=REPLY_TIMEOUT, now=self.now + ahead)

    def give_up(self) -> int:
        """Let so much time pass that what is in hand now is given up."""
        self.sweep()
        self.later(seconds=100)
        return self.sweep()

    def customer(self, name: str, **more: Any) -> TestPerson:
        with self.database.transaction() as session:
            return a_customer(session, self.vault, name, now=self.now, **more)

    def crowd(self, size: int) -> list[TestPerson]:
        with self.database.transaction() as session:
            return many_customers(session, self.vault, size, now=self.now)

    def campaign(
        self,
        key: str = "campaign:1",
        topic: Topic = Topic.COMPANY_NEWS,
        *,
        pace: Limits | None = None,
        brake: Brake | None = None,
    ) -> MailingId:
        """A campaign to everybody."""
        new = NewMailing(
            key, "promotional", Stream.PROMOTIONAL, topic, content={}, pace=pace, brake=brake
        )
        with self.database.transaction() as session:
            mailing = create_mailing(session, new, now=self.now)
            assert mailing is not None
            prepare_audience(session, mailing, audience_of(AudienceFilter()), now=self.now)
        return mailing

    def order_update(self, person: TestPerson, key: str = "order:1:shipped:1") -> MailingId:
        with self.database.transaction() as session:
            mailing = create_mailing(
                session, NewMailing(key, "order_shipped", Stream.ORDER_UPDATE), now=self.now
            )
            assert mailing is not None
            send_to_one(
                session,
                mailing,
                person_id=person.person_id,
                address_id=person.address_id,
                now=self.now,
            )
        return mailing

    def got(self) -> list[str]:
        """The addresses that the provider accepted mail for, in order."""
        return [each.recipient for each in self.provider.accepted]


@pytest.fixture
def road(database: Database, vault: Vault, tmp_path: Path, now: datetime) -> Iterator[Road]:
    time = [now]
    provider = MemoryProvider()
    press = PlainPress(database, vault)
    journal = Journal(tmp_path / "journal", process="test")
    numbers = iter(range(10_000))
    is_no_waiting = threading.Event()

    def wait(seconds: float) -> None:
        is_no_waiting.set()
        sleep(seconds)

    yield Road(
        is_no_waiting=is_no_waiting,
        database=database,
        vault=vault,
        provider=provider,
        press=press,
        journal=journal,
        time=time,
        opt_outs=OptOuts(
            database,
            vault,
            journal,
            Clocks(now=lambda: time[0], sleep=wait),
            lambda: f"P-TEST-{next(numbers):04}",
        ),
    )
    journal.close()


def is_anybody_waiting(road: Road) -> bool:
    """Say whether somebody waits for a lock in this database, of several on a server, at this moment."""
    waits = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with road.database.reading() as session:
        return session.execute(text(waits)).first() is not None
