"""Clicks and opens, written in sets, each once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlmodel import Session

from mailer.measure.machines import Kind
from mailer.vocabulary import MailingId, PersonId

TrackingOf = Callable[[Session, Sequence[PersonId]], Mapping[PersonId, bool]]
"""Says of each person whether they may be measured; who is missing may not."""

WRITE_CLICKS = text(
    "INSERT INTO measure_click (id, mailing_id, person_id, n, kind, at)"
    " SELECT id, mailing_id, person_id, n, kind, at"
    " FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS event"
    " (id uuid, mailing_id bigint, person_id bigint, n smallint, kind text, at timestamptz)"
    " ON CONFLICT DO NOTHING"
)
WRITE_OPENS = text(
    "INSERT INTO measure_open (id, mailing_id, person_id, kind, at)"
    " SELECT id, mailing_id, person_id, kind, at"
    " FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS event"
    " (id uuid, mailing_id bigint, person_id bigint, kind text, at timestamptz)"
    " ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Event:
    """A click on link number `n` of a mail, or its open, where `n` is None.

    `id` is its own for ever, so that writing it twice records it once.
    """

    id: UUID
    mailing_id: MailingId
    person_id: PersonId
    n: int | None
    kind: Kind
    at: datetime


def event_id(at: datetime, random: bytes) -> UUID:
    """Make an id that sorts by time (the layout of a version 7 UUID) from ten random bytes."""
    moment = int(at.timestamp() * 1000).to_bytes(6, "big")
    version = bytes((0x70 | random[0] & 0x0F, random[1], 0x80 | random[2] & 0x3F))
    return UUID(bytes=moment + version + random[3:10])


def record_events(session: Session, events: Sequence[Event], *, tracking_of: TrackingOf) -> None:
    """Write what may be measured, each event once however often it comes.

    Of people who switched tracking off, or are gone, nothing is written (C17).
    """
    people = sorted({event.person_id for event in events})
    allowed = tracking_of(session, people)
    kept = [event for event in events if allowed.get(event.person_id, False)]
    clicks = [event for event in kept if event.n is not None]
    opens = [event for event in kept if event.n is None]
    if clicks:
        session.execute(WRITE_CLICKS, {"events": orjson.dumps(clicks).decode()})
    if opens:
        session.execute(WRITE_OPENS, {"events": orjson.dumps(opens).decode()})
