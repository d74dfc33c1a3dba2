"""Who may claim promotional mail: a process that has compared the database with its journal.

What it then holds is a token that stands in the database as well. A database restored from a
backup lacks it, so that nothing promotional is claimed or taken in hand there before somebody has
looked: the condition stands in statements that are run anyway.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import delete, func, insert, text
from sqlmodel import Session, col, select

from mailer.database import rows_changed
from mailer.delivery._tables import ClearanceRow, HaltRow

KEPT = timedelta(days=1)
"""How long the token of a process stands that never came back to change it."""


class Clearance(Protocol):
    """Says whether this process may claim promotional mail."""

    def token(self) -> uuid.UUID | None:
        """Return the token of a look that is fresh enough, looking anew where there is none.

        None while promotional mail is refused. Raises DatabaseAway.
        """


@dataclass(frozen=True, slots=True)
class Halt:
    """Promotional mail is refused: a journal knows more than the database, or cannot be read."""

    journal: str
    """The journal that says so, by the number of its folder."""
    why: str
    since: datetime
    persons: int = 0
    mailings: int = 0


CLEARED = """
    NOT EXISTS (SELECT FROM delivery_halt)
    AND (CAST(:clearance AS uuid) IS NULL
         OR EXISTS (SELECT FROM delivery_clearance c WHERE c.token = CAST(:clearance AS uuid)))
"""
"""Whether promotional mail may go, for statements that are given `clearance`; NULL is asked by who
keeps no journal."""


def clear(session: Session, *, before: uuid.UUID | None) -> uuid.UUID:
    """Put a new token in the place of the one before, and forget those that were left behind.

    By the server's own clock: whose process ended is the same whatever time it is for campaigns.
    """
    token = uuid.uuid4()
    left_behind = col(ClearanceRow.at) < func.now() - KEPT
    session.execute(delete(ClearanceRow).where((col(ClearanceRow.token) == before) | left_behind))
    session.execute(insert(ClearanceRow).values(token=token, at=func.now()))
    return token


def withdraw(session: Session, token: uuid.UUID) -> bool:
    """Remove a token; say whether it stood here, so that this is the database that was given it.

    Nobody restores another one in its place before the commit.
    """
    return rows_changed(session, _WITHDRAW, {"token": token}) > 0


def halt(session: Session, new: Halt) -> None:
    """Refuse promotional mail in every process of every machine, until it is lifted."""
    session.execute(_HALT, {name: getattr(new, name) for name in Halt.__slots__})


def lift_halt(session: Session, journal: str) -> None:
    """Let promotional mail go on as far as this journal is concerned."""
    session.execute(delete(HaltRow).where(col(HaltRow.journal) == journal))


def halts(session: Session) -> list[Halt]:
    """Return why promotional mail is refused, the oldest reason first; nothing where it may go."""
    rows = session.exec(select(HaltRow).order_by(col(HaltRow.since), col(HaltRow.journal)))
    return [Halt(row.journal, row.why, row.since, row.persons, row.mailings) for row in rows]


def halt_sentence(found: Collection[Halt]) -> str | None:
    """Say in one sentence why promotional mail is refused; None where it is not."""
    return next((f"Promotional mail is refused: {each.why}." for each in found), None)


_WITHDRAW = text("DELETE FROM delivery_clearance WHERE token = :token")
_HALT = text(
    """
    INSERT INTO delivery_halt AS h (journal, why, since, persons, mailings)
    VALUES (:journal, :why, :since, :persons, :mailings)
    ON CONFLICT (journal) DO UPDATE
    SET why = excluded.why, persons = excluded.persons, mailings = excluded.mailings
    """
)
