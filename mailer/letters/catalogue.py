"""The catalogue: every letter that this house can send, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mailer.letters.account_letters import (
    CardExpiring,
    MonthlyStatement,
    PaymentFailed,
    PaymentReceipt,
)
from mailer.letters.content import PromotionalContent
from mailer.letters.digest import DigestContent
from mailer.letters.letter import Letter, LetterUnknown
from mailer.letters.order_letters import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderPaid,
    OrderReceived,
    OrderRefunded,
    OrderShipped,
)

LETTERS: tuple[type[Letter], ...] = (
    OrderReceived,
    OrderConfirmed,
    OrderPaid,
    OrderShipped,
    OrderDelivered,
    OrderCancelled,
    OrderRefunded,
    PaymentFailed,
    MonthlyStatement,
    PaymentReceipt,
    CardExpiring,
    PromotionalContent,
    DigestContent,
)
CATALOGUE: Mapping[str, type[Letter]] = MappingProxyType({each.name: each for each in LETTERS})


def letter_from(name: str, fields: Mapping[str, Any]) -> Letter:
    """Make a letter of its name and its fields as JSON holds them.

    Raises LetterUnknown, and FieldsInvalid with every field that is wrong.
    """
    letter = CATALOGUE.get(name)
    if letter is None:
        raise LetterUnknown(f"there is no letter of this name; there are: {', '.join(CATALOGUE)}")
    return letter.read(fields)
