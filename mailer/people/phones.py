"""A phone number's stored form, and the form by which it is found. Pure."""

import re
import unicodedata
from functools import cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from mailer.people._dialled import dialled

SHORTEST_TO_FIND = 5
E164 = re.compile(r"(\+[1-9]\d{6,14})(?:;ext=\d+)?", re.ASCII)
PLAIN = re.compile(r"\+(?:1[2-9]\d{9}|(?:3[0-4]|4[013-9])[1-9]\d{6,11})", re.ASCII)
"""E.164 of countries whose numbers have no other way to be written: no need to parse it."""


def phone_number(text: str, country: str) -> str:
    """Return the number in E.164, read as someone in `country` would dial it.

    What does not parse is kept as it was written and found by its digits: nobody is refused for
    a phone number, since no mail needs one. An extension follows as `;ext=12`.
    """
    if not text or PLAIN.fullmatch(text):
        return text
    return dialled(text, country) or parsed_number(text, country)


def parsed_number(text: str, country: str) -> str:
    """Do as `phone_number` by the library's full parse, which is the reference."""
    parsed = _parse(text, country)
    if parsed is None:
        return text
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return f"{number};ext={parsed.extension}" if parsed.extension else number


def is_international(phone: str) -> bool:
    """Say whether a stored number is in E.164, and so follows the grammar of phone numbers."""
    return E164.fullmatch(phone) is not None


def phone_key(phone: str) -> str:
    """Return the form by which a stored number is looked up; "" where it cannot be."""
    standard = E164.fullmatch(phone)
    return standard.group(1) if standard else _digits_key(phone)


def phone_keys(text: str) -> list[str]:
    """Return every form that `text` may be kept under, whatever country it was dialled in."""
    readings = {phone_key(phone_number(text, ""))} if text.strip().startswith("+") else set()
    if not readings:
        readings = {
            phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
            for country in _one_country_per_prefix()
            if (parsed := _parse(text, country)) is not None
        }
    return sorted({*readings, _digits_key(text)} - {""})


def _parse(text: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, country or None)
    except NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None


def _digits_key(text: str) -> str:
    digits = "".join(str(unicodedata.decimal(sign)) for sign in text if sign.isdecimal())
    return f"digits:{digits}" if len(digits) >= SHORTEST_TO_FIND else ""


@cache
def _one_country_per_prefix() -> tuple[str, ...]:
    prefixes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return tuple(regions[0] for regions in prefixes.values() if regions[0] != "001")
