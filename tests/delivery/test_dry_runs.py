"""A dry run counts in groups what the sender decides person by person: the same, to the person."""

import random
from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from mailer.delivery import dry_run
from mailer.delivery.facts import Limits, asked_about, facts_of_given, read_facts
from mailer.people import AudienceFilter, audience_of
from mailer.permission import Curfew, decide, read_cap
from mailer.vocabulary import (
    Allowed,
    Frequency,
    Held,
    MailingId,
    Reason,
    Refused,
    Scope,
    Stream,
    SuppressionReason,
    Topic,
)
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


@pytest.mark.parametrize("topic", [Topic.COMPANY_NEWS, Topic.PARTNER_OFFERS, None])
@pytest.mark.parametrize("hours", [None, HOURS])
def test_a_dry_run_says_what_the_sender_would_decide_about_each(
    session: Session, topic: Topic | None, hours: QuietHours | None
) -> None:
    invent(session, random.Random(7))
    stream = Stream.PROMOTIONAL if topic else Stream.ORDER_UPDATE
    everybody = audience_of(AudienceFilter())
    curfew = Curfew(hours, use_by=NIGHT + timedelta(hours=11), now=NIGHT) if hours else None
    cap = read_cap("1/14d")
    ran = dry_run(
        session,
        stream=stream,
        topic=topic,
        audience=everybody,
        curfew=curfew,
        cap=cap,
        now=NIGHT,
    )
    who = session.execute(everybody).all()
    told = session.execute(
        facts_of_given(zoned=curfew is not None, limits=Limits.asked_for(stream, cap)),
        {
            "persons": [row.person_id for row in who],
            "addresses": [row.address_id for row in who],
            **asked_about(MailingId(0), NIGHT, cap),
        },
    )
    counts: Counter[Reason | str] = Counter()
    for same in map(read_facts, told):
        verdict = decide(stream, topic, same.facts, curfew=curfew, cap=cap, now=NIGHT)
        match verdict:
            case Refused():
                counts[verdict.reason] += len(same.versions)
            case Allowed() | Held():
                counts[type(verdict).__name__] += len(same.versions)
    assert ran.audience == len(who) == counts.total()
    assert (ran.allowed, ran.held) == (counts.pop("Allowed", 0), counts.pop("Held", 0))
    assert ran.refused == counts
    assert len(counts) > 1
