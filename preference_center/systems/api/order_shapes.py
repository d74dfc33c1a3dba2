"""The bodies that shops send and get back about orders, their events and those of accounts."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyAddress,
    JsonValue,
    StringConstraints,
    model_validator,
)

from mailer.orders import EventKind
from preference_center.systems.api.forms import (
    Address,
    Answer,
    Cents,
    Country,
    Currency,
    Form,
    Language,
    Moment,
    OneLine,
    Page,
    Unfit,
    Word,
)

ORDER_EXAMPLE: dict[str, JsonValue] = {
    "number": "10482",
    "customer": {"external_id": "C-1042"},
    "currency": "USD",
    "lines": [{"sku": "POS-PRO", "name": "POS Pro terminal", "quantity": 1, "unit_price": 64900}],
    "total": 69400,
    "placed_at": "2026-11-22T10:00:00Z",
    "ip": "203.0.113.7",
    "payment": {"brand": "Visa", "last4": "4242", "expiry": "2028-04", "token": "tok_9f2c"},
}


class BuyerForm(Form):
    """Who ordered: a customer on file, by the shop's id or by address, or a new one by address.

    What is said about a customer on file is overlooked here; `POST /customers` changes them.
    """

    external_id: Word | None = None
    email: Address | None = None
    name: OneLine | None = None
    country: Country | None = None
    language: Language | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.external_id is None and self.email is None:
            raise Unfit("names nobody", "send external_id or email")
        return self


class LineForm(Form):
    """One line of an order; the price is for one piece."""

    sku: Word = Field(min_length=1)
    name: OneLine = Field(min_length=1)
    quantity: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 1
    unit_price: Cents


class PaymentForm(Form):
    """How the order was paid. Card numbers are refused wherever they stand (C01)."""

    brand: Word = Field(min_length=1)
    last4: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
    expiry: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/+=-]{1,128}$")] = Field(
        description="The payment processor's own name for the card."
    )


class OrderForm(Form):
    """An order to keep, or to bring up to date under its number. It causes no mail by itself."""

    model_config = ConfigDict(json_schema_extra={"example": ORDER_EXAMPLE})

    number: Annotated[str, StringConstraints(min_length=1, max_length=32)] = Field(
        description="1 to 32 letters, digits, dots, dashes, underscores; 13 digits at most."
    )
    customer: BuyerForm
    currency: Currency
    lines: Annotated[list[LineForm], Field(max_length=100)]
    total: Cents = Field(description="Everything included, in the currency's smallest unit.")
    placed_at: Moment
    ip: IPvAnyAddress | None = Field(
        default=None, description="From where it was placed; kept encrypted (C02)."
    )
    payment: PaymentForm | None = None


class LineAnswer(Answer):
    """One line of an order."""

    sku: str
    name: str
    quantity: int
    unit_price: int


class OrderAnswer(Answer):
    """An order on file, without IP address and payment."""

    number: str
    customer: int
    currency: str
    lines: list[LineAnswer]
    total: int
    placed_at: datetime


class OrderPage(Page):
    """Orders in the order in which they came."""

    orders: list[OrderAnswer]


FIELDS_TEXT = (
    "What the letter needs beyond the order on file, for example `tracking`; "
    "see docs/api.md for the fields of each letter."
)
Fields = Annotated[dict[str, JsonValue], Field(max_length=30, description=FIELDS_TEXT)]
EventId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
EVENT_ID_TEXT = (
    "Tells a second shipment or refund of the same order from a repeat of the first; "
    "an event with the same id happens once."
)

OrderEventKind = Literal[
    EventKind.RECEIVED,
    EventKind.CONFIRMED,
    EventKind.PAID,
    EventKind.SHIPPED,
    EventKind.DELIVERED,
    EventKind.CANCELLED,
    EventKind.REFUNDED,
    EventKind.PAYMENT_FAILED,
]
AccountEventKind = Literal[
    EventKind.STATEMENT, EventKind.RECEIPT, EventKind.CARD_EXPIRING, EventKind.PAYMENT_FAILED
]


class Elsewhere(ValueError):
    """An event that there is, told at the other of the two addresses for events."""


def _told_here(wanted: Any) -> BeforeValidator:
    """Say of a word that is an event, but not one of these, that it belongs elsewhere."""
    here, known = set(get_args(wanted)), set(EventKind)

    def check(value: Any) -> Any:
        if isinstance(value, str) and value in known - here:
            raise Elsewhere
        return value

    return BeforeValidator(check)


class OrderEventForm(Form):
    """Something that happened to an order; its letter goes out whatever the promotional opt-out says."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "event": "shipped",
                "event_id": "parcel-1",
                "occurred_at": "2026-11-23T08:30:00Z",
                "fields": {
                    "tracking": {
                        "carrier": "UPS",
                        "number": "1Z999AA10123456784",
                        "url": "https://www.ups.com/track?tracknum=1Z999AA10123456784",
                    }
                },
            }
        }
    )

    event: Annotated[OrderEventKind, _told_here(OrderEventKind)]
    event_id: EventId = Field(default="once", description=EVENT_ID_TEXT)
    occurred_at: Moment
    fields: Fields = Field(default_factory=dict)


class AccountEventForm(Form):
    """Something that happened to a customer's plan: a bill, a receipt, a card that expires (C10)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "event": "card_expiring",
                "event_id": "2026-12",
                "occurred_at": "2026-11-22T10:00:00Z",
                "fields": {
                    "plan": "POS Pro, two tills",
                    "method": {"brand": "Visa", "last4": "4242"},
                    "expires": "2026-12",
                    "next_payment_on": "2027-01-01",
                    "amount": {"amount": 13800, "currency": "USD"},
                },
            }
        }
    )

    event: Annotated[AccountEventKind, _told_here(AccountEventKind)]
    event_id: EventId = Field(default="once", description=EVENT_ID_TEXT)
    occurred_at: Moment
    fields: Fields = Field(default_factory=dict)


class EventAnswer(Answer):
    """The event is on file and its letter in line; an equal event gets the same answer."""

    event: EventKind
    event_id: str
    customer: int
    mailing: int | None = Field(description="Look it up with `GET /messages?mailing=…`.")


def as_facts(answer: Answer) -> dict[str, Any]:
    """Return an answer as the facts that a receipt keeps."""
    return answer.model_dump(mode="json")
