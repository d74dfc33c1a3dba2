"""Customers come in, one or thousands: found by the shop's id or by address, made or changed.

A set has the outcome that its profiles would have had one after another, in a fixed number of
statements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from mailer.people._places import Placed, Places
from mailer.people._writing import write
from mailer.people.address_book import lock_addresses, make_addresses
from mailer.people.facts import (
    MOST_ATTRIBUTES,
    CheckedProfile,
    NewProfile,
    TooManyAttributes,
    check_profile,
)
from mailer.vault import Vault
from mailer.vocabulary import AddressId, PersonId

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Upserted:
    """What became of one profile."""

    person_id: PersonId
    address_id: AddressId
    created: bool
    """This profile made the customer."""
    changed: bool = False
    """The set changed a fact of a customer who was there before."""
    moved_from: AddressId | None = None
    """The address that the customer had before, where it changed."""
    gained: bool = False
    """A customer who was there before has more attributes than then."""


def upsert(session: Session, vault: Vault, profile: NewProfile, *, now: datetime) -> Upserted:
    """Make or change one customer; see `upsert_many`.

    Raises what `check_profile` raises, and TooManyAttributes where it adds to those of before and
    they are too many then. Who has more already, by files, can be changed and cleared all the same.
    """
    (kept,) = upsert_many(session, vault, [profile], now=now)
    if kept.gained:
        _refuse_too_many_attributes(session, kept.person_id)
    return kept


def _refuse_too_many_attributes(session: Session, person_id: PersonId) -> None:
    # Call after call could add to them. A set is bounded by the columns of its file, and one row
    # more would stop the whole of it.
    if session.execute(ATTRIBUTES_HELD, {"person": person_id}).scalar_one() > MOST_ATTRIBUTES:
        raise TooManyAttributes


def upsert_many(
    session: Session, vault: Vault, profiles: Sequence[NewProfile], *, now: datetime
) -> list[Upserted]:
    """Make or change customers as a set, with one answer for each profile, in order.

    A customer is found by the shop's id; else by the address, if the one who has it has no id of
    the shop's; else made. What a profile does not say stays, attribute by attribute. A profile that names a merged
    customer is answered with the survivor, whose facts stay. Two profiles of one customer: the
    later one's facts stand. The version goes up once where facts changed.

    Raises what `check_profile` raises, for the first bad profile, before anything is written.
    """
    checked = [check_profile(profile, now=now) for profile in profiles]
    return upsert_checked(session, vault, checked, now=now)


def upsert_checked(
    session: Session, vault: Vault, profiles: Sequence[CheckedProfile], *, now: datetime
) -> list[Upserted]:
    """Do as `upsert_many` for profiles that `check_profile` has passed."""
    if not profiles:
        return []
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with session.begin_nested():
                return _upsert(session, vault, profiles, now)
        except IntegrityError:
            # Another door made a customer of the same shop's id meanwhile: now it can be found.
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _upsert(
    session: Session, vault: Vault, profiles: Sequence[CheckedProfile], now: datetime
) -> list[Upserted]:
    addresses = make_addresses(session, vault, (profile.address for profile in profiles))
    lock_addresses(session, addresses.values())
    places = Places(session, profiles, set(addresses.values()))
    placed = [places.place(profile, addresses[profile.address.key]) for profile in profiles]
    write(session, vault, places.taken(), now)
    return _answers(placed)


def _answers(placed: Sequence[Placed]) -> list[Upserted]:
    answers = []
    made: set[int] = set()
    for person in placed:
        created = person.is_new and person.person_id not in made
        made.add(person.person_id)
        answers.append(
            Upserted(
                person_id=PersonId(person.person_id),
                address_id=person.address_id,
                created=created,
                changed=person.changed,
                moved_from=person.moved_from,
                gained=person.gained,
            )
        )
    return answers


ATTRIBUTES_HELD = text(
    "SELECT count(*) FROM people_customer c, jsonb_object_keys(c.attributes) WHERE c.id = :person"
)
