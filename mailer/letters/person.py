"""What a letter may say of its reader: merge fields, cleaned, each with a fallback (C03)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from babel import Locale, UnknownLocaleError

from mailer.letters.fields import UNSAFE

FALLBACKS: Mapping[str, str] = {
    "first_name": "there",
    "name": "customer",
    "city": "your city",
    "country": "your country",
    "language": "your language",
    "country_code": "your country",
    "language_code": "your language",
    "timezone": "UTC",
}
MERGE_FIELDS: Mapping[str, str] = {
    "first_name": "the first name, else “there”",
    "name": "the whole name, else “customer”",
    "city": "the city, else “your city”",
    "country": "the country's name in English, else “your country”",
    "language": "the language's name in English, else “your language”",
    "country_code": 'two letters, for conditions: country_code == "DE"',
    "language_code": 'two or three letters, for conditions: language_code == "de"',
}
"""What marketing may write, and what it gives."""
LONGEST = 100
ADDRESSES = ("://", "www.")


class Fallback(str):
    """What stands for a value that we do not hold: prints its words, and counts as empty."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


MISSING: Mapping[str, Fallback] = {name: Fallback(words) for name, words in FALLBACKS.items()}


class Reader(Protocol):
    """What the fields are taken from: a profile. Each is what its name says, None if not known."""

    @property
    def name(self) -> str | None: ...  # noqa: D102
    @property
    def first_name(self) -> str | None: ...  # noqa: D102
    @property
    def city(self) -> str | None: ...  # noqa: D102
    @property
    def country(self) -> str | None: ...  # noqa: D102
    @property
    def language(self) -> str | None: ...  # noqa: D102
    @property
    def timezone(self) -> str | None: ...  # noqa: D102


def person_fields(reader: Reader) -> dict[str, str]:
    """Give the merge fields of a profile; what is missing is left out."""
    country, language = reader.country or "", reader.language or ""
    fields = {
        "first_name": reader.first_name,
        "name": reader.name,
        "city": reader.city,
        "country": country_name(country),
        "language": language_name(language),
        "country_code": country.upper(),
        "language_code": language.replace("_", "-").partition("-")[0].lower(),
        "timezone": reader.timezone,
    }
    return {name: value for name, value in fields.items() if value}


@lru_cache(maxsize=1024)
def country_name(code: str) -> str:
    """Give the English name of an ISO 3166 country, or "" for one that is unknown."""
    return str(Locale("en").territories.get(code.upper(), "")) if code.isalpha() else ""


@lru_cache(maxsize=1024)
def language_name(tag: str) -> str:
    """Give the English name of a BCP 47 language, without its region, or "" if unknown."""
    try:
        found = Locale.parse(tag.replace("-", "_")).language
    except (ValueError, UnknownLocaleError, TypeError):
        found = tag.replace("_", "-").partition("-")[0].lower()
    return str(Locale("en").languages.get(found, ""))


def clean(value: str) -> str:
    """Make one line of a person's value: no controls, no direction overrides, no address.

    A value that holds a web address, or is longer than any name, is no name but somebody's try
    to send their own words under ours: it is dropped, and the fallback stands in.
    """
    if value.isprintable() and len(value) <= LONGEST and "://" not in value and "www." not in value:
        return value.strip()
    if len(value) > LONGEST or any(sign in value.lower() for sign in ADDRESSES):
        return ""
    return " ".join(UNSAFE.sub(" ", value).split())


def merged(person: Mapping[str, str]) -> dict[str, str]:
    """Give every merge field a value: the person's own, cleaned, or its fallback."""
    values: dict[str, str] = dict(MISSING)
    for name in FALLBACKS:
        value = person.get(name)
        if value and (cleaned := clean(value)):
            values[name] = cleaned
    return values


def default(value: str, words: str = "") -> str:
    """Give `value`, or `words` where it is missing: the filter `default`."""
    return value if value or not words else words
