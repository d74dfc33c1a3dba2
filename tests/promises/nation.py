"""Customers of 24 zones, some of whom want no mail, made in sets; what they want is written on them.

One customer of each kind comes in by the rooms' own doors, and the others are its copies, sealed
and indexed each for themselves (bench/crowd.py). The language says what somebody wants, so that a
checker reads it from the database at the end and need not know who was made how.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import text
from sqlmodel import Session

from bench.crowd import SET, Original, copy_customers
from mailer import people, permission
from mailer.people import NewProfile
from mailer.permission import Change
from mailer.vocabulary import Door, Frequency, Topic
from mailer.wiring import Parts

TOPIC = Topic.COMPANY_NEWS
ZONES = {
    "KI": "Pacific/Kiritimati",
    "WS": "Pacific/Apia",
    "NZ": "Pacific/Auckland",
    "AU": "Australia/Lord_Howe",
    "PG": "Pacific/Port_Moresby",
    "JP": "Asia/Tokyo",
    "CN": "Asia/Shanghai",
    "NP": "Asia/Kathmandu",
    "IN": "Asia/Kolkata",
    "PK": "Asia/Karachi",
    "AE": "Asia/Dubai",
    "RU": "Europe/Moscow",
    "GR": "Europe/Athens",
    "DE": "Europe/Berlin",
    "GB": "Europe/London",
    "PT": "Atlantic/Azores",
    "FK": "America/Noronha",
    "BR": "America/Sao_Paulo",
    "CA": "America/St_Johns",
    "US": "America/New_York",
    "MX": "America/Chicago",
    "PE": "America/Los_Angeles",
    "CK": "Pacific/Honolulu",
    "AS": "Pacific/Pago_Pago",
}


class Wish(StrEnum):
    """What somebody wants; the value is the language that says so."""

    ALL = "en"
    NONE = "de"
    """Opted out of everything."""
    LATER = "es"
    """Paused their mail for a month."""
    WEEKLY = "fr"
    """One mail a week at most."""
    BUSY = "it"
    """Everything; but they have had their mail of the week, and the company sends no more."""


OF_A_HUNDRED = {Wish.NONE: 5, Wish.LATER: 3, Wish.WEEKLY: 4, Wish.BUSY: 4}


def settle_nation(parts: Parts, count: int, *, now: datetime) -> None:
    """Make so many customers: by turns of each zone, and of a hundred in a zone as many as said."""
    with parts.database.transaction() as session:
        originals = {
            (country, wish): _original(session, parts, country, wish, now)
            for country in ZONES
            for wish in Wish
        }
    by_turns = [originals[country, wish] for wish in _wishes() for country in ZONES]
    for start in range(len(originals), count, SET):
        with parts.database.transaction() as session:
            numbers = range(start, min(start + SET, count))
            copy_customers(session, parts.vault, by_turns, numbers)
    with parts.database.transaction() as session:
        for table in ("people_customer", "people_address", "permission_standing"):
            session.execute(text(f"ANALYZE {table}"))


def _wishes() -> Iterator[Wish]:
    for wish, share in OF_A_HUNDRED.items():
        yield from [wish] * share
    yield from [Wish.ALL] * (100 - sum(OF_A_HUNDRED.values()))


def _original(session: Session, parts: Parts, country: str, wish: Wish, now: datetime) -> Original:
    domain = f"{wish.name.lower()}.{country.lower()}.example.com"
    profile = NewProfile(
        email=f"first@{domain}",
        external_id=f"first-{domain}",
        name="Anna Becker",
        street="1 Main Street",
        city="Newtown",
        postal_code="08854",
        country=country,
        language=wish.value,
        timezone=ZONES[country],
        source="shop",
    )
    made = people.upsert(session, parts.vault, profile, now=now)
    permission.admit(session, [made.person_id], now=now)
    for change in _changes(wish, now):
        permission.apply(
            session,
            person_id=made.person_id,
            address_ids=[made.address_id],
            change=change,
            reference="P-TEST-0001",
            now=now,
        )
    return Original(made.person_id, made.address_id, domain, "Newtown")


def _changes(wish: Wish, now: datetime) -> Iterator[Change]:
    said = partial(Change, door=Door.PREFERENCE_PAGE, policy_version="2026-11")
    yield said(topics_on=frozenset({TOPIC}), words="Send me news.")
    match wish:
        case Wish.NONE:
            yield said(stop_all=True)
        case Wish.LATER:
            yield said(paused_until=now + timedelta(days=30))
        case Wish.WEEKLY:
            yield said(frequency=Frequency.WEEKLY)
        case Wish.ALL | Wish.BUSY:
            pass
