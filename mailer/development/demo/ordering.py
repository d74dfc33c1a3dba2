"""What the demo company sold: a history of orders, and some that are under way right now."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from mailer import orders
from mailer.development.demo.arriving import Resident
from mailer.development.demo.countries import COUNTRIES, RATES, WITHOUT_CENTS
from mailer.letters import Brand
from mailer.orders import EventKind, Line, NewOrder, OrderEvent, Payment
from mailer.vault import Vault
from mailer.vocabulary import PersonId

SELLING_SINCE = timedelta(days=270)
BUYERS = 0.55
SET_SIZE = 1000
GOODS = (
    ("POS-PRO", "POS Pro terminal, 15-inch", 649),
    ("POS-LITE", "POS Lite, licence for a year", 228),
    ("TP-80", "Receipt printer TP-80", 189.5),
    ("SCAN-C", "Barcode scanner, corded", 89),
    ("SCAN-W", "Barcode scanner, wireless", 149),
    ("DRAWER-4", "Cash drawer, four notes", 79),
    ("ROLLS-20", "Receipt rolls, box of 20", 24.9),
    ("STAND-T", "Tablet stand", 59),
    ("BACKUP-Y", "Nightly backup, a year", 132),
)
"""SKU, name, and price in dollars."""
ON_THE_WAY = (
    EventKind.RECEIVED,
    EventKind.RECEIVED,
    EventKind.CONFIRMED,
    EventKind.PAYMENT_FAILED,
    EventKind.PAID,
    EventKind.SHIPPED,
    EventKind.SHIPPED,
    EventKind.CANCELLED,
    EventKind.DELIVERED,
    EventKind.DELIVERED,
    EventKind.REFUNDED,
)
"""What has just happened to the latest orders, the latest first."""
PLAN = "POS Pro, two tills"
CURRENCY = {country.code: country.currency for country in COUNTRIES}


@dataclass(frozen=True, slots=True)
class _Sale:
    """An order before it has a number."""

    resident: Resident
    placed_at: datetime


def sell(
    session: Session,
    vault: Vault,
    residents: Sequence[Resident],
    chance: random.Random,
    *,
    now: datetime,
) -> list[NewOrder]:
    """Write the order history, oldest first, and return it; it causes no mail: that is long past."""
    sales = sorted(_sales(residents, chance, now), key=lambda sale: sale.placed_at)
    history = [_order(number, sale, chance) for number, sale in enumerate(sales, start=100_001)]
    for start in range(0, len(history), SET_SIZE):
        orders.place_many(session, vault, history[start : start + SET_SIZE], now=now)
    return history


def go_on(
    session: Session,
    vault: Vault,
    history: Sequence[NewOrder],
    jo: Resident,
    *,
    brand: Brand,
    now: datetime,
) -> int:
    """Let things happen to some orders and accounts now, so that their mails leave; say how many."""
    events = [*_events_of_jo(history, jo, now), *_events_of_others(history, jo, now)]
    for event in events:
        orders.accept_event(session, vault, event, brand=brand, now=now)
    return len(events)


def _sales(residents: Sequence[Resident], chance: random.Random, now: datetime) -> Iterator[_Sale]:
    for resident in residents:
        earliest = max(resident.joined, now - SELLING_SINCE)
        while chance.random() < BUYERS:
            yield _Sale(resident, earliest + (now - earliest) * chance.random())
    yield _Sale(residents[-1], now - timedelta(hours=2))


def _order(number: int, sale: _Sale, chance: random.Random) -> NewOrder:
    currency = CURRENCY[sale.resident.country]
    wanted = chance.sample(GOODS, k=chance.choices((1, 2, 3), (60, 30, 10))[0])
    lines = tuple(
        Line(sku, name, chance.choices((1, 2, 3), (75, 18, 7))[0], _price(dollars, currency))
        for sku, name, dollars in wanted
    )
    return NewOrder(
        number=f"FP-{number}",
        person_id=sale.resident.person_id,
        currency=currency,
        lines=lines,
        total=sum(line.quantity * line.unit_price for line in lines),
        placed_at=sale.placed_at.replace(microsecond=0),
        ip=f"{chance.choice(('192.0.2', '198.51.100', '203.0.113'))}.{chance.randint(1, 254)}",
        payment=_payment(sale, chance),
    )


def _price(dollars: float, currency: str) -> int:
    """Return a price in the currency's smallest unit, rounded as shops round."""
    amount = dollars * RATES[currency]
    if currency in WITHOUT_CENTS:
        return max(100, round(amount, -2).__trunc__())
    return round(amount * 10) * 10


