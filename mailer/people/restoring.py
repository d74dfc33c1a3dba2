"""Customers and addresses after a restore: known again by marks, and no number used twice.

An address's mark is what its row holds: index key, keyed hash, tag of the domain. It names nobody
to whoever lacks the index keys, and it makes the row anew in a database that never had it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session

from mailer.vocabulary import AddressId, PersonId


@dataclass(frozen=True, slots=True)
class AddressMark:
    """By what an address is known again."""

    index_key: str
    blind: bytes
    domain_tag: int

    @classmethod
    def read(cls, told: str) -> "AddressMark":
        """Read a mark as `marks_of` tells it. Raises ValueError."""
        index_key, blind, tag = told.split(".")
        if not index_key or len(blind) != 32:
            raise ValueError("a mark is an index key, a hash and a tag")
        return cls(index_key, bytes.fromhex(blind), int.from_bytes(bytes.fromhex(tag), signed=True))


def marks_of(session: Session, address_ids: Collection[AddressId]) -> dict[AddressId, str]:
    """Return the marks of these addresses, 58 signs each; who is unknown is absent."""
    rows = session.execute(MARKS, {"ids": sorted(address_ids)})
    return {AddressId(row.id): row.mark for row in rows}


def addresses_by_mark(
    session: Session, marks: Mapping[AddressId, AddressMark | None]
) -> dict[AddressId, frozenset[AddressId]]:
    """Say under which numbers this database knows addresses of another one, and make what it lacks.

    The hash decides. Where a row of the same number stands under another index key it may be the
    same address, hashed anew, so that both are meant; so is the row alone where there is no mark.
    An address without mark and row is in no answer.
    """
    meant: dict[AddressId, set[AddressId]] = {each: set() for each in marks}
    keys = {row.id: row.index_key for row in session.execute(KEYS_OF, {"ids": sorted(marks)})}
    for number, mark in marks.items():
        if number in keys and (mark is None or keys[number] != mark.index_key):
            meant[number].add(number)
    wanted = sorted({mark.blind: mark for mark in marks.values() if mark}.items())
    made = _made(session, [mark for _, mark in wanted])
    for number, mark in marks.items():
        if mark is not None:
            meant[number].add(made[mark.blind])
    return {number: frozenset(each) for number, each in meant.items() if each}


def _made(session: Session, marks: Sequence[AddressMark]) -> dict[bytes, AddressId]:
    """Return the numbers of addresses by their hashes; what is missing is made."""
    if not marks:
        return {}
    blinds = [mark.blind for mark in marks]
    arrays = {
        "blinds": blinds,
        "keys": [mark.index_key for mark in marks],
        "tags": [mark.domain_tag for mark in marks],
    }
    session.execute(MAKE, arrays)
    rows = session.execute(BY_BLIND, {"blinds": blinds})
    return {bytes(row.blind): AddressId(row.id) for row in rows}


def number_beyond(
    session: Session, person_id: PersonId, address_id: AddressId, *, sparing: int
) -> None:
    """Let nobody new have a number up to these, nor one of the next few beyond all that were given."""
    for kind, number in (("people_customer", person_id), ("people_address", address_id)):
        session.execute(GO_BEYOND, {"kind": kind, "number": number, "sparing": sparing})


def known_customers(session: Session, person_ids: Collection[PersonId]) -> set[PersonId]:
    """Return which of these are customers of this database, merged and erased ones included."""
    rows = session.execute(KNOWN, {"ids": sorted(person_ids)})
    return {PersonId(each) for each in rows.scalars()}


def customers_since(session: Session, persons: Mapping[PersonId, float]) -> set[PersonId]:
    """Return which of these came into being later than the moment (a POSIX time) given for them.

    Somebody else had their number then.
    """
    given = {"ids": list(persons), "moments": list(persons.values())}
    return {PersonId(each) for each in session.execute(SINCE, given).scalars()}


MARK = "concat_ws('.', a.index_key, encode(a.blind, 'hex'), encode(int8send(a.domain_tag), 'hex'))"
"""What a row of addresses, known as `a`, is told by."""
MARKS = text(
    f"SELECT a.id, {MARK} AS mark FROM people_address a WHERE a.id = ANY(CAST(:ids AS bigint[]))"
)
KEYS_OF = text("SELECT id, index_key FROM people_address WHERE id = ANY(CAST(:ids AS bigint[]))")
MAKE = text(
    "INSERT INTO people_address (blind, index_key, domain_tag)"
    " SELECT blind, key, tag FROM unnest(CAST(:blinds AS bytea[]), CAST(:keys AS text[]),"
    " CAST(:tags AS bigint[])) AS new(blind, key, tag) ON CONFLICT (blind) DO NOTHING"
)
BY_BLIND = text("SELECT id, blind FROM people_address WHERE blind = ANY(CAST(:blinds AS bytea[]))")
GO_BEYOND = text(
    """
    SELECT setval(of.kind, :sparing
                  + greatest(CAST(:number AS bigint), pg_sequence_last_value(of.kind)))
    FROM (SELECT CAST(pg_get_serial_sequence(CAST(:kind AS text), 'id') AS regclass) AS kind) of
    """
)
KNOWN = text("SELECT id FROM people_customer WHERE id = ANY(CAST(:ids AS bigint[]))")
SINCE = text(
    "SELECT c.id FROM people_customer c"
    " JOIN unnest(CAST(:ids AS bigint[]), CAST(:moments AS double precision[])) AS told(id, moment)"
    " ON told.id = c.id WHERE c.created_at > to_timestamp(told.moment)"
)
