"""Money after a click: the orders that a mailing's readers placed soon after it (docs/reports.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, text
from sqlmodel import Session, col, select

from mailer.orders._tables import OrderRow
from mailer.orders.buyers import STANDS
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
    rows = session.execute(_AFTER, _bound(clicks))
    return [Turnover(row.currency, row.buyers, row.orders, int(row.amount)) for row in rows]


def buyers_after(session: Session, clicks: Sequence[tuple[PersonId, datetime]]) -> int:
    """Count the people who placed any order within COUNTS_FOR after a click of theirs."""
    return len({row.person_id for row in session.execute(_BUYERS, _bound(clicks))})


def orders_within(
    session: Session, persons: Select[Any], *, since: datetime, before: datetime
) -> tuple[int, list[Turnover]]:
    """Count the buyers among some people (person_id, once each), and add up what they ordered.

    Orders placed from one moment to before another count, whether anything was clicked or not.
    """
    who = persons.subquery("who")
    order = OrderRow
    placed = (
        select(col(order.person_id), col(order.currency), col(order.total))
        .join(who, who.c.person_id == col(order.person_id))
        .where(col(order.placed_at) >= since, col(order.placed_at) < before, STANDS)
        .cte("placed")
    )
    buyers = func.count(placed.c.person_id.distinct())
    by_currency = (
        select(
            placed.c.currency,
            buyers.label("buyers"),
            func.count().label("orders"),
            func.sum(placed.c.total).label("amount"),
        )
        .group_by(placed.c.currency)
        .order_by(placed.c.currency)
    )
    rows = session.execute(by_currency)
    turnover = [Turnover(row.currency, row.buyers, row.orders, int(row.amount)) for row in rows]
    return int(session.execute(select(buyers)).scalar_one()), turnover


def _bound(clicks: Sequence[tuple[PersonId, datetime]]) -> dict[str, object]:
    return {
        "persons": [person_id for person_id, _ in clicks],
        "moments": [at for _, at in clicks],
        "span": COUNTS_FOR,
    }


_FOLLOWED = """
    FROM orders_order o
    WHERE EXISTS (
        SELECT FROM unnest(CAST(:persons AS bigint[]), CAST(:moments AS timestamptz[]))
               AS click(person_id, at)
        WHERE click.person_id = o.person_id
          AND o.placed_at >= click.at AND o.placed_at < click.at + CAST(:span AS interval))
      AND NOT EXISTS (
        SELECT FROM orders_event e WHERE e.subject = 'order:' || o.number AND e.kind = 'cancelled')
"""
_AFTER = text(
    f"""
    SELECT o.currency, count(DISTINCT o.person_id) AS buyers, count(*) AS orders,
           sum(o.total) AS amount
    {_FOLLOWED} GROUP BY o.currency ORDER BY o.currency
    """
)
_BUYERS = text(f"SELECT DISTINCT o.person_id {_FOLLOWED}")
