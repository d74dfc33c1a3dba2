"""Who is one and the same: merged customers, every address any of them had, and who is gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, text
from sqlmodel import Session, col

from mailer.people._name_index import forget_name_words
from mailer.people._places import FOUND
from mailer.people._tables import Customer
from mailer.people._writing import move_to
from mailer.people.address_book import lock_addresses, make_addresses
from mailer.people.addresses import canonical_address
from mailer.people.profiles import SEALED, sealed_place
from mailer.people.restoring import MARK
from mailer.vault import Vault
from mailer.vocabulary import AddressId, PersonId


class PersonGone(Exception):
    """This customer is unknown, was merged into another, or was erased."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person over all their customer rows: an opt-out of one is an opt-out of all."""

    survivor: PersonId
    persons: frozenset[PersonId]
    """The survivor and all that were merged into it."""
    addresses: frozenset[AddressId]
    """Every address that any of them has or had."""
    marks: Mapping[AddressId, str] = field(default_factory=dict, compare=False)
    """By what these are known again in another database (`marks_of`)."""


def identity_of(session: Session, person_id: PersonId) -> Identity:
    """Return who this is, in one statement. It never fails: an opt-out must not.

    A number that is unknown (a database restored from the past) stands for itself alone.
    """
    row = session.execute(IDENTITY, {"person": person_id}).one()
    return Identity(
        survivor=PersonId(row.survivor),
        persons=frozenset(map(PersonId, row.persons)),
        addresses=frozenset(map(AddressId, row.addresses)),
        marks=dict(zip(map(AddressId, row.marked), row.marks, strict=True)),
    )


def survivors_of(session: Session, person_ids: Sequence[PersonId]) -> dict[PersonId, PersonId]:
    """Return whom each of these goes up in who was merged; the others are not in the answer."""
    rows = session.execute(MERGED, {"persons": list(person_ids)})
    return {PersonId(row.id): PersonId(row.merged_into) for row in rows}


def address_of(session: Session, person_id: PersonId) -> AddressId:
    """Return the current address of a living customer; raise PersonGone."""
    found = session.execute(ADDRESS, {"person": person_id}).scalar_one_or_none()
    if found is None:
        raise PersonGone
    return AddressId(found)


def reached_now(
    session: Session, persons: Sequence[PersonId]
) -> dict[PersonId, tuple[PersonId, AddressId]]:
    """Return who each of these is by now, and at which address; who was erased is absent."""
    rows = session.execute(REACHED_NOW, {"persons": list(persons)})
    return {PersonId(row.id): (PersonId(row.survivor), AddressId(row.address_id)) for row in rows}


def hold(session: Session, person_id: PersonId, *, external_id: str | None = None) -> None:
    """Let nobody move or change this customer until the commit, after which others go on.

    Locked is what an upsert of theirs locks, in its order: the address, then everybody there and
    who has this `external_id`, by number. Raises PersonGone.
    """
    while True:
        address_id = address_of(session, person_id)
        with session.begin_nested() as attempt:
            lock_addresses(session, [address_id])
            _lock_at(session, address_id, [external_id] if external_id else [], person_id)
            held = session.execute(ADDRESS, {"person": person_id}).scalar_one_or_none()
            if held == address_id:
                return
            attempt.rollback()  # who moved meanwhile is let go: another address comes before them


def _lock_at(
    session: Session, address_id: AddressId, names: Sequence[str], person_id: PersonId
) -> None:
    found = session.execute(FOUND, {"external": names, "addresses": [address_id]})
    ids = {person_id, *(number for row in found for number in row if number is not None)}
    session.execute(LOCK_ALL, {"ids": sorted(ids)}).all()


def hold_both(session: Session, one: PersonId, other: PersonId) -> None:
    """Let nobody move, merge or change either, or who was merged into them, until the commit."""
    _lock_both(session, one, other)


def _lock_both(session: Session, one: PersonId, other: PersonId) -> dict[int, Row[Any]]:
    """Lock what a merge of the two changes, all by number: an upsert locks a merged one first."""
    both = {"ids": [one, other]}
    while True:
        with session.begin_nested() as attempt:
            rows = {row.id: row for row in session.execute(LOCK_BOTH, both)}
            if rows.keys() >= set(session.execute(OF_BOTH, both).scalars()):
                return rows
            attempt.rollback()  # who was merged into one of them meanwhile may have to come first


def addresses_of(
    session: Session, person_ids: Sequence[PersonId]
) -> list[tuple[PersonId, AddressId]]:
    """Return every address that each of these has or had, or one merged into them, as pairs."""
    rows = session.execute(ADDRESSES, {"persons": list(person_ids)})
    return [(PersonId(row.person_id), AddressId(row.address_id)) for row in rows]