def _payment(sale: _Sale, chance: random.Random) -> Payment:
    return Payment(
        brand=chance.choice(("Visa", "Mastercard", "American Express")),
        last4=f"{chance.randint(0, 9999):04}",
        expiry=f"{sale.placed_at.year + chance.randint(1, 4)}-{chance.randint(1, 12):02}",
        token=f"tok_demo_{chance.getrandbits(48):012x}",
    )


def _events_of_jo(history: Sequence[NewOrder], jo: Resident, now: datetime) -> Iterator[OrderEvent]:
    """Jo's latest order, from received to shipped."""
    order = next(order for order in reversed(history) if order.person_id == jo.person_id)
    steps = (EventKind.RECEIVED, EventKind.CONFIRMED, EventKind.PAID, EventKind.SHIPPED)
    for step, kind in enumerate(steps):
        at = now - timedelta(minutes=30 * (len(steps) - step))
        yield OrderEvent(kind, at, order.number, fields=_fields(kind, order, now))


def _events_of_others(
    history: Sequence[NewOrder], jo: Resident, now: datetime
) -> Iterator[OrderEvent]:
    """The latest orders of others, each at another point of its way; then three accounts."""
    theirs = [order for order in reversed(history) if order.person_id != jo.person_id]
    for order, kind in zip(theirs, ON_THE_WAY, strict=False):
        yield OrderEvent(kind, now, order.number, fields=_fields(kind, order, now))
    monthly = (EventKind.STATEMENT, EventKind.RECEIPT, EventKind.CARD_EXPIRING)
    for order, kind in zip(theirs[len(ON_THE_WAY) :], monthly, strict=False):
        yield _account_event(kind, order.person_id, now)


def _fields(kind: EventKind, order: NewOrder, now: datetime) -> dict[str, object]:
    soon = (now + timedelta(days=4)).date().isoformat()
    match kind:
        case EventKind.SHIPPED:
            url = f"https://www.example.com/parcels/{order.number}"
            parcel = {"carrier": "Example Post", "number": f"EX-{order.number}", "url": url}
            return {"tracking": parcel, "expected_on": soon}
        case EventKind.CANCELLED:
            return {"reason": "One of the articles is out of stock until spring."}
        case EventKind.REFUNDED:
            amount = {"amount": order.lines[0].unit_price, "currency": order.currency}
            return {"amount": amount, "expected_by": soon}
        case EventKind.PAYMENT_FAILED:
            return {"reason": "The bank declined the payment.", "retry_on": soon}
        case _:
            return {}


def _account_event(kind: EventKind, person_id: PersonId, now: datetime) -> OrderEvent:
    last_month = (now.replace(day=1) - timedelta(days=1)).date()
    months = {
        "period_from": last_month.replace(day=1).isoformat(),
        "period_to": last_month.isoformat(),
    }
    money = {"amount": 11_800, "currency": "USD"}
    card = {"brand": "Visa", "last4": "4242"}
    number = f"{last_month:%Y-%m}-{person_id}"
    soon = (now + timedelta(days=14)).date().isoformat()
    line = {"name": "POS Pro licence", "quantity": 2, "price": {"amount": 5_900, "currency": "USD"}}
    fields: dict[EventKind, dict[str, object]] = {
        EventKind.STATEMENT: {
            "plan": PLAN,
            "statement_number": f"S-{number}",
            "lines": [line],
            "total": money,
            "due_on": soon,
            **months,
        },
        EventKind.RECEIPT: {
            "plan": PLAN,
            "receipt_number": f"R-{number}",
            "amount": money,
            "method": card,
            **months,
        },
        EventKind.CARD_EXPIRING: {
            "plan": PLAN,
            "method": card,
            "expires": f"{now:%Y-%m}",
            "next_payment_on": soon,
            "amount": money,
        },
    }
    return OrderEvent(kind, now, person_id=person_id, fields=fields[kind])
