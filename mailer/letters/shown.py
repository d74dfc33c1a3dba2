"""A letter's fields as its reader sees them: money, days and times in their own habits and zone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, singledispatch
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, localedata
from babel.dates import format_date, format_time
from babel.numbers import format_currency

from mailer.letters.fields import Money, OrderLine, Part


@dataclass(frozen=True, slots=True)
class Habits:
    """How a reader writes numbers and times: English words, their country's forms, their zone."""

    locale: Locale
    zone: ZoneInfo


def habits_of(person: Mapping[str, str]) -> Habits:
    """Take the habits from `country_code` and `timezone`; else plain English and UTC."""
    return Habits(_locale(person.get("country_code", "")), _zone(person.get("timezone", "")))


@lru_cache(maxsize=512)
def _locale(country: str) -> Locale:
    known = country.isalpha() and localedata.exists(f"en_{country.upper()}")
    return Locale.parse(f"en_{country.upper()}" if known else "en")


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@singledispatch
def shown(value: Any, habits: Habits) -> Any:  # noqa: ARG001 - the others need the habits
    """Turn a field into text, lists and mappings of text; what is missing stays None."""
    return None if value is None else str(value)


@shown.register
def _(value: Part, habits: Habits) -> dict[str, Any]:
    return {name: shown(getattr(value, name), habits) for name in type(value).model_fields}


@shown.register
def _(value: OrderLine, habits: Habits) -> dict[str, Any]:
    fields = {name: shown(getattr(value, name), habits) for name in type(value).model_fields}
    return fields | {"total": money(value.total, habits)}


@shown.register(tuple)
def _(value: tuple[Any, ...], habits: Habits) -> list[Any]:
    return [shown(each, habits) for each in value]


@shown.register
def money(value: Money, habits: Habits) -> str:
    """Write an amount as the reader's country does, for example "1.234,50 €"."""
    return format_currency(value.decimal, value.currency, locale=habits.locale)


@shown.register
def day(value: date, habits: Habits) -> str:
    """Write a day with its month as a word."""
    return format_date(value, "long", locale=habits.locale)


@shown.register
def moment(value: datetime, habits: Habits) -> str:
    """Write a moment in the reader's zone, and name the zone."""
    local = value.astimezone(habits.zone)
    clock = format_time(local.time(), "short", locale=habits.locale).replace("\u202f", "\u00a0")
    return f"{day(local.date(), habits)} at {clock}\u00a0{zone_name(local)}"


def zone_name(local: datetime) -> str:
    """Name the zone of a local time: its letters where it has some, else its offset."""
    letters = local.strftime("%Z")
    if letters.isalpha():
        return letters
    offset = local.strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}"
