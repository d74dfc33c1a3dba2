"""Counted by preview, by dry run and by the audience's own count, then sent: the same, to the person.

`COUNT_PEOPLE` sets the size. Senders are processes under a clock that stands still (clockwork.py);
what the campaign did is read from the fake's record.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from mailer import campaigns, delivery
from mailer.campaigns import Audience, CampaignId, Count, NewCampaign, Report
from mailer.campaigns.audience import audience_select, count_step
from mailer.campaigns.audience.rules import LivesIn, Not, Reads
from mailer.database import Database
from mailer.delivery import Limits
from mailer.letters import PromotionalContent
from mailer.permission import Change
from mailer.vocabulary import Door, PersonId, Reason, Stream
from tests.people_of_tests import a_customer
from tests.promises.clockwork import Clockwork, clockwork
from tests.promises.nation import TOPIC, Wish, settle_nation
from tests.promises.record import read_records
from tests.web.house import settings_for

PEOPLE = int(os.environ.get("COUNT_PEOPLE", "1200"))
BEGINS = datetime(2026, 11, 22, 10, tzinfo=UTC)
PACE = max(60, PEOPLE // 4)
"""Messages a minute: what happens in the second minute happens while it is under way."""
ELSEWHERE = Audience(rule=Not(of=LivesIn(any_of=("JP", "CN"))))
NOS_BEFORE, NOS_MEANWHILE, NEW = 12, 6, 11


@dataclass
class Office:
    """What staff and customers do, under the moved clock."""

    works: Clockwork

    @property
    def now(self) -> datetime:
        return self.works.clock.now()

    def draft(self, audience: Audience) -> CampaignId:
        content = PromotionalContent.sample()
        new = NewCampaign("Autumn", TOPIC, content, audience, pace=Limits(per_minute=PACE))
        return CampaignId(self.written(campaigns.create, new, by="author").campaign_id)

    def send(self, number: CampaignId) -> Report:
        """Approve it where nobody has, start it, and let the senders finish it."""
        self.written(campaigns.approve, number, by="second")
        self.written(campaigns.start, number, by="author")
        self.works.run(self.now + timedelta(days=1))
        with self.works.parts.database.reading() as session:
            return campaigns.report_of(session, number)

    def written(self, act: Callable[..., Any], what: object, *, by: str) -> Any:
        parts = self.works.parts
        with parts.database.transaction() as session:
            return act(session, what, brand=parts.brand, by=by, now=self.now)

    def counts(self, number: CampaignId, audience: Audience) -> list[Counter[str]]:
        """Count in three ways: the campaign's preview, the audience's count, a dry run."""
        database = self.works.parts.database
        with database.reading() as session:
            ran = delivery.dry_run(
                session,
                stream=Stream.PROMOTIONAL,
                topic=TOPIC,
                audience=audience_select(audience, now=self.now),
                now=self.now,
            )
        preview = self.whole(lambda session: campaigns.preview_step(session, number, now=self.now))
        own = self.whole(
            lambda session: count_step(session, audience.rule, topic=TOPIC, now=self.now)
        )
        return [parts_of(each.audience, each.allowed, each.refused) for each in (ran, preview, own)]

    def whole(self, step: Callable[[Any], Count]) -> Count:
        """Ask until the count is whole."""
        while True:
            with self.works.parts.database.transaction() as session:
                told = step(session)
            if told.is_whole:
                return told

    def say_no(self, people: list[PersonId]) -> None:
        no = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
        for person in people:
            self.works.parts.opt_outs.change(person, no)

    def last_of_all(self, count: int) -> list[PersonId]:
        """Name people who want everything and live elsewhere, those whose turn comes last."""
        with self.works.parts.database.reading() as session:
            found = session.execute(
                text(
                    "SELECT id FROM people_customer WHERE language = 'en'"
                    " AND country NOT IN ('JP', 'CN') ORDER BY id DESC LIMIT :count"
                ),
                {"count": count},
            )
            return [PersonId(person) for person in found.scalars()]

    def new_people(self, count: int) -> None:
        parts = self.works.parts
        with parts.database.transaction() as session:
            for n in range(count):
                a_customer(session, parts.vault, f"Li {n}", country="IE", now=self.now)


def parts_of(audience: int, allowed: int, refused: Any) -> Counter[str]:
    by_reason = {reason.value: people for reason, people in refused.items()}
    return Counter({"audience": audience, "allowed": allowed, **by_reason})


def of_books(report: Report) -> Counter[str]:
    books = report.books
    assert books.balance
    assert (books.rejected, books.unknown, books.cancelled, books.to_go) == (0, 0, 0, 0)
    return parts_of(books.audience, books.accepted, books.refused)


def given(folder: Path, report: Report) -> set[int]:
    """Read who was given the mail; nobody twice."""
    mailing = report.campaign.mailing_id
    people = [each.person for each in read_records(folder) if each.mailing == mailing]
    assert len(set(people)) == len(people)
    return set(people)


def wanting(database_url: str, wish: Wish) -> set[int]:
    """Ask who wants what and lives elsewhere, by the language that says so."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT id FROM people_customer WHERE language = %s AND country NOT IN ('JP', 'CN')",
            [wish.value],
        )
        return {person for (person,) in rows}


@pytest.mark.slow
@pytest.mark.timeout(max(300, PEOPLE / 200))
def test_preview_dry_run_and_campaign_agree_and_the_drift_since_then_is_listed(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, tmp_path)
    with clockwork(settings, tmp_path, senders=2, mark=b"-", begins=BEGINS) as works:
        settle_nation(works.parts, PEOPLE, now=BEGINS)
        office = Office(works)
        office.send(office.draft(Audience(rule=Reads(any_of=(Wish.WEEKLY.value,)))))

        first = office.draft(ELSEWHERE)
        counted = office.counts(first, ELSEWHERE)
        agreed = office.send(first)
        assert counted == [of_books(agreed)] * 3
        assert agreed.drift is not None
        assert not any(
            [agreed.drift.audience, agreed.drift.accepted, *agreed.drift.refused.values()]
        )

        second = office.draft(ELSEWHERE)
        office.written(campaigns.approve, second, by="second")
        [before, *_] = office.counts(second, ELSEWHERE)
        nos = office.last_of_all(NOS_BEFORE + NOS_MEANWHILE)
        office.say_no(nos[:NOS_BEFORE])
        office.new_people(NEW)
        works.at(office.now + timedelta(seconds=90), lambda: office.say_no(nos[NOS_BEFORE:]))
        report = office.send(second)
    drift = report.drift
    print(f"counted {dict(before)}, sent {dict(of_books(report))}")
    assert drift is not None
    changes = {Reason.NOT_ALL: len(nos), Reason.NOT_PAUSED: 0, Reason.NOT_OFTEN: 0}
    assert (drift.audience, drift.accepted) == (NEW, NEW - len(nos))
    assert drift.refused == changes
    after = parts_of(drift.audience, drift.accepted, drift.refused)
    after.update(before)
    assert after == of_books(report)
    everybody = wanting(database_url, Wish.ALL) | wanting(database_url, Wish.BUSY)
    assert given(tmp_path, agreed) == everybody
    newcomers = given(tmp_path, report) - everybody
    assert len(newcomers) == NEW
    assert given(tmp_path, report) == (everybody - set(nos)) | newcomers
