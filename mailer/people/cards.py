"""Does this text hold what passes as a card number? (C01, PCI DSS: never stored, never logged.)

Pure, and used by every door through which free text comes in.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping

SEPARATORS = (
    r"[\s.\-\u00ad\u058a\u200b-\u200f\u2010-\u2015\u2060\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d\ufeff]"
)
"""What people (and those who hide) write between the digits of one number."""
LONG_RUN = re.compile(rf"\d(?:{SEPARATORS}*\d){{13,}}")
SHORTEST_RUN = b"0" * 14
AS_DIGITS = bytes(0x30 if byte > 0x7F or chr(byte).isdigit() else 0x7C for byte in range(256))
BETWEEN_DIGITS = bytes(byte for byte in range(128) if re.fullmatch(SEPARATORS, chr(byte)))
GROUP = re.compile(r"\d+")
LENGTHS = range(14, 20)

ISSUERS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (4, 4, (16, 19)),  # Visa
    (51, 55, (16,)),  # Mastercard
    (2221, 2720, (16,)),  # Mastercard
    (34, 34, (15,)),  # American Express
    (37, 37, (15,)),  # American Express
    (300, 305, tuple(LENGTHS)),  # Diners Club
    (3095, 3095, tuple(LENGTHS)),  # Diners Club
    (36, 36, tuple(LENGTHS)),  # Diners Club
    (38, 39, tuple(LENGTHS)),  # Diners Club
    (3528, 3589, (16, 17, 18, 19)),  # JCB
    (6011, 6011, (16, 17, 18, 19)),  # Discover
    (622126, 622925, (16, 17, 18, 19)),  # Discover
    (644, 649, (16, 17, 18, 19)),  # Discover
    (65, 65, (16, 17, 18, 19)),  # Discover, RuPay, Troy
    (62, 62, (16, 17, 18, 19)),  # UnionPay
    (81, 82, (16, 17, 18, 19)),  # UnionPay, RuPay
    (508, 508, (16,)),  # RuPay
    (60, 60, (16,)),  # RuPay
    (50, 50, tuple(LENGTHS)),  # Maestro, Verve
    (56, 58, tuple(LENGTHS)),  # Maestro
    (6304, 6304, tuple(LENGTHS)),  # Maestro
    (636, 639, (16, 17, 18, 19)),  # InterPayment, InstaPayment
    (67, 67, tuple(LENGTHS)),  # Maestro
    (2200, 2205, (16, 17, 18, 19)),  # Mir, Borica
    (9792, 9792, (16,)),  # Troy
    (8600, 8600, (16,)),  # UzCard
    (9860, 9860, (16,)),  # Humo
)
"""First digits from and to, and the lengths that go with them."""


class CardNumberFound(Exception):
    """A free field holds what passes as a card number; the text names the field only."""

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field} holds what looks like a card number; card numbers are never accepted"
        )
        self.field = field


def refuse_card_numbers(**fields: str) -> None:
    """Raise CardNumberFound for the first field that holds a card number (C01).

    A card number is 14 to 19 digits of any script, spaces, dashes and dots between them ignored,
    that start and count as a known issuer's do and satisfy Luhn. The number itself is never part
    of the exception.
    """
    refuse_card_numbers_in(fields)


def refuse_card_numbers_in(fields: Mapping[str, str]) -> None:
    """Do as `refuse_card_numbers` for fields whose names are data."""
    whole = "|".join(fields.values())
    if not (may_hold_long_run(whole) and LONG_RUN.search(whole)):
        return
    for field, text in fields.items():
        if holds_card_number(text):
            raise CardNumberFound(field)


def may_hold_long_run(text: str) -> bool:
    """Say no only where LONG_RUN finds nothing: in a quarter of its time, by bytes.

    Blanks, dots and dashes are left out, letters part runs, and whatever is not ASCII counts as
    digits: it may be some, or what stands between them.
    """
    signs = text.encode("utf-8", "surrogatepass").translate(AS_DIGITS, BETWEEN_DIGITS)
    return SHORTEST_RUN in signs


def holds_card_number(text: str) -> bool:
    """Say whether a card number stands anywhere in `text`, alone or among other numbers."""
    return any(
        passes_as_card(number)
        for run in LONG_RUN.finditer(text)
        for number in _numbers(GROUP.findall(run.group()))
    )


def passes_as_card(digits: str) -> bool:
    """Say whether these ASCII digits have an issuer's prefix and length and satisfy Luhn."""
    return len(digits) in LENGTHS and _has_issuer(digits) and _satisfies_luhn(digits)


def _numbers(groups: list[str]) -> Iterator[str]:
    """Join neighbouring groups of digits to every number of a card's length."""
    plain = ["".join(str(unicodedata.decimal(digit)) for digit in group) for group in groups]
    for start in range(len(plain)):
        number = ""
        for group in plain[start:]:
            number += group
            if len(number) > LENGTHS[-1]:
                break
            if len(number) in LENGTHS:
                yield number


def _has_issuer(digits: str) -> bool:
    return any(
        len(digits) in lengths and first <= int(digits[: len(str(first))]) <= last
        for first, last, lengths in ISSUERS
    )


def _satisfies_luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
