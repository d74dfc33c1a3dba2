"""Which customer does a profile speak of? Answered for a set, in the order of its profiles."""

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger
from sqlmodel import Session, col

from mailer.people._tables import Customer
from mailer.people.facts import CheckedProfile
from mailer.people.profiles import COLUMNS
from mailer.vocabulary import AddressId

BEHIND_ALL = 2**63


@dataclass(slots=True, eq=False)
class Placed:
    """One customer while a set is worked on: as stored, if they are, and what was said."""

    stored: Row[Any] | None
    address_id: AddressId
    external_id: str | None
    age: int
    """Who has the smaller one was a customer before: the number, or behind all numbers."""
    said: list[CheckedProfile] = field(default_factory=list)
    person_id: int = 0
    changed: bool = False
    moved_from: AddressId | None = None
    gained: bool = False
    """More attributes than before."""

    @property
    def is_new(self) -> bool:
        """Not in the database before this set."""
        return self.stored is None


class Places:
    """The customers that a set may speak of, found, then locked in one order."""

    def __init__(
        self, session: Session, profiles: Sequence[CheckedProfile], addresses: set[AddressId]
    ) -> None:
        self._by_id: dict[int, Placed] = {}
        self._by_external: dict[str, Placed] = {}
        self._at: dict[AddressId, list[Placed]] = {}
        self._merged_at: dict[AddressId, Placed] = {}
        self._taken: dict[int, Placed] = {}
        names = [profile.external_id for profile in profiles if profile.external_id]
        found = session.execute(FOUND, {"external": names, "addresses": list(addresses)})
        ids = {number for row in found for number in row if number is not None}
        self._load(session.execute(LOCKED, {"ids": sorted(ids)}))

    def place(self, profile: CheckedProfile, address_id: AddressId) -> Placed:
        """Return the customer of whom `profile` speaks, having noted what it says."""
        person = self._known(profile, address_id) or self._new(profile, address_id)
        if person.stored is not None and person.stored.merged_into is not None:
            return self._by_id.get(person.stored.merged_into, person)
        self._note(person, profile, address_id)
        return person

    def taken(self) -> list[Placed]:
        """Return the customers of whom something was said, in the order of their first word."""
        return list(self._taken.values())

    def _load(self, rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            person = Placed(
                row, AddressId(row.address_id), row.external_id, row.id, person_id=row.id
            )
            self._by_id[row.id] = person
            if row.external_id:
                self._by_external[row.external_id] = person
            if row.merged_into is None:
                self._at.setdefault(person.address_id, []).append(person)
            else:
                self._merged_at.setdefault(person.address_id, person)

    def _known(self, profile: CheckedProfile, address_id: AddressId) -> Placed | None:
        here = self._at.get(address_id, [])
        if profile.external_id is None:
            return here[0] if here else self._merged_at.get(address_id)
        known = self._by_external.get(profile.external_id)
        return known or next((person for person in here if person.external_id is None), None)

    def _new(self, profile: CheckedProfile, address_id: AddressId) -> Placed:
        person = Placed(None, address_id, profile.external_id, BEHIND_ALL + len(self._taken))
        self._at.setdefault(address_id, []).append(person)
        return person

    def _note(self, person: Placed, profile: CheckedProfile, address_id: AddressId) -> None:
        self._taken.setdefault(id(person), person)
        person.said.append(profile)
        if profile.external_id is not None:
            person.external_id = profile.external_id
            self._by_external[profile.external_id] = person
        if person.address_id != address_id:
            self._at[person.address_id].remove(person)
            # As the next set finds them: the eldest at an address is whom a row without an id means.
            insort(self._at.setdefault(address_id, []), person, key=attrgetter("age"))
            person.address_id = address_id


FOUND = text(
    "SELECT id, merged_into FROM people_customer"
    " WHERE external_id = ANY(CAST(:external AS text[]))"
    " OR address_id = ANY(CAST(:addresses AS bigint[]))"
)
"""Everybody with one of these shop's ids or addresses, and who the merged ones are now."""
LOCKED = (
    select(*(col(column) for column in COLUMNS), col(Customer.merged_into))
    .where(col(Customer.id) == bindparam("ids", type_=ARRAY(BigInteger)).any_())
    .where(col(Customer.erased_at).is_(None))
    .order_by(col(Customer.id))
    .with_for_update()
)
"""By number, in a statement of its own: in one with FOUND the planner reads the whole table."""
