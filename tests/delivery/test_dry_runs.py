"""A dry run counts in groups what the sender decides person by person: the same, to the person."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlmodel import Session

from mailer.delivery import dry_run
from mailer.delivery.facts import Limits, facts_of
from mailer.people import AudienceFilter, audience_of
from mailer.permission import Curfew, decide, read_cap
from mailer.vocabulary import (
    Allowed,
    Held,
    MailingId,
    Reason,
    Refused,
    Stream,
    Topic,
)
from mailer.zones import QuietHours
from tests.delivery.invented import HOURS, NIGHT, invent


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
    told = facts_of(
        session,
        {row.person_id: row.address_id for row in who},
        MailingId(0),
        zoned=curfew is not None,
        limits=Limits.asked_for(stream, cap),
        cap=cap,
        now=NIGHT,
    )
    counts: Counter[Reason | str] = Counter()
    for same in told:
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
