"""Split tests of tests: the campaign that is split, people in numbers, and who was drawn for what."""

import json
import secrets
from collections.abc import Iterable
from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header

from sqlalchemy import text

from mailer import campaigns
from mailer.campaigns import Campaign, CampaignId, NewCampaign, Split
from mailer.measure import Event, Kind
from mailer.providers import Outgoing
from mailer.vocabulary import MailingId, PersonId
from tests.campaigns.conftest import BY, Desk, new_campaign
from tests.measure.recording import event_id, record
from tests.people_of_tests import TestPerson

SUBJECTS = {"Plain": "Version 9 is here", "Question": "Is your till fast enough?"}
TWO = [{"name": name, "content": {"subject": subject}} for name, subject in SUBJECTS.items()]
SAMPLE = {"percent": 50, "wait_minutes": 240}


def a_split(**more: object) -> Split:
    return Split.model_validate_json(json.dumps({"variants": TWO, **more}))


def crowd(desk: Desk, count: int, **more: object) -> list[TestPerson]:
    return desk.crowd(count, name="Jo {}", email="jo.{}@gmail.com", **more)


def draft(desk: Desk, split: Split, **audience: object) -> CampaignId:
    plain = new_campaign(**audience)
    new = NewCampaign(plain.name, plain.topic, plain.content, plain.audience, split=split)
    with desk.database.transaction() as session:
        made = campaigns.create(session, new, brand=desk.parts.brand, by=BY, now=desk.now)
    return made.campaign_id


def started(desk: Desk, split: Split) -> tuple[CampaignId, MailingId]:
    campaign_id = draft(desk, split)
    mailing_id = desk.do("start", campaign_id).mailing_id
    assert mailing_id is not None
    return campaign_id, mailing_id


def decide(desk: Desk) -> list[Campaign]:
    """What a worker does about samples whose wait is over; returns what was chosen."""
    with desk.database.reading() as session:
        due = campaigns.looks_due(session, now=desk.now)
    chosen = []
    for each in due:
        with desk.database.reading() as session:
            look = campaigns.look_at(session, desk.parts.vault, each, now=desk.now)
        with desk.database.transaction() as session:
            chosen.append(campaigns.decide(session, look, now=desk.now))
    return [each for each in chosen if each is not None]


def drawn(desk: Desk, mailing_id: MailingId) -> dict[PersonId, tuple[int, bool]]:
    """Everybody's variant, and whether they wait or waited for a choice; nobody twice."""
    with desk.database.reading() as session:
        rows = session.execute(
            text(
                "SELECT u.person_id, b.variant, b.planned IS NOT NULL FROM delivery_batch b"
                " JOIN delivery_roster r ON r.batch_id = b.id"
                " CROSS JOIN LATERAL unnest(r.persons) AS u(person_id)"
                " WHERE b.mailing_id = :mailing_id"
            ),
            {"mailing_id": mailing_id},
        ).all()
    found = {PersonId(person): (variant, rest) for person, variant, rest in rows}
    assert len(found) == len(rows), "somebody is in two batches"
    return found


def click(
    desk: Desk, mailing_id: MailingId, people: Iterable[PersonId], *, after: float = 3600
) -> None:
    """Let people follow the first link, a while after the hand-over and each at another second."""
    events = []
    for number, person in enumerate(people):
        at = desk.now + timedelta(seconds=after + 7 * number)
        known_as = event_id(at, secrets.token_bytes(10))
        events.append(Event(known_as, mailing_id, person, 0, Kind.GET, at))
    record(desk.database, events)


def got(desk: Desk) -> dict[PersonId, list[str]]:
    """The subjects that everybody was handed, in order."""
    mail: dict[PersonId, list[str]] = {}
    for each in desk.provider.accepted:
        mail.setdefault(each.person_id, []).append(header(each, "Subject"))
    return mail


def header(message: Outgoing, name: str) -> str:
    """One field's text; the body, which is long, is not looked at."""
    head, _, _ = message.content.partition(b"\r\n\r\n")
    return str(make_header(decode_header(message_from_bytes(head)[name])))