def homes_of(session: Session, person_ids: str) -> tuple[str, str]:
    """Do as `addresses_of` for thousands: given and answered as texts of arrays (`packed.array`).

    Whoever only hands the pairs on to another statement needs none of them as a number here.
    """
    people, addresses = session.execute(HOMES, {"persons": person_ids}).one()
    return people, addresses


def persons_at(session: Session, address_id: AddressId) -> list[PersonId]:
    """Return the living customers whose current address this is, by number."""
    return [PersonId(each) for each in session.execute(AT, {"address": address_id}).scalars()]


def persons_ever_at(session: Session, address_id: AddressId) -> list[PersonId]:
    """Return who has or had this address, the survivor for each merged customer, by number."""
    return [PersonId(each) for each in session.execute(EVER_AT, {"address": address_id}).scalars()]


def merge(session: Session, *, survivor: PersonId, merged: PersonId, now: datetime) -> None:
    """Make `merged`, and all that were merged into it before, point to `survivor`.

    The survivor's facts and address stay, but their version goes up, so that what is under way for
    them is decided again: the other may have had it. The address of `merged` stays noted as one of
    the identity's, ended now. Done twice it changes nothing. This is the profile's side only: the
    permissions are merged by the permission room, in the same transaction. Raises PersonGone where
    either is unknown or erased, or the survivor was merged away itself.
    """
    locked = _lock_both(session, survivor, merged)
    rows = {each: locked[each] for each in (survivor, merged) if each in locked}
    if len(rows) < 2 or any(row.erased_at for row in rows.values()):
        raise PersonGone
    if rows[survivor].merged_into is not None:
        raise PersonGone
    if rows[merged].merged_into == survivor:
        return
    if rows[merged].merged_into is not None:
        raise PersonGone
    session.execute(MERGE, {"survivor": survivor, "merged": merged})
    session.execute(END_USE, {"person": merged, "now": now})


def change_address(
    session: Session, vault: Vault, person_id: PersonId, *, email: str, now: datetime
) -> AddressId:
    """Give a living customer another address and return its number.

    The former address stays one of the identity's. The version goes up, so that letters under
    way are written again. Raises AddressInvalid, PersonGone.
    """
    address = canonical_address(email)
    address_id = make_addresses(session, vault, [address])[address.key]
    lock_addresses(session, [address_id])
    before = session.execute(LOCK_LIVING, {"person": person_id}).scalar_one_or_none()
    keys = vault.keys_of(session, [person_id])
    if before is None or person_id not in keys:
        raise PersonGone
    sealed = keys[person_id].encrypt(address.display, place=sealed_place("email", person_id))
    session.execute(CHANGE, {"person": person_id, "address": address_id, "email": sealed})
    if address_id != before:
        move_to(session, {person_id: address_id}, now)
    return address_id


def erase(session: Session, vault: Vault, person_id: PersonId, *, now: datetime) -> None:
    """Forget who this customer, and everybody merged into them, was: keys, fields, name words.

    What stays is their numbers and the keyed hashes of their addresses, so that a suppression
    outlives them. Done twice it changes nothing. Raises nothing for an unknown number.
    """
    for person in sorted(identity_of(session, person_id).persons):
        vault.shred(session, person)
        forget_name_words(session, [person])
        session.execute(ERASE, {"person": person, "now": now})
        session.execute(END_USE, {"person": person, "now": now})


def reach_of(persons: ColumnElement[Any], *, zoned: bool = False) -> Select[Any]:
    """Select how the people of an array can be reached now, in groups of whom the same is known.

    For use within a bigger statement. Columns: persons, versions and addresses (arrays in one
    order), gone: merged into another, or erased; and where it is `zoned`, their zone, empty where
    none is known. Who is unknown is in no row.
    """
    left = or_(col(Customer.merged_into).is_not(None), col(Customer.erased_at).is_not(None))
    known: list[ColumnElement[Any]] = [
        left.label("gone"),
        *([col(Customer.timezone).label("zone")] if zoned else []),
    ]
    reach: Select[Any] = (
        select(
            func.array_agg(col(Customer.id)).label("persons"),
            func.array_agg(col(Customer.version)).label("versions"),
            func.array_agg(col(Customer.address_id)).label("addresses"),
            *known,
        )
        .where(col(Customer.id) == func.any(persons))
        .group_by(*known)
    )
    return reach


