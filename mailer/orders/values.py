"""An order as the shop tells it: its number's grammar, its lines, how it was paid, its events."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from mailer.vocabulary import PersonId

OrderId = NewType("OrderId", int)

NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
MOST_DIGITS = 13
EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


class OrderNumberInvalid(ValueError):
    """An order number is 1 to 32 letters, digits, dots, dashes or underscores, with 13 digits at most."""


class EventIdInvalid(ValueError):
    """An event id is 1 to 64 letters, digits, dots, colons, dashes or underscores."""


def check_number(number: str) -> str:
    """Return the order number, or raise OrderNumberInvalid.

    Thirteen digits at most: no card number (14 to 19 digits, C01) fits into one, however its
    groups are written, so that no order number needs to be guessed at.
    """
    if not NUMBER.fullmatch(number) or sum(sign.isdigit() for sign in number) > MOST_DIGITS:
        raise OrderNumberInvalid(OrderNumberInvalid.__doc__)
    return number


def check_event_id(event_id: str) -> str:
    """Return the event id, or raise EventIdInvalid."""
    if not EVENT_ID.fullmatch(event_id):
        raise EventIdInvalid(EventIdInvalid.__doc__)
    return event_id


class EventKind(StrEnum):
    """What happens to an order (C05), or to an account with monthly fees (C10)."""

    RECEIVED = "received"
    CONFIRMED = "confirmed"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    PAYMENT_FAILED = "payment_failed"
    STATEMENT = "statement"
    RECEIPT = "receipt"
    CARD_EXPIRING = "card_expiring"

    @property
    def is_of_account(self) -> bool:
        """The event belongs to a customer's account, not to one order."""
        return self in {EventKind.STATEMENT, EventKind.RECEIPT, EventKind.CARD_EXPIRING}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order; `unit_price` counts the currency's smallest unit (cents)."""

    sku: str
    name: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class Payment:
    """How an order was paid, as far as we may know it (C01): never a card number."""

    brand: str
    last4: str
    expiry: str
    """Month and year, as `2028-04`."""
    token: str
    """The payment processor's own name for the card."""


@dataclass(frozen=True)
class NewOrder:
    """An order to keep. Amounts count the currency's smallest unit; `total` includes everything."""

    number: str
    person_id: PersonId
    currency: str
    lines: tuple[Line, ...]
    total: int
    placed_at: datetime
    ip: str = ""
    payment: Payment | None = None


@dataclass(frozen=True)
class Order:
    """An order on file, without what is encrypted in it."""

    order_id: OrderId
    number: str
    person_id: PersonId
    currency: str
    lines: tuple[Line, ...]
    total: int
    placed_at: datetime


@dataclass(frozen=True)
class OrderEvent:
    """Something that happened to an order (`number`) or to an account (`person_id`), once.

    Two events of the same order or account, kind and `event_id` are the same event: a parcel's
    or a refund's own number tells the second shipment or refund from a repeat of the first.
    """

    kind: EventKind
    occurred_at: datetime
    number: str = ""
    person_id: PersonId | None = None
    event_id: str = "once"
    fields: Mapping[str, object] = field(default_factory=dict)
