"""Customers with every kind of wish and objection, in numbers, straight into the tables."""

import random
from datetime import UTC, datetime, time, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from mailer.vocabulary import Frequency, Scope, SuppressionReason, Topic
from mailer.zones import QuietHours

NIGHT = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
HOURS = QuietHours(time(8), time(20), "Europe/Berlin")
ZONES = ("", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
COUNT = 400
BITS = sum(topic.bit for topic in Topic)


def put(session: Session, table: str, rows: list[dict[str, object]]) -> None:
    names = list(rows[0])
    values = ", ".join(f":{name}" for name in names)
    overriding = "OVERRIDING SYSTEM VALUE" if table == "people_customer" else ""
    statement = f"INSERT INTO {table} ({', '.join(names)}) {overriding} VALUES ({values})"
    session.execute(sa.text(statement), rows)


def invent(session: Session, draw: random.Random) -> None:
    """Invent customers with every kind of wish and objection, in numbers."""
    numbers = range(1, COUNT + 1)
    put(session, "people_customer", [a_customer(draw, number) for number in numbers])
    admitted = [number for number in numbers if draw.random() < 0.95]
    put(session, "permission_standing", [wishes(draw, number) for number in admitted])
    put(session, "permission_suppression", [a_no(draw) for _ in range(COUNT // 2)])


def a_customer(draw: random.Random, number: int) -> dict[str, object]:
    return {
        "id": number,
        "address_id": draw.choice((number, max(1, number - 1))),
        "version": 1,
        "index_key": "",
        "country": "",
        "language": "",
        "timezone": draw.choice(ZONES),
        "source": "shop",
        "attributes": "{}",
        "created_at": NIGHT,
        "merged_into": 1 if draw.random() < 0.05 and number > 1 else None,
        "erased_at": NIGHT if draw.random() < 0.05 else None,
    }


def wishes(draw: random.Random, number: int) -> dict[str, object]:
    moment = NIGHT + timedelta(hours=draw.choice((-1, 1, 2)))
    return {
        "person_id": number,
        "version": 1,
        "topics_on": draw.choice((0, BITS, draw.randrange(BITS + 1))),
        "topics_answered": draw.randrange(BITS + 1),
        "paused_until": moment if draw.random() < 0.2 else None,
        "frequency": draw.choice(list(Frequency)).value,
        "tracking": draw.random() < 0.8,
        "confirmed": draw.random() < 0.9,
        "gpc_since": moment if draw.random() < 0.2 else None,
    }


def a_no(draw: random.Random) -> dict[str, object]:
    whose, scope = draw.randrange(1, COUNT + 1), draw.choice(list(Scope))
    by_person, by_address = draw.choice(((True, True), (True, False), (False, True)))
    moment = NIGHT - timedelta(days=draw.randrange(1, 9))
    return {
        "person_id": whose if by_person else None,
        "address_id": whose if by_address else None,
        "scope": scope.value,
        "topic": draw.choice(list(Topic)).value if scope is Scope.TOPIC else None,
        "reason": draw.choice(list(SuppressionReason)).value,
        "door": "import",
        "since": moment,
        "until": moment + timedelta(days=draw.choice((1, 20))) if draw.random() < 0.3 else None,
        "lifted_at": NIGHT if draw.random() < 0.2 else None,
    }
