"""A split test through the workers: sample, wait, winner, remainder, with everything restarted between."""

import json
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from mailer import campaigns
from mailer.campaigns import Audience, CampaignId, NewCampaign, Split, State
from mailer.database import Database
from mailer.measure import Event, Kind
from mailer.providers import Outgoing
from mailer.vocabulary import Lane, MailingId, PersonId, Topic
from tests.measure.recording import event_id, record
from tests.people_of_tests import a_customer
from tests.workers.test_shift import CONTENT, Hall

SPLIT = Split.model_validate_json(
    json.dumps(
        {
            "variants": [{"name": "Plain"}, {"name": "Why", "content": {"subject": "Why 9?"}}],
            "holdout_percent": 10,
            "sample": {"percent": 40, "wait_minutes": 60},
        }
    )
)


def started(hall: Hall) -> tuple[CampaignId, MailingId]:
    new = NewCampaign("Autumn", Topic.COMPANY_NEWS, CONTENT, Audience(), split=SPLIT)
    brand = hall.parts.brand
    with hall.parts.database.transaction() as session:
        for number in range(250):
            a_customer(session, hall.parts.vault, f"Jo {number}", now=hall.now)
        made = campaigns.create(session, new, brand=brand, by="test", now=hall.now)
        begun = campaigns.start(session, made.campaign_id, brand=brand, by="test", now=hall.now)
    assert begun.mailing_id is not None
    return begun.campaign_id, begun.mailing_id


def people(hall: Hall, mailing_id: MailingId, *, variant: int) -> list[PersonId]:
    with hall.parts.database.reading() as session:
        found = session.execute(
            text(
                "SELECT u.person_id FROM delivery_batch b"
                " JOIN delivery_roster r ON r.batch_id = b.id"
                " CROSS JOIN LATERAL unnest(r.persons) AS u(person_id)"
                " WHERE b.mailing_id = :mailing_id AND b.variant = :variant"
                " AND b.planned IS NULL ORDER BY 1"
            ),
            {"mailing_id": mailing_id, "variant": variant},
        )
        return [PersonId(each) for each in found.scalars()]


def click(hall: Hall, mailing_id: MailingId, persons: list[PersonId]) -> None:
    events = []
    for number, person in enumerate(persons):
        at = hall.now + timedelta(seconds=600 + 7 * number)
        known_as = event_id(at, secrets.token_bytes(10))
        events.append(Event(known_as, mailing_id, person, 0, Kind.GET, at))
    record(hall.parts.database, events)


def work(hall: Hall) -> None:
    """What workers do while a bell rings: start, decide, deliver; and the clock's tick."""
    hall.shift.tick()
    hall.shift.start_campaigns()
    hall.shift.decide_campaigns()
    hall.shift.deliver(Lane.PROMOTIONAL)
    hall.shift.tick()


def test_a_split_test_ends_well_though_everything_restarts_between(
    database: Database, database_url: str, tmp_path: Path, now: datetime
) -> None:
    del database  # its tables are emptied afterwards
    hall = Hall(database_url, tmp_path, now)
    campaign_id, mailing_id = started(hall)
    accepted: list[Outgoing] = []

    def restarted(**later: float) -> Hall:
        accepted.extend(hall.provider.accepted)
        hall.shift.close()
        return Hall(database_url, tmp_path, hall.now + timedelta(**later))

    work(hall)
    hall = restarted(minutes=1)
    click(hall, mailing_id, people(hall, mailing_id, variant=2)[:30])
    work(hall)
    assert hall.provider.accepted == [], "the remainder waits"
    hall = restarted(minutes=70)
    hall.shift.tick()
    assert hall.rung == [Lane.PROMOTIONAL], "the clock rings for the choice"
    hall.shift.decide_campaigns()
    hall.shift.decide_campaigns()
    hall = restarted(seconds=5)
    work(hall)
    hall = restarted(seconds=5)
    with hall.parts.database.reading() as session:
        done = campaigns.report_of(session, campaign_id)
    assert done.campaign.choice is not None
    assert done.campaign.choice.variant == "Why"
    assert done.campaign.state is State.FINISHED
    assert done.books.balance
    assert len(accepted) == len({each.person_id for each in accepted}) == done.books.accepted
    assert done.books.accepted + done.books.refused_in_all == 250
    hall.shift.close()
