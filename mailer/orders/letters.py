"""Which letter an event becomes, and its fields: what the shop said, filled up from the order."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from mailer.letters import CATALOGUE, Letter
from mailer.orders.values import EventKind, Order, OrderEvent, Payment
from mailer.people import refuse_card_numbers_in

LETTERS: Mapping[EventKind, str] = MappingProxyType(
    {
        EventKind.RECEIVED: "order_received",
        EventKind.CONFIRMED: "order_confirmed",
        EventKind.PAID: "order_paid",
        EventKind.SHIPPED: "order_shipped",
        EventKind.DELIVERED: "order_delivered",
        EventKind.CANCELLED: "order_cancelled",
        EventKind.REFUNDED: "order_refunded",
        EventKind.PAYMENT_FAILED: "payment_failed",
        EventKind.STATEMENT: "monthly_statement",
        EventKind.RECEIPT: "payment_receipt",
        EventKind.CARD_EXPIRING: "card_expiring",
    }
)
"""The letter of each kind of event, by its name in the catalogue."""

OWN_GRAMMAR = frozenset({"order_number", "tracking.number"})
"""Fields whose own grammar keeps card numbers out; the general search would take some for cards."""

OF_A_REFUND = frozenset({"lines", "amount"})


def letter_for(event: OrderEvent, order: Order | None, payment: Payment | None) -> Letter:
    """Make the letter of an event: the shop's fields first, the order on file for the rest.

    Raises FieldsInvalid, naming every field that is missing or wrong, and CardNumberFound (C01).
    """
    refuse_cards_in(event.fields)
    kind = CATALOGUE[LETTERS[event.kind]]
    known = {**_moments(event, order), **(_of_order(order, payment) if order else {})}
    defaults = {name: value for name, value in known.items() if name in kind.model_fields}
    if event.kind is EventKind.REFUNDED:  # what came back is the shop's to say, not the whole order
        defaults = {name: value for name, value in defaults.items() if name not in OF_A_REFUND}
    return kind.read({**defaults, **event.fields})


def refuse_cards_in(fields: Mapping[str, object]) -> None:
    """Raise CardNumberFound when any text in the fields, however deep, passes as a card (C01)."""
    tracking = fields.get("tracking")
    number = tracking.get("number", "") if isinstance(tracking, Mapping) else ""
    for path, text in _texts(fields, ""):
        if path in OWN_GRAMMAR:
            continue
        if path == "tracking.url" and number:
            text = text.replace(str(number), "")  # noqa: PLW2901 - the page names the parcel
        refuse_card_numbers_in({path: text})


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Walk JSON values and give each text (and whole number) with its dotted path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            yield from _texts(inner, f"{path}.{position}")
    elif isinstance(value, str) or (isinstance(value, int) and abs(value) >= 10**13):
        yield path, str(value)


MOMENTS: Mapping[EventKind, str] = MappingProxyType(
    {
        EventKind.RECEIVED: "ordered_at",
        EventKind.CONFIRMED: "confirmed_at",
        EventKind.PAID: "paid_at",
        EventKind.SHIPPED: "shipped_at",
        EventKind.DELIVERED: "delivered_at",
        EventKind.CANCELLED: "cancelled_at",
        EventKind.REFUNDED: "refunded_at",
        EventKind.PAYMENT_FAILED: "tried_at",
        EventKind.RECEIPT: "paid_at",
    }
)


def _moments(event: OrderEvent, order: Order | None) -> dict[str, Any]:
    name = MOMENTS.get(event.kind)
    if name is None:
        return {}
    received = event.kind is EventKind.RECEIVED and order is not None
    return {name: _iso(order.placed_at if received and order else event.occurred_at)}


def _of_order(order: Order, payment: Payment | None) -> dict[str, Any]:
    money: Callable[[int], dict[str, Any]] = lambda amount: {  # noqa: E731 - one shape, used twice
        "amount": amount,
        "currency": order.currency,
    }
    lines = [
        {"name": line.name, "quantity": line.quantity, "price": money(line.unit_price)}
        for line in order.lines
    ]
    known: dict[str, Any] = {"order_number": order.number, "total": money(order.total)}
    known["amount"] = money(order.total)
    if lines:
        known["lines"] = lines
    if payment is not None:
        known["method"] = {"brand": payment.brand, "last4": payment.last4}
    return known


def _iso(moment: datetime) -> str:
    return moment.isoformat()
