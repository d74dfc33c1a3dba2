"""The invented customers come in, day after day, and agree to what they agreed to then."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from mailer import orders, people, permission, policy
from mailer.people import NewProfile
from mailer.permission import ImportedYes
from mailer.vault import Vault
from mailer.vocabulary import AddressId, PersonId, Topic

ARRIVING_SINCE = timedelta(days=3 * 365)
DAY_SIZE = 100
"""Customers that come in together, in one set."""
WANTED = {
    Topic.SOFTWARE_UPDATES: 0.70,
    Topic.COMPANY_NEWS: 0.58,
    Topic.PRODUCT_INFORMATION: 0.48,
    Topic.SERVICE_AND_EVENTS: 0.42,
    Topic.PARTNER_OFFERS: 0.08,
}
"""Of those who answered at all: the share that switched each topic on."""
NEVER_ANSWERED = 0.09
PROOF = "Signed card, box 14 of the trade fair binder"
JO = NewProfile(
    external_id="demo-jo",
    email="jo.example@example.com",
    name="Jo Example",
    street="21 Mill Lane",
    city="Cork",
    postal_code="T12 X4P8",
    country="IE",
    language="en-IE",
    timezone="Europe/Dublin",
    source="shop",
    attributes={"trade": "bakery"},
)
"""The customer whom the newcomer's tour follows: the last to have come in."""
TWINS = (
    NewProfile(
        external_id="demo-twin-1",
        email="anna.becker@example.org",
        name="Anna Becker",
        city="Köln",
        country="DE",
        language="de",
        timezone="Europe/Berlin",
        source="shop",
    ),
    NewProfile(
        external_id="demo-twin-2",
        email="s.kariuki@example.net",
        name="Samuel Kariuki",
        city="Nairobi",
        country="KE",
        language="en-KE",
        timezone="Africa/Nairobi",
        source="website",
    ),
)
"""Two people with a second account each, which was merged into the first."""


@dataclass(frozen=True, slots=True)
class Resident:
    """A customer of the demo company, as the rooms know them now."""

    person_id: PersonId
    address_id: AddressId
    country: str
    joined: datetime
    topics: frozenset[Topic]


def settle(
    session: Session,
    vault: Vault,
    profiles: Sequence[NewProfile],
    chance: random.Random,
    *,
    now: datetime,
    progress: Callable[[int], None],
) -> list[Resident]:
    """Take customers in, in sets, spread over the past years, the latest last."""
    residents: list[Resident] = []
    days = list(_days(profiles, now))
    for some, joined in days:
        residents += _take_day(session, vault, some, joined, chance)
        progress(len(residents))
    return residents


def take_twins(session: Session, vault: Vault, *, now: datetime) -> list[Resident]:
    """Take in two people who had two accounts, and merge these; return who they are now."""
    seconds = [
        replace(twin, external_id=f"{twin.external_id}-second", email=f"2.{twin.email}")
        for twin in TWINS
    ]
    joined = now - timedelta(days=200)
    made = people.upsert_many(session, vault, [*TWINS, *seconds], now=joined)
    permission.admit(session, [each.person_id for each in made], now=joined)
    half = len(TWINS)
    for kept, gone in zip(made[:half], made[half:], strict=True):
        permission.merge(session, survivor=kept.person_id, merged=gone.person_id, now=now)
        people.merge(session, survivor=kept.person_id, merged=gone.person_id, now=now)
        orders.follow_merge(session, survivor=kept.person_id, merged=gone.person_id)
    return [
        Resident(each.person_id, each.address_id, twin.country or "", joined, frozenset())
        for each, twin in zip(made[:half], TWINS, strict=True)
    ]


def policy_at(moment: datetime) -> policy.PolicyVersion:
    """Return the policy that was in force then; the oldest one for a time before all."""
    in_force = (each for each in policy.VERSIONS if each.date <= moment.date())
    return next(in_force, policy.VERSIONS[-1])


def _days(
    profiles: Sequence[NewProfile], now: datetime
) -> Iterator[tuple[Sequence[NewProfile], datetime]]:
    for start in range(0, len(profiles), DAY_SIZE):
        some = profiles[start : start + DAY_SIZE]
        left = 1 - (start + len(some)) / (len(profiles) + DAY_SIZE)
        yield some, now - ARRIVING_SINCE * left


def _take_day(
    session: Session,
    vault: Vault,
    profiles: Sequence[NewProfile],
    joined: datetime,
    chance: random.Random,
) -> list[Resident]:
    made = people.upsert_many(session, vault, profiles, now=joined)
    permission.admit(session, [each.person_id for each in made], now=joined)
    agreed = [_agreed(profile, chance) for profile in profiles]
    permission.import_permissions(
        session,
        [
            ImportedYes(each.person_id, topics, profile.source, _proof(profile))
            for each, topics, profile in zip(made, agreed, profiles, strict=True)
            if topics
        ],
        policy_version=policy_at(joined).version,
        reference=f"demo:{joined:%Y-%m-%d}",
        now=joined,
    )
    return [
        Resident(each.person_id, each.address_id, profile.country or "", joined, topics)
        for each, topics, profile in zip(made, agreed, profiles, strict=True)
    ]


def _agreed(profile: NewProfile, chance: random.Random) -> frozenset[Topic]:
    if profile.external_id == JO.external_id or chance.random() < NEVER_ANSWERED:
        return frozenset()
    return frozenset(topic for topic, share in WANTED.items() if chance.random() < share)


def _proof(profile: NewProfile) -> str | None:
    return PROOF if profile.source == "trade_fair" else None
