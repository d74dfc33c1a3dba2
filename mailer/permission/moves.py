"""A move that is committed, and whose door has not come to its end: marked, so that none is left half done.

A door commits a move, writes it to the journal and waits for mail that is in hand. Whatever ends it in
between leaves the mark: who asks again is known by it, and a sweep finds it where nobody asks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, text
from sqlmodel import Session

from mailer.permission._tables import StandingRow
from mailer.permission.joining import follow
from mailer.vocabulary import AddressId, PersonId

LEFT_AFTER = timedelta(minutes=1)
"""How long a door may take to settle its own move before a sweep does."""


@dataclass(frozen=True, slots=True)
class Move:
    """That a person has this address, and which version of their wishes came of it."""

    person_id: PersonId
    address_id: AddressId
    version: int


def move(session: Session, *, person_id: PersonId, address_id: AddressId, now: datetime) -> Move:
    """Make a person's nos hold at their new address, as `follow` does, and mark that they moved.

    Whoever commits this settles it: journal, wait, `forget_move`. Raises NotAdmitted.
    """
    version = follow(session, person_id=person_id, address_id=address_id, now=now)
    told = {"person": person_id, "address": address_id, "version": version}
    session.execute(MARK, {**told, "left_at": now + LEFT_AFTER})
    return Move(person_id, address_id, version)


def unsettled_move(session: Session, person_id: PersonId) -> Move | None:
    """Return the last move of a person, unless it was settled."""
    return _move_from(session.execute(MARKED, {"person": person_id}).one_or_none())


def move_to(session: Session, person_id: PersonId, address_id: AddressId) -> Move:
    """Return a person's move to an address as it was marked; one that was settled, as of now."""
    marked = unsettled_move(session, person_id)
    if marked is not None and marked.address_id == address_id:
        return marked
    row = session.get(StandingRow, person_id, populate_existing=True)
    return Move(person_id, address_id, row.version if row is not None else 0)


def take_left_move(session: Session, *, now: datetime) -> Move | None:
    """Take the one that was left longest ago, to settle it; nobody else is given it for a while."""
    return _move_from(
        session.execute(TAKE, {"now": now, "left_at": now + LEFT_AFTER}).one_or_none()
    )


def forget_move(session: Session, settled: Move) -> None:
    """Take its mark away; that of a later move stays."""
    told = {"person": settled.person_id, "address": settled.address_id}
    session.execute(FORGET, {**told, "version": settled.version})


def _move_from(row: Row[tuple[int, int, int]] | None) -> Move | None:
    if row is None:
        return None
    return Move(PersonId(row.person_id), AddressId(row.address_id), row.version)


MARK = text(
    "INSERT INTO permission_move (person_id, address_id, version, left_at)"
    " VALUES (:person, :address, :version, :left_at)"
    " ON CONFLICT (person_id) DO UPDATE SET"
    " address_id = excluded.address_id, version = excluded.version, left_at = excluded.left_at"
)
MARKED = text(
    "SELECT person_id, address_id, version FROM permission_move WHERE person_id = :person"
)
TAKE = text(
    """
    UPDATE permission_move SET left_at = :left_at WHERE person_id = (
        SELECT person_id FROM permission_move WHERE left_at <= :now
        ORDER BY left_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING person_id, address_id, version
    """
)
FORGET = text(
    "DELETE FROM permission_move"
    " WHERE person_id = :person AND address_id = :address AND version = :version"
)
