"""What letters are filled with: money, lines, tracking, payment; strict when read, never guessed."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

from babel.numbers import get_currency_precision, is_currency
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, line separators, direction overrides and lone surrogates: never in a header or name."""


def wrong(problem: str, fix: str) -> PydanticCustomError:
    """Make the error of a field: what is wrong, and what would be right."""
    return PydanticCustomError("field", "{problem}|{fix}", {"problem": problem, "fix": fix})


def _plain(text: str) -> str:
    if UNSAFE.search(text):
        raise wrong("holds control characters or line breaks", "send one line of plain text")
    if not text.strip():
        raise wrong("is empty", "send the text, or leave the field out where it may be missing")
    return text.strip()


def is_web_address(url: str) -> bool:
    """Say whether `url` is an absolute http(s) address in ASCII that every program reads alike.

    No user part (it hides the host), no backslash, no space, no control character.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    well_formed = re.fullmatch(r"https?://[A-Za-z0-9.:-]+([/?#][!#-;=?-\[\]_a-z~]*)?", url)
    return bool(host and well_formed)


def _https(url: str) -> str:
    if not is_web_address(url) or not url.startswith("https://"):
        raise wrong("is not a web address that we can link to", "send an https:// address in ASCII")
    return url


def _currency(code: str) -> str:
    if not is_currency(code):
        raise wrong("is no currency", "send the ISO 4217 code, for example USD")
    return code


def _grammar(pattern: str, fix: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise wrong("is not written as we expect it", fix)
        return text

    return AfterValidator(check)


Line = Annotated[str, Field(max_length=200), AfterValidator(_plain)]
"""One line of text that people read."""
Moment = AwareDatetime
"""A point in time with its offset."""
Day = date
"""A day of the calendar, in nobody's zone."""
SecureUrl = Annotated[str, Field(max_length=1500), AfterValidator(_https)]
OrderNumber = Annotated[
    str,
    _grammar(
        r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}",
        "send up to 40 letters, digits, dots, dashes or slashes",
    ),
]
TrackingNumber = Annotated[
    str, _grammar(r"[A-Za-z0-9][A-Za-z0-9 -]{2,39}", "send 3 to 40 letters, digits or dashes")
]
LastFour = Annotated[str, _grammar(r"[0-9]{4}", "send the last four digits only")]
Month = Annotated[str, _grammar(r"20[0-9]{2}-(0[1-9]|1[0-2])", "send it as 2026-12")]


class Part(BaseModel):
    """A value made of fields: frozen, strict, nothing unknown, no value shown in an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, ser_json_inf_nan="null"
    )

    def as_json(self) -> dict[str, Any]:
        """Give the fields as JSON holds them; what is missing is left out."""
        return self.model_dump(mode="json", exclude_none=True)


class Money(Part):
    """An amount in minor units (cents; yen have none) of an ISO 4217 currency."""

    amount: int = Field(ge=-(10**13), le=10**13)
    currency: Annotated[str, AfterValidator(_currency)]

    @property
    def decimal(self) -> Decimal:
        """The amount in the currency's own unit."""
        return Decimal(self.amount).scaleb(-get_currency_precision(self.currency))


class OrderLine(Part):
    """One line of an order or a bill; `price` is for one piece."""

    name: Line
    quantity: int = Field(default=1, ge=1, le=1_000_000)
    price: Money

    @property
    def total(self) -> Money:
        """The price of all pieces."""
        return Money(amount=self.price.amount * self.quantity, currency=self.price.currency)


class Tracking(Part):
    """Where a parcel is: the carrier, its number there, and the carrier's page."""

    carrier: Line
    number: TrackingNumber
    url: SecureUrl | None = None


class PaymentMethod(Part):
    """What an order was paid with; never a card number (C01)."""

    brand: Line
    last4: LastFour


MOST_LINES = 100
Lines = Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=MOST_LINES)]
Address = Annotated[tuple[Line, ...], Field(max_length=6)]
"""A postal address as it stands on the parcel, one entry a line."""
