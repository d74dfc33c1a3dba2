"""Money after a click: the orders that a mailing's readers placed soon after it (docs/reports.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

from mailer.vocabulary import PersonId

COUNTS_FOR = timedelta(days=7)
"""How long after a click an order counts for it. Fixed: two spans subtracted would tell of few."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """Orders in one currency; `amount` counts its smallest unit."""

    currency: str
    buyers: int
    orders: int
    amount: int


def orders_after(session: Session, clicks: Sequence[tuple[PersonId, datetime]]) -> list[Turnover]:
    """Add up the orders that each of these people placed within COUNTS_FOR after a click of theirs.

    An order counts once, however many clicks came before it; a cancelled one does not count, what
    was refunded is not taken off. By currency, in the alphabet's order.
    """
    rows = session.execute(
        _AFTER,
        {
            "persons": [person_id for person_id, _ in clicks],
            "moments": [at for _, at in clicks],
            "span": COUNTS_FOR,
        },
    )
    return [Turnover(row.currency, row.buyers, row.orders, int(row.amount)) for row in rows]


_AFTER = text(
    """
    SELECT o.currency, count(DISTINCT o.person_id) AS buyers, count(*) AS orders,
           sum(o.total) AS amount
    FROM orders_order o
    WHERE EXISTS (
        SELECT FROM unnest(CAST(:persons AS bigint[]), CAST(:moments AS timestamptz[]))
               AS click(person_id, at)
        WHERE click.person_id = o.person_id
          AND o.placed_at >= click.at AND o.placed_at < click.at + CAST(:span AS interval))
      AND NOT EXISTS (
        SELECT FROM orders_event e WHERE e.subject = 'order:' || o.number AND e.kind = 'cancelled')
    GROUP BY o.currency ORDER BY o.currency
    """
)
