"""Campaigns over a real database and a real road, with the shipped fake as the provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from mailer import campaigns, people, permission
from mailer.campaigns import (
    Audience,
    Campaign,
    CampaignId,
    Checked,
    Digest,
    DigestAhead,
    NewCampaign,
    Plan,
)
from mailer.database import Database
from mailer.letters import PromotionalContent
from mailer.people import NewProfile
from mailer.permission import Change
from mailer.providers import MemoryProvider
from mailer.settings import Settings
from mailer.vocabulary import Door, Lane, Reason, Topic
from mailer.wiring import Parts, build, build_sender
from tests.open_window import open_window
from tests.people_of_tests import TestPerson, a_customer, many_customers
from tests.web.house import settings_for

BY = "api_key:1"
BOTH = (Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES)
SITE = "https://www.focalpointsystem.com"


def new_campaign(**audience: object) -> NewCampaign:
    """The autumn campaign, to everybody or to fewer."""
    return NewCampaign(
        name="Autumn release",
        topic=Topic.COMPANY_NEWS,
        content=PromotionalContent.sample(),
        audience=Audience(**audience),
    )


@dataclass
class Desk:
    """The parts with a clock that the test moves, and the acts that tests begin with."""

    parts: Parts
    provider: MemoryProvider
    time: list[datetime]

    @property
    def database(self) -> Database:
        return self.parts.database

    @property
    def now(self) -> datetime:
        return self.time[0]

    def later(self, **by: float) -> None:
        self.time[0] += timedelta(**by)

    def customer(self, name: str, **more: Any) -> TestPerson:
        with self.database.transaction() as session:
            return a_customer(session, self.parts.vault, name, now=self.now, **more)

    def crowd(self, count: int, **more: Any) -> list[TestPerson]:
        """Make so many customers at once, of whom nothing but their number is special."""
        with self.database.transaction() as session:
            return many_customers(session, self.parts.vault, count, now=self.now, **more)

    def draft(self, **audience: object) -> CampaignId:
        with self.database.transaction() as session:
            made = campaigns.create(
                session, new_campaign(**audience), brand=self.parts.brand, by=BY, now=self.now
            )
        return made.campaign_id

    def do(self, what: str, campaign_id: CampaignId, **more: object) -> Campaign:
        """Start, approve, pause, resume, cancel or unschedule a campaign, as a door does."""
        if "at" in more:
            more["plan"] = Plan(at=more.pop("at"))
        if what in ("start", "schedule", "approve"):
            more = {"brand": self.parts.brand, "rules": self.parts.rules, **more}
        with self.database.transaction() as session:
            done: Campaign = getattr(campaigns, what)(
                session, campaign_id, **{"by": BY, "now": self.now, **more}
            )
        return done

    def tick(self) -> list[CampaignId]:
        """What the timetable does."""
        with self.database.transaction() as session:
            started = campaigns.start_due(
                session, brand=self.parts.brand, rules=self.parts.rules, now=self.now
            )
            campaigns.finish_done(session, now=self.now)
        return started

    def check(self, campaign_id: CampaignId) -> Checked:
        with self.database.reading() as session:
            return campaigns.check(
                session,
                campaign_id,
                brand=self.parts.brand,
                rules=self.parts.rules,
                now=self.now,
            )

    def send_all(self) -> None:
        """Let a worker send what is due."""
        sender = build_sender(self.parts, provider=self.provider)
        while sender.deliver_one(Lane.PROMOTIONAL):
            pass
        sender.close()

    def look(self, campaign_id: CampaignId) -> Campaign:
        with self.database.reading() as session:
            return campaigns.campaign_of(session, campaign_id)

    def foresee(self, campaign_id: CampaignId, plan: Plan | None = None) -> campaigns.Foresight:
        with self.database.reading() as session:
            return campaigns.foresee(session, campaign_id, plan=plan, now=self.now)

    def report(self, campaign_id: CampaignId) -> campaigns.Report:
        with self.database.reading() as session:
            return campaigns.report_of(session, campaign_id)


class DigestDesk(Desk):
    """A desk with the acts that the tests of digests begin with, most of them under a cap."""

    def draft_of(
        self,
        subject: str,
        topic: Topic = Topic.COMPANY_NEWS,
        *,
        digest: Digest | None = None,
    ) -> CampaignId:
        """Draft a campaign to everybody under a subject of its own."""
        content = PromotionalContent(
            subject=subject,
            heading=subject,
            body_markdown=f"What there is to say about it: {subject.lower()}.\n\nAnd more of it.",
            button_label="Look",
            button_url=f"{SITE}/{subject.lower().replace(' ', '-')}",
        )
        new = NewCampaign(subject, topic, content, Audience(), digest=digest)
        with self.database.transaction() as session:
            made = campaigns.create(session, new, brand=self.parts.brand, by=BY, now=self.now)
        return made.campaign_id

    def send(self, subject: str, topic: Topic = Topic.COMPANY_NEWS) -> CampaignId:
        """Send a campaign to everybody who may get it."""
        campaign_id = self.draft_of(subject, topic)
        self.do("start", campaign_id)
        self.send_all()
        return campaign_id

    def digest(self, **told: int) -> CampaignId:
        return self.draft_of("All in one mail", digest=Digest(**told))

    def ahead(self, campaign_id: CampaignId) -> DigestAhead:
        with self.database.reading() as session:
            return campaigns.digest_ahead(
                session, campaign_id, brand=self.parts.brand, now=self.now
            )

    def wish(self, person: TestPerson, **change: Any) -> None:
        with self.database.transaction() as session:
            permission.apply(
                session,
                person_id=person.person_id,
                address_ids=[person.address_id],
                change=Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", **change),
                reference="P-TEST-0002",
                now=self.now,
            )

    def texts(self) -> list[tuple[str, str, str]]:
        """Who got what, in order: the address, the subject, the text part."""
        told = []
        for each in self.provider.accepted:
            message = message_from_bytes(each.content)
            part = next(one for one in message.walk() if one.get_content_type() == "text/plain")
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            told.append((each.recipient, str(message["Subject"]), payload.decode()))
        return told

    def refused(self, campaign_id: CampaignId) -> dict[Reason, int]:
        books = self.report(campaign_id).books
        assert books.balance
        return dict(books.refused)

    def held_back(self) -> list[CampaignId]:
        """One campaign that leaves, and two that the cap holds back; then the week is over."""
        self.send("Autumn release")
        held = [self.send("Stock counts", Topic.SOFTWARE_UPDATES), self.send("Open house")]
        self.later(days=8)
        return held

    def shop_customer(self, name: str, email: str) -> TestPerson:
        """A customer with an id of the shop's, who may have somebody else's address."""
        parts = self.parts
        with self.database.transaction() as session:
            profile = NewProfile(email=email, name=name, source="shop", external_id=name)
            made = people.upsert(session, parts.vault, profile, now=self.now)
            permission.admit(session, [made.person_id], now=self.now)
        person = TestPerson(made.person_id, made.address_id, email)
        self.wish(person, topics_on=frozenset(BOTH), words="Send me these by e-mail.")
        return person

    def two_at_one_mailbox(self) -> tuple[TestPerson, TestPerson]:
        both = [self.shop_customer(each, "till@example.com") for each in ("Anna", "Kenji")]
        assert both[0].address_id == both[1].address_id
        return both[0], both[1]

    def told(self, campaign_id: CampaignId) -> list[str]:
        """The subjects that the next digest would tell of."""
        return [each.subject for each in self.ahead(campaign_id).told_of]

    def cut_and_send(self) -> CampaignId:
        digest = self.digest(within_days=60)
        self.do("start", digest)
        self.send_all()
        return digest


@contextmanager
def parts_over(settings: Settings, time: list[datetime]) -> Iterator[Parts]:
    """Real parts by a clock that the test moves, with a window that is open from the start."""
    parts = build(settings, process="test", window=open_window, clock=lambda: time[0])
    try:
        yield parts
    finally:
        parts.close()


@pytest.fixture
def desk(database: Database, database_url: str, tmp_path: Path, now: datetime) -> Iterator[Desk]:
    """A desk over real parts."""
    time = [now]
    with parts_over(settings_for(database_url, tmp_path), time) as parts:
        yield Desk(parts, MemoryProvider(), time)


@pytest.fixture
def capped(
    database: Database, database_url: str, tmp_path: Path, now: datetime
) -> Iterator[DigestDesk]:
    """A house that sends one promotional mail a week."""
    time = [now]
    with parts_over(settings_for(database_url, tmp_path, cap="1/7d"), time) as parts:
        yield DigestDesk(parts, MemoryProvider(), time)
