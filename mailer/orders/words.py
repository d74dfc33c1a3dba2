"""What happened to an order or a plan, as the ends of the catalogue's sentences."""

from collections.abc import Mapping

from mailer.orders.values import EventKind

EVENT_WORDS: Mapping[EventKind, str] = {
    **{kind: kind.value for kind in EventKind},
    EventKind.PAYMENT_FAILED: "left unpaid",
}
"""How the catalogue's `Because your order … was {event}` ends."""
PLAN_WORDS: Mapping[EventKind, str] = {
    **dict.fromkeys(EventKind, "changed"),
    EventKind.STATEMENT: "was billed",
    EventKind.RECEIPT: "was paid",
    EventKind.CARD_EXPIRING: "needed a new card",
    EventKind.PAYMENT_FAILED: "was left unpaid",
}
