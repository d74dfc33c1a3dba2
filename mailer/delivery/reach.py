"""Whom a mailing reached, as SELECTs for figures over all of them: memory never holds them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Select, SmallInteger, Text, column, func, select, text
from sqlmodel import Session, col

from mailer.delivery._tables import BatchRow, ExceptionRow, HeardRow
from mailer.delivery.states import BatchState
from mailer.delivery.variants import HELD_OUT
from mailer.vocabulary import Heard, MailingId, Reason

REST = "rest"
"""The part of an audience that waited for a split test's choice."""

_HANDED_OVER = """
    SELECT p.person_id, p.address_id, b.handing_at AS handed_at, b.variant,
           CASE WHEN b.planned IS NOT NULL THEN 'rest'
                WHEN m.letter = 'digest' THEN ''
                ELSE coalesce(CAST(b.variant AS text), '') END AS part
    FROM delivery_batch b
    JOIN delivery_mailing m ON m.id = b.mailing_id
    JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons, r.addresses) AS p(person_id, address_id)
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = p.person_id
    WHERE b.mailing_id = :mailing_id AND b.accepted > 0
      AND CASE WHEN e.person_id IS NULL THEN b.state = 'settled' ELSE e.outcome = 'accepted' END
"""

_PEOPLE = """
    SELECT p.person_id, p.address_id FROM delivery_batch b
    JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons, r.addresses) AS p(person_id, address_id)
    WHERE b.mailing_id = :mailing_id
"""


def handed_over_of(mailing_id: MailingId) -> Select[Any]:
    """Select everybody whose mail the provider took: person_id, address_id, handed_at, variant, part.

    The part is the number of their variant as text, REST for those who waited for a split test's
    choice, and empty where nothing is split.
    """
    handed = (
        text(_HANDED_OVER)
        .bindparams(mailing_id=mailing_id)
        .columns(
            column("person_id", BigInteger),
            column("address_id", BigInteger),
            column("handed_at", DateTime(timezone=True)),
            column("variant", SmallInteger),
            column("part", Text),
        )
        .subquery("handed")
    )
    return select(handed)


def people_of(mailing_id: MailingId) -> Select[Any]:
    """Select everybody of a mailing, whatever becomes of them: person_id, address_id."""
    whole = (
        text(_PEOPLE)
        .bindparams(mailing_id=mailing_id)
        .columns(column("person_id", BigInteger), column("address_id", BigInteger))
        .subquery("whole")
    )
    return select(whole)


def held_out_of(mailing_id: MailingId) -> Select[Any]:
    """Select person_id of everybody who would have got a mailing, but for being held out."""
    return (
        select(col(ExceptionRow.person_id).label("person_id"))
        .join(BatchRow, col(BatchRow.id) == col(ExceptionRow.batch_id))
        .where(
            col(BatchRow.mailing_id) == mailing_id,
            col(BatchRow.variant) == HELD_OUT,
            col(ExceptionRow.reason) == Reason.NOT_HOLDOUT.value,
        )
    )


def heard_of(mailing_id: MailingId) -> Select[Any]:
    """Select person_id, delivered, bounced and complained of whom anything was heard.

    Whoever bounced was not delivered, whatever was said before.
    """

    def was(heard: Heard) -> Any:
        return func.bool_or(col(HeardRow.heard) == heard.value)

    return (
        select(
            col(HeardRow.person_id),
            (was(Heard.DELIVERED) & ~was(Heard.BOUNCED)).label("delivered"),
            was(Heard.BOUNCED).label("bounced"),
            was(Heard.COMPLAINED).label("complained"),
        )
        .where(col(HeardRow.mailing_id) == mailing_id)
        .group_by(col(HeardRow.person_id))
    )


def handed_over_when(session: Session, mailing_id: MailingId) -> Mapping[datetime, int]:
    """Count the people handed over by the moment at which their batch went in hand."""
    counts = session.execute(
        text(
            "SELECT handing_at, sum(accepted) FROM delivery_batch"
            " WHERE mailing_id = :mailing_id AND accepted > 0 GROUP BY handing_at"
        ),
        {"mailing_id": mailing_id},
    )
    return {moment: int(count) for moment, count in counts.all()}


def may_have_left(session: Session, mailing_id: MailingId) -> bool:
    """Say whether anybody has a mail of it, or may have: in hand, taken, or of unknown fate."""
    taken = (col(BatchRow.accepted) > 0) | (col(BatchRow.unknown) > 0)
    in_hand = col(BatchRow.state) == BatchState.HANDING.value
    of_mailing = col(BatchRow.mailing_id) == mailing_id
    asked = select(col(BatchRow.id)).where(of_mailing, taken | in_hand).limit(1)
    return session.execute(asked).first() is not None