IDENTITY_OF_PERSON = """
    WITH survivor AS (
        SELECT coalesce(
            (SELECT coalesce(merged_into, id) FROM people_customer WHERE id = :person), :person
        ) AS id
    ), person AS (
        SELECT id FROM survivor
        UNION SELECT c.id FROM people_customer c JOIN survivor s ON c.merged_into = s.id
    )
    SELECT (SELECT id FROM survivor) AS survivor,
           (SELECT array_agg(id) FROM person) AS persons,
           coalesce((SELECT array_agg(DISTINCT u.address_id)
              FROM people_address_use u JOIN person p ON u.person_id = p.id), '{}') AS addresses
"""
"""What `identity_of` asks, of `:person`, for statements that ask more in the same sight."""
IDENTITY = text(
    f"""
    WITH who AS MATERIALIZED ({IDENTITY_OF_PERSON})
    SELECT who.survivor, who.persons, who.addresses,
           coalesce(known.marked, '{{}}') AS marked, coalesce(known.marks, '{{}}') AS marks
    FROM who CROSS JOIN LATERAL (
        SELECT array_agg(a.id) AS marked, array_agg({MARK}) AS marks
        FROM people_address a WHERE a.id = ANY(who.addresses)) AS known
    """
)
ADDRESS = text(
    "SELECT address_id FROM people_customer"
    " WHERE id = :person AND merged_into IS NULL AND erased_at IS NULL"
)
REACHED_NOW = text(
    """
    SELECT c.id, s.id AS survivor, s.address_id FROM people_customer c
    JOIN people_customer s ON s.id = coalesce(c.merged_into, c.id)
    WHERE c.id = ANY(CAST(:persons AS bigint[])) AND s.erased_at IS NULL
    """
)
# By index for each of them: of thousands a planner would look for by walking over all customers.
ADDRESSES = text(
    """
    WITH given AS (
        SELECT DISTINCT id FROM unnest(CAST(:persons AS bigint[])) AS given(id)
    ), person AS (
        SELECT id AS survivor, id FROM given
        UNION ALL SELECT g.id, c.id FROM given g
        CROSS JOIN LATERAL (SELECT id FROM people_customer WHERE merged_into = g.id OFFSET 0) c
    )
    SELECT p.survivor AS person_id, u.address_id FROM person p
    CROSS JOIN LATERAL (SELECT address_id FROM people_address_use
                        WHERE person_id = p.id OFFSET 0) u
    """
)
HOMES = text(
    "SELECT CAST(coalesce(array_agg(person_id), '{}') AS text),"
    f" CAST(coalesce(array_agg(address_id), '{{}}') AS text) FROM ({ADDRESSES.text}) home"
)
AT = text(
    "SELECT id FROM people_customer"
    " WHERE address_id = :address AND merged_into IS NULL AND erased_at IS NULL ORDER BY id"
)
EVER_AT = text(
    "SELECT DISTINCT coalesce(c.merged_into, c.id) FROM people_address_use u"
    " JOIN people_customer c ON c.id = u.person_id WHERE u.address_id = :address ORDER BY 1"
)
MERGED = text(
    "SELECT id, merged_into FROM people_customer"
    " WHERE merged_into IS NOT NULL AND id = ANY(CAST(:persons AS bigint[]))"
)
LOCK_LIVING = text(f"{ADDRESS.text} FOR UPDATE")
LOCK_ALL = text(
    "SELECT id, merged_into, erased_at FROM people_customer"
    " WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR UPDATE"
)
OF_BOTH = text(
    "SELECT id FROM people_customer WHERE id = ANY(CAST(:ids AS bigint[]))"
    " OR merged_into = ANY(CAST(:ids AS bigint[]))"
)
LOCK_BOTH = text(
    "SELECT id, merged_into, erased_at FROM people_customer"
    " WHERE id = ANY(CAST(:ids AS bigint[])) OR merged_into = ANY(CAST(:ids AS bigint[]))"
    " ORDER BY id FOR UPDATE"
)
MERGE = text(
    "UPDATE people_customer SET merged_into = nullif(:survivor, id), version = version + 1"
    " WHERE id IN (:survivor, :merged) OR merged_into = :merged"
)
CHANGE = text(
    "UPDATE people_customer SET address_id = :address, email = :email, version = version + 1"
    " WHERE id = :person"
)
END_USE = text(
    "UPDATE people_address_use SET until = :now WHERE person_id = :person AND until IS NULL"
)
ERASE = text(
    "UPDATE people_customer SET external_id = NULL, phone_blind = NULL, country = '',"
    " language = '', timezone = '', attributes = '{}', version = version + 1,"
    f" erased_at = :now, {', '.join(f'{name} = NULL' for name in SEALED)}"
    " WHERE id = :person AND erased_at IS NULL"
)
