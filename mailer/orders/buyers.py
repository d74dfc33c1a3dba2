"""Who ordered what and when: one SELECT that audiences are built from (C03)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlmodel import Session, col

from mailer.orders._tables import LineRow, OrderRow

STANDS = text(
    "NOT EXISTS (SELECT FROM orders_event e"
    " WHERE e.subject = 'order:' || orders_order.number AND e.kind = 'cancelled')"
)
"""That an order was not cancelled: audiences and reports ask alike."""


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """Rules about a customer's orders; an order counts when it meets all that are set.

    A cancelled order counts for nothing.
    """

    since: datetime | None = None
    before: datetime | None = None
    sku: str = ""
    at_least: int = 1
    worth: int = 0
    """What those orders come to at least, in the smallest unit of `currency`; 0 for no limit."""
    currency: str = ""
    """Where `worth` is set, orders in this currency count and no others."""


def buyers_of(wanted: OrderFacts) -> Select[Any]:
    """Select the customers (person_id, once each) with enough orders of the wanted kind."""
    person = col(OrderRow.person_id)
    query: Select[Any] = select(person.label("person_id")).where(STANDS).group_by(person)
    if wanted.since is not None:
        query = query.where(col(OrderRow.placed_at) >= wanted.since)
    if wanted.before is not None:
        query = query.where(col(OrderRow.placed_at) < wanted.before)
    if wanted.sku:
        holds = select(col(LineRow.order_id)).where(
            col(LineRow.order_id) == col(OrderRow.id), col(LineRow.sku) == wanted.sku
        )
        query = query.where(holds.exists())
    if wanted.worth:
        query = query.where(col(OrderRow.currency) == wanted.currency)
        query = query.having(func.sum(col(OrderRow.total)) >= wanted.worth)
    return query.having(func.count() >= wanted.at_least)


def skus_on_file(session: Session, skus: Collection[str]) -> frozenset[str]:
    """Return which of these products any order has ever held: a look into the index for each."""
    return frozenset(session.execute(ON_FILE, {"skus": sorted(skus)}).scalars())


# In the order of the index: without one a planner may read the table for a product that none has.
ON_FILE = text(
    "SELECT wanted.sku FROM unnest(CAST(:skus AS text[])) AS wanted(sku) CROSS JOIN LATERAL"
    " (SELECT 1 FROM orders_line l WHERE l.sku = wanted.sku ORDER BY l.order_id LIMIT 1) held"
)
