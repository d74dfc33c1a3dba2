"""The tables of orders: private to this room."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, UniqueConstraint
from sqlmodel import Field

from mailer.database import Table
from mailer.orders.values import EventKind

EVENTS = ", ".join(f"'{kind}'" for kind in EventKind)


class OrderRow(Table, table=True):
    """An order, under its number; the IP address and the payment are sealed (C02, C09)."""

    __tablename__ = "orders_order"
    __table_args__ = (
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_a_code"),
        CheckConstraint("total >= 0", name="total_is_no_debt"),
        Index("ix_orders_order_person_id_placed_at", "person_id", "placed_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    number: str = Field(unique=True)
    person_id: int = Field(sa_type=BigInteger)
    sealed_for: int = Field(sa_type=BigInteger)
    """Whose key sealed the IP address and the payment; a merge changes `person_id` only."""
    currency: str
    total: int = Field(sa_type=BigInteger)
    placed_at: datetime = Field(index=True)
    ip: bytes | None = None
    payment: bytes | None = None
    created_at: datetime
    updated_at: datetime


class LineRow(Table, table=True):
    """One line of an order; the price counts the currency's smallest unit."""

    __tablename__ = "orders_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_is_positive"),
        Index("ix_orders_line_sku_order_id", "sku", "order_id"),
    )

    order_id: int = Field(
        sa_type=BigInteger, primary_key=True, foreign_key="orders_order.id", ondelete="CASCADE"
    )
    position: int = Field(primary_key=True)
    sku: str
    name: str
    quantity: int
    unit_price: int = Field(sa_type=BigInteger)


class EventRow(Table, table=True):
    """An event of an order or an account. The unique key is what makes two equal ones one mail."""

    __tablename__ = "orders_event"
    __table_args__ = (
        UniqueConstraint("subject", "kind", "event_id"),
        CheckConstraint(f"kind IN ({EVENTS})", name="kind_is_known"),
        Index("ix_orders_event_person_id_occurred_at", "person_id", "occurred_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    subject: str
    """`order:10482` or `account:17`."""
    kind: str
    event_id: str
    person_id: int = Field(sa_type=BigInteger)
    mailing_id: int | None = Field(default=None, sa_type=BigInteger)
    occurred_at: datetime
    created_at: datetime
