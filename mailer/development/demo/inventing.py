"""Customers out of thin air: believable names and places, addresses that can reach nobody. Pure."""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mailer.development.demo.countries import COUNTRIES, City, Country, Speech
from mailer.development.demo.names import NAMES
from mailer.people import NewProfile

DOMAINS = ("example.com", "example.net", "example.org")
"""Kept free by RFC 2606: no mail to them can arrive anywhere."""
LETTERS = "ABDEFGHJKLNPQRSTUWXYZ"
UNFOLDED = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "æ": "ae", "Æ": "ae", "đ": "d", "Đ": "d", "ı": "i"}
)  # fmt: skip
PLACE = re.compile(r"[#@]")


@dataclass(frozen=True, slots=True)
class _Name:
    """A name as it is written, and in Latin letters."""

    written: str
    latin: str


@dataclass(frozen=True, slots=True)
class _Who:
    """What tells one invented customer from all others."""

    external_id: str
    email: str
    name: str


def invent(count: int, chance: random.Random) -> Iterator[NewProfile]:
    """Invent `count` customers, each with an address of their own; equal seeds, equal people."""
    shares = [country.share for country in COUNTRIES]
    taken: Counter[str] = Counter()
    for number in range(1, count + 1):
        country = chance.choices(COUNTRIES, shares)[0]
        speech = chance.choices(country.speech, [each.share for each in country.speech])[0]
        given, family = _name(speech, chance)
        email = _address(given, family, taken, chance)
        who = _Who(f"demo-{number:05}", email, _written(speech, given, family))
        yield _profile(who, country, speech, chance)


def _profile(who: _Who, country: Country, speech: Speech, chance: random.Random) -> NewProfile:
    city = chance.choice(country.cities)
    return NewProfile(
        external_id=who.external_id,
        email=who.email,
        name=who.name,
        phone=_digits(country.phone, chance) if country.phone and chance.random() < 0.6 else None,
        street=chance.choice(country.streets.split(";")).replace("#", str(chance.randint(1, 180))),
        city=city.name,
        region=city.region or None,
        postal_code=_digits(city.postal_code, chance),
        country=country.code,
        language=speech.language,
        timezone=_zone(city, chance),
        birth_year=chance.randint(1945, 2004) if chance.random() < 0.4 else None,
        source=chance.choices(("shop", "website", "trade_fair"), (70, 24, 6))[0],
        attributes={"trade": chance.choice(TRADES)},
    )


TRADES = (
    "bakery",
    "bookshop",
    "café",
    "restaurant",
    "hairdresser",
    "florist",
    "hardware",
    "grocery",
)


def _name(speech: Speech, chance: random.Random) -> tuple[_Name, _Name]:
    names = NAMES[speech.names]
    is_woman = chance.random() < 0.5
    given = chance.choice((names.women if is_woman else names.men).split())
    his, _, hers = chance.choice(names.families.split()).partition("|")
    return _read(given), _read(hers if hers and is_woman else his)


def _read(text: str) -> _Name:
    written, _, latin = text.replace("_", " ").partition("=")
    return _Name(written, latin or _folded(written))


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(UNFOLDED)).encode("ascii", "ignore")
    return re.sub(r"[^a-z]", "", plain.decode().lower())


def _written(speech: Speech, given: _Name, family: _Name) -> str:
    names = NAMES[speech.names]
    parts = (family, given) if names.family_first else (given, family)
    return names.joint.join(part.written for part in parts)


def _address(given: _Name, family: _Name, taken: Counter[str], chance: random.Random) -> str:
    """Make an address; a number tells apart who would have the same."""
    style = chance.choices(("{0}.{1}", "{0}{1}", "{2}.{1}", "{1}.{0}"), (60, 15, 15, 10))[0]
    local = style.format(given.latin, family.latin, given.latin[:1])
    taken[local] += 1
    again = taken[local]
    suffix = str(again) if again > 1 else ""
    return f"{local}{suffix}@{chance.choices(DOMAINS, (5, 3, 2))[0]}"


def _digits(pattern: str, chance: random.Random) -> str:
    return PLACE.sub(
        lambda place: str(chance.randint(0, 9)) if place[0] == "#" else chance.choice(LETTERS),
        pattern,
    )


def _zone(city: City, chance: random.Random) -> str | None:
    """Leave one in twenty-five without a time zone, as shops do."""
    return None if chance.random() < 0.04 else city.timezone
