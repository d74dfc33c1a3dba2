"""Those whose turn has not come: what the sender would decide for them as things stand now."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer.delivery.books import NO_MAILING
from mailer.delivery.facts import Limits, facts_of, limits_of
from mailer.delivery.mailings import mailing_of
from mailer.delivery.still_told import still_told
from mailer.delivery.variants import unless_held_out
from mailer.permission import NO_CAP, Cap, decide
from mailer.vocabulary import (
    AddressId,
    MailingId,
    PersonId,
    Reason,
    Refused,
    Stream,
    Topic,
    Verdict,
)

_WAITING = text(
    """
    SELECT u.person_id, u.address_id, b.variant
    FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons, r.addresses) AS u(person_id, address_id)
    WHERE b.mailing_id = :mailing_id AND b.state IN ('prepared', 'claimed')
      AND r.persons && :persons AND u.person_id = ANY(:persons)
    """
).bindparams(bindparam("persons", type_=ARRAY(BigInteger)))


def verdicts_ahead(
    session: Session,
    mailing_id: MailingId,
    persons: Collection[PersonId],
    *,
    cap: Cap = NO_CAP,
    now: datetime,
) -> dict[PersonId, Verdict]:
    """Decide as the sender would now, at the address that the mail was prepared for.

    Whoever is not waiting for their turn in this mailing is absent. Nothing is written. Raises
    MailingNotFound.
    """
    mailing = mailing_of(session, mailing_id)
    given = {"mailing_id": mailing_id, "persons": sorted(persons)}
    waiting = session.execute(_WAITING, given).all()
    if mailing.use_by is not None and mailing.use_by < now:
        return {
            PersonId(row.person_id): Refused(Reason.NOT_LATE, mailing.use_by) for row in waiting
        }
    told = facts_of(
        session,
        {PersonId(row.person_id): AddressId(row.address_id) for row in waiting},
        mailing_id,
        zoned=mailing.quiet_hours is not None,
        limits=limits_of(mailing, cap),
        cap=cap,
        now=now,
    )
    curfew = mailing.curfew(now)
    left = {
        each: still_told(session, mailing, each, now=now)
        for each in {row.variant for row in waiting}
    }
    drawn = {PersonId(row.person_id): left[row.variant] for row in waiting}
    return {
        person: unless_held_out(
            mailing.verdict_on(same.facts, variant=drawn[person], curfew=curfew, cap=cap, now=now),
            drawn[person],
        )
        for same in told
        for person in same.versions
    }


def verdict_now(
    session: Session,
    person_id: PersonId,
    address_id: AddressId,
    *,
    stream: Stream,
    topic: Topic | None,
    cap: Cap = NO_CAP,
    now: datetime,
) -> Verdict:
    """Decide on mail that nobody has made yet, as the sender would now; nothing is written."""
    [same] = facts_of(
        session,
        {person_id: address_id},
        NO_MAILING,
        zoned=False,
        limits=Limits.asked_for(stream, cap),
        cap=cap,
        now=now,
    )
    return decide(stream, topic, same.facts, cap=cap, now=now)
