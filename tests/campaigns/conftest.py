"""Campaigns over a real database and a real road, with the shipped fake as the provider."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mailer import campaigns
from mailer.campaigns import Audience, Campaign, CampaignId, Checked, NewCampaign, Plan
from mailer.database import Database
from mailer.letters import PromotionalContent
from mailer.providers import MemoryProvider
from mailer.vocabulary import Lane, Topic
from mailer.wiring import Parts, build, build_sender
from tests.open_window import open_window
from tests.people_of_tests import TestPerson, a_customer
from tests.web.house import settings_for

BY = "api_key:1"


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

    def customer(self, name: str, **more: object) -> TestPerson:
        with self.database.transaction() as session:
            return a_customer(session, self.parts.vault, name, now=self.now, **more)  # type: ignore[arg-type]

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


@pytest.fixture
def desk(database: Database, database_url: str, tmp_path: Path, now: datetime) -> Iterator[Desk]:
    """A desk over real parts."""
    time = [now]
    parts = build(
        settings_for(database_url, tmp_path),
        process="test",
        window=open_window,
        clock=lambda: time[0],
    )
    yield Desk(parts, MemoryProvider(), time)
    parts.close()
