"""A campaign at nine by everybody's own clock, over 24 zones and a clock change, at full rate.

Whom the cap or their own frequency held it back from are told of it by a digest, a week later.

`CLOCK_PEOPLE` sets the size (1000000 is the full one), `CLOCK_SENDERS` the processes,
`CLOCK_PACE` the messages a minute. Only the fake's record is believed, and at the end the database.
"""

import math
import os
import time as real
from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import text

from mailer import campaigns
from mailer.campaigns import Audience, CampaignId, Digest, NewCampaign, Plan, Report, Split, State
from mailer.campaigns.audience.rules import Reads
from mailer.database import Database
from mailer.delivery import Limits
from mailer.letters import PromotionalContent
from mailer.permission import Change
from mailer.vocabulary import Door, PersonId, Reason
from tests.promises.clockwork import Clockwork, clockwork
from tests.promises.nation import TOPIC, Wish, settle_nation
from tests.promises.record import busiest, read_records
from tests.web.house import settings_for

PEOPLE = int(os.environ.get("CLOCK_PEOPLE", "1200"))
SENDERS = int(os.environ.get("CLOCK_SENDERS", "2"))
PACE = int(os.environ.get("CLOCK_PACE", str(PEOPLE // (10 if PEOPLE < 10_000 else 30))))
DAY = date(2026, 10, 25)
"""Clocks in Europe are put back this night."""
BEGINS = datetime(2026, 10, 22, 12, tzinfo=UTC)
AWAKE = (time(8), time(20))
LATE_NOS = min(48, PEOPLE // 100)
"""People who opt out while the campaign is under way."""
NONE = CampaignId(0)
PAUSES = (("2026-10-25T00:00", "2026-10-25T02:00"), ("2026-10-26T12:01", "2026-10-26T23:30"))
"""From Tokyo's nine o'clock on; and, of the remainder, from São Paulo's until its night has begun."""
QUESTION = "Is your till fast enough?"
MARK = f"Subject: {QUESTION}".encode()
SPLIT = {
    "variants": [{"name": "Plain"}, {"name": "Question", "content": {"subject": QUESTION}}],
    "holdout_percent": 5,
    "sample": {"percent": 20, "wait_minutes": 240},
}
LETTER = {
    "subject": "The autumn release is here",
    "heading": "The autumn release is here",
    "body_markdown": "Dear {{ first_name }},\n\nmany things work better now, in {{ city }} too.",
    "button_label": "See what is new",
    "button_url": "https://shop.focalpointsystem.com/autumn",
}
FIRST = {**LETTER, "subject": "We are open on Sundays", "heading": "We are open on Sundays"}
ALL_IN_ONE = {**LETTER, "subject": "What you missed", "heading": "What you missed"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Story:
    """What is done by staff and customers while the senders send."""

    works: Clockwork
    first: CampaignId = NONE
    campaign: CampaignId = NONE
    digests: list[CampaignId] = field(default_factory=list)
    late: list[PersonId] = field(default_factory=list)

    def play(self) -> None:
        """Send a first mail to those who will have had their one, then the campaign to everybody."""
        had_one = Reads(any_of=(Wish.WEEKLY.value, Wish.BUSY.value))
        self.first = self.campaign_of(Audience(rule=had_one), "10-23T10:00", letter=FIRST)
        self.works.run(utc("2026-10-24T12:00"))
        split = Split.model_validate(SPLIT)
        self.campaign = self.campaign_of(Audience(), f"{DAY:%m-%d}T09:00", split=split)
        for begins, ends in PAUSES:
            self.works.at(utc(begins), self.pause)
            self.works.at(utc(ends), self.resume)
        self.works.at(utc("2026-10-25T03:00"), self.say_no)
        self.works.run(utc("2026-11-01T00:00"))
        for moment in ("11-02T09:00", "11-11T09:00"):
            within = Digest(within_days=30)
            self.digests.append(
                self.campaign_of(Audience(), moment, letter=ALL_IN_ONE, digest=within)
            )
            self.works.run(utc(f"2026-{moment}") + timedelta(days=2))

    def campaign_of(
        self,
        audience: Audience,
        moment: str,
        *,
        letter: dict[str, str] = LETTER,
        split: Split | None = None,
        digest: Digest | None = None,
    ) -> CampaignId:
        """Draft, approve and schedule a campaign at a moment of everybody's own clock."""
        parts, now = self.works.parts, self.works.clock.now()
        new = NewCampaign(
            name="Autumn",
            topic=TOPIC,
            content=PromotionalContent.model_validate(letter),
            audience=audience,
            pace=Limits(per_minute=PACE),
            split=split,
            digest=digest,
        )
        plan = Plan.model_validate(
            {
                "at": f"{DAY:%Y}-{moment}",
                "zone": "Europe/Berlin",
                "local": True,
                "quiet_hours": {},
            }
        )
        with parts.database.transaction() as session:
            made = campaigns.create(session, new, brand=parts.brand, by="author", now=now)
            number = made.campaign_id
            campaigns.approve(session, number, brand=parts.brand, by="second", now=now)
            campaigns.schedule(session, number, plan=plan, brand=parts.brand, by="author", now=now)
        return number

    def report(self, campaign_id: CampaignId) -> Report:
        """Return a campaign's books."""
        with self.works.parts.database.reading() as session:
            return campaigns.report_of(session, campaign_id)

    def pause(self) -> None:
        """Stop the campaign as staff does."""
        with self.works.parts.database.transaction() as session:
            campaigns.pause(
                session, self.campaign, reason="a look", by="author", now=self.works.clock.now()
            )

    def resume(self) -> None:
        """Let it go on."""
        with self.works.parts.database.transaction() as session:
            campaigns.resume(
                session, self.campaign, reason="good", by="author", now=self.works.clock.now()
            )

    def say_no(self) -> None:
        """Let people of New York, whose morning is still to come, opt out one after the other."""
        with self.works.parts.database.reading() as session:
            found = session.execute(
                text(
                    "SELECT id FROM people_customer WHERE timezone = 'America/New_York'"
                    " AND language = 'en' ORDER BY id LIMIT :some"
                ),
                {"some": LATE_NOS},
            )
            self.late = [PersonId(person) for person in found.scalars()]
        no = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
        for person in self.late:
            self.works.parts.opt_outs.change(person, no)


@dataclass
class Found:
    """What the fake's record says, reckoned with zones and languages from the database alone."""

    mails: dict[int, Counter[Wish]] = field(default_factory=dict)
    """By mailing: how many messages went to people of each wish."""
    twice: int = 0
    asleep: int = 0
    """Before 8:00 or after 20:00 by their own clock."""
    late: int = 0
    """To people who had opted out before."""
    questions: Counter[int] = field(default_factory=Counter)
    """By mailing: how many got the second letter."""
    first_day: Counter[int] = field(default_factory=Counter)
    """By mailing: to how many it came on the campaign's first day."""
    moments: "array[int]" = field(default_factory=lambda: array("q"))


def examine(folder: Path, database_url: str, story: Story) -> Found:
    """Read every record once, and hold it against what people wanted and where they live."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT id, timezone, language FROM people_customer")
        people = {person: (ZoneInfo(zone), Wish(wish)) for person, zone, wish in rows}
    found, seen, late = Found(), set[tuple[int, int]](), set(story.late)
    for each in read_records(folder):
        zone, wish = people[each.person]
        at = datetime.fromtimestamp(each.at / 1_000_000, zone)
        found.mails.setdefault(each.mailing, Counter())[wish] += 1
        found.moments.append(each.at)
        found.questions[each.mailing] += each.is_marked
        found.first_day[each.mailing] += at.date() == DAY
        found.twice += (each.mailing, each.person) in seen
        found.asleep += not AWAKE[0] <= at.time() < AWAKE[1]
        found.late += each.person in late
        seen.add((each.mailing, each.person))
    return found


def wishes_of(database_url: str) -> Counter[Wish]:
    """Count who wants what, by the language that says so."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT language, count(*) FROM people_customer GROUP BY 1")
        return Counter({Wish(wish): count for wish, count in rows})


def held_back_of(database_url: str, mailing_id: int | None) -> Counter[Wish]:
    """Count whom frequency or cap held a mailing back from, but for those who were held out of it."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT p.language, count(*) FROM delivery_exception e"
            " JOIN delivery_batch b ON b.id = e.batch_id JOIN people_customer p ON p.id = e.person_id"
            " WHERE b.mailing_id = %s AND e.reason IN ('not.cap', 'not.often') AND b.variant > 0"
            " GROUP BY 1",
            (mailing_id,),
        )
        return Counter({Wish(wish): count for wish, count in rows})


@pytest.mark.slow
@pytest.mark.timeout(max(300, PEOPLE / 200))
@pytest.mark.clause("C08")
def test_a_campaign_in_local_time_keeps_every_promise_at_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, tmp_path, cap="1/7d")
    with clockwork(settings, tmp_path, senders=SENDERS, mark=MARK, begins=BEGINS) as works:
        settle_nation(works.parts, PEOPLE, now=BEGINS)
        story, began = Story(works), real.perf_counter()
        story.play()
        seconds = real.perf_counter() - began
        first, second = (story.report(each) for each in (story.first, story.campaign))
        digest, again = (story.report(each) for each in story.digests)
    found, wishes = examine(tmp_path, database_url, story), wishes_of(database_url)
    busiest_minute = busiest(found.moments, 60)
    print(
        f"{len(found.moments):,} mails to {PEOPLE:,} people in {seconds:.0f} s"
        f" ({len(found.moments) / seconds:,.0f} a second), {works.steps:,} moments,"
        f" {busiest_minute:,} in the busiest minute of {PACE:,}"
    )
    sent, held_out = second.books.accepted, second.books.refused[Reason.NOT_HOLDOUT]
    assert found.mails == {
        first.campaign.mailing_id: {each: wishes[each] for each in (Wish.WEEKLY, Wish.BUSY)},
        second.campaign.mailing_id: {Wish.ALL: sent},
        digest.campaign.mailing_id: held_back_of(database_url, second.campaign.mailing_id),
    }
    assert (digest.books.refused, digest.books.balance) == ({}, True)
    assert digest.books.audience == found.mails[digest.campaign.mailing_id or 0].total() > 0
    assert again.books.audience == 0  # nobody is told of the same twice
    assert (found.twice, found.asleep, found.late) == (0, 0, 0)
    assert PACE * 0.9 <= busiest_minute <= PACE
    assert (second.campaign.state, second.books.balance) == (State.FINISHED, True)
    assert second.books.audience == wishes.total() == PEOPLE
    assert sent + held_out == wishes[Wish.ALL] - LATE_NOS
    assert second.books.refused == {
        Reason.NOT_ALL: wishes[Wish.NONE] + LATE_NOS,
        Reason.NOT_PAUSED: wishes[Wish.LATER],
        Reason.NOT_OFTEN: wishes[Wish.WEEKLY],
        Reason.NOT_CAP: wishes[Wish.BUSY],
        Reason.NOT_HOLDOUT: held_out,
    }
    assert is_about(held_out, 0.05)
    # Nobody clicks here: there are too few to tell, and the remainder gets the first letter.
    assert is_about(found.questions[second.campaign.mailing_id or 0], 0.1)
    assert is_about(found.first_day[second.campaign.mailing_id or 0], 0.2)


def is_about(people: int, share: float) -> bool:
    """Say whether so many of everybody is a share of them, as far as chance allows."""
    return abs(people - share * PEOPLE * 0.84) < 5 * math.sqrt(share * PEOPLE)
