"""Whom a mailing reached, as SELECTs for figures over all of them: memory never holds them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Select, column, func, select, text
from sqlmodel import Session, col

from mailer.delivery._tables import HeardRow
from mailer.vocabulary import Heard, MailingId

_HANDED_OVER = """
    SELECT p.person_id, p.address_id, b.handing_at AS handed_at
    FROM delivery_batch b
    JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons, r.addresses) AS p(person_id, address_id)
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = p.person_id
    WHERE b.mailing_id = :mailing_id AND b.accepted > 0
      AND (b.state = 'settled' AND e.person_id IS NULL OR e.outcome = 'accepted')
"""


def handed_over_of(mailing_id: MailingId) -> Select[Any]:
    """Select person_id, address_id and handed_at of everybody whose mail the provider took."""
    handed = (
        text(_HANDED_OVER)
        .bindparams(mailing_id=mailing_id)
        .columns(
            column("person_id", BigInteger),
            column("address_id", BigInteger),
            column("handed_at", DateTime(timezone=True)),
        )
        .subquery("handed")
    )
    return select(handed)


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
