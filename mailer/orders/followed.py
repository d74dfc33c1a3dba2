"""Money after a click: the orders that a mailing's readers placed soon after it (docs/reports.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, FromClause, Select, func
from sqlmodel import Session, col, select

from mailer.orders._tables import OrderRow
from mailer.orders.buyers import STANDS

COUNTS_FOR = timedelta(days=7)
"""How long after a click an order counts for it. Fixed: two spans subtracted would tell of few."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """Orders in one currency; `amount` counts its smallest unit."""

    currency: str
    buyers: int
    orders: int
    amount: int


def orders_after(session: Session, clicks: FromClause) -> list[Turnover]:
    """Add up the orders that each of these people placed within COUNTS_FOR after a click of theirs.

    `clicks` tells who clicked when (person_id, at), as often as they did. An order counts once, however many clicks came before it; a cancelled one does not count, what
    was refunded is not taken off. By currency, in the alphabet's order.
    """
    return _by_currency(session, _followed(clicks))


def buyers_after(session: Session, clicks: FromClause) -> int:
    """Count the people who placed any order within COUNTS_FOR after a click of theirs."""
    followed = _followed(clicks)
    buyers = select(func.count(followed.c.person_id.distinct()))
    return int(session.execute(buyers).scalar_one())


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
    buyers = select(func.count(placed.c.person_id.distinct()))
    return int(session.execute(buyers).scalar_one()), _by_currency(session, placed)


def _followed(clicks: FromClause) -> CTE:
    """Select the orders, once each, that came within COUNTS_FOR after a click of who placed them."""
    order = OrderRow
    after_a_click = (
        select(clicks.c.person_id)
        .where(
            clicks.c.person_id == col(order.person_id),
            col(order.placed_at) >= clicks.c.at,
            col(order.placed_at) < clicks.c.at + COUNTS_FOR,
        )
        .exists()
    )
    return (
        select(col(order.person_id), col(order.currency), col(order.total))
        .where(after_a_click, STANDS)
        .cte("followed")
    )


def _by_currency(session: Session, placed: CTE) -> list[Turnover]:
    """Add up orders (person_id, currency, total) by currency, in the alphabet's order."""
    rows = session.execute(
        select(
            placed.c.currency,
            func.count(placed.c.person_id.distinct()).label("buyers"),
            func.count().label("orders"),
            func.sum(placed.c.total).label("amount"),
        )
        .group_by(placed.c.currency)
        .order_by(placed.c.currency)
    )
    return [Turnover(row.currency, row.buyers, row.orders, int(row.amount)) for row in rows]
