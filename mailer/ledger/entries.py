"""Writing down what happened, and reading it back newest first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, tuple_
from sqlmodel import Session, col, select

from mailer.database import copy_rows
from mailer.ledger._tables import LedgerEntry
from mailer.vocabulary import BatchId, MailingId, PersonId

COLUMNS = ("at", "kind", "actor", "person_id", "mailing_id", "batch_id", "detail")


class PersonalDetail(ValueError):
    """An address stood in an entry; nothing could ever take it out again."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One thing that happened: what, when, who did it, and whom it concerns, by ids alone.

    `actor` is a role, with an id where there is one: `customer`, `worker`, `api_key:3`,
    `command_line:anna`. `detail` is JSON. Raises PersonalDetail where either holds an address.
    """

    kind: str
    at: datetime
    actor: str
    person_id: PersonId | None = None
    mailing_id: MailingId | None = None
    batch_id: BatchId | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "@" in self.actor or b"@" in orjson.dumps(self.detail):
            raise PersonalDetail(self.kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, as the ledger keeps it."""

    id: int
    kind: str
    at: datetime
    actor: str
    person_id: PersonId | None
    mailing_id: MailingId | None
    batch_id: BatchId | None
    detail: Mapping[str, Any]


def record(
    session: Session,
    kind: str,
    *,
    at: datetime,
    actor: str,
    person_id: PersonId | None = None,
    mailing_id: MailingId | None = None,
    batch_id: BatchId | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry, for good. Raises PersonalDetail where an address stands in it."""
    record_many(session, [NewEntry(kind, at, actor, person_id, mailing_id, batch_id, detail or {})])


def record_many(session: Session, entries: Iterable[NewEntry]) -> None:
    """Write entries in their order by one COPY, for good."""
    copy_rows(session, "ledger_entry", COLUMNS, (_row(entry) for entry in entries))


def story_of(
    session: Session, person_id: PersonId, *, limit: int, before: int | None = None
) -> list[Entry]:
    """Return what happened to a person, newest first.

    `before` is the id of the last entry of the page before. Two entries of one moment come in
    the order in which they were written, the later first.
    """
    return _page(session, col(LedgerEntry.person_id) == person_id, limit, before)


def entries_of_mailing(
    session: Session, mailing_id: MailingId, *, limit: int, before: int | None = None
) -> list[Entry]:
    """Return what happened to a mailing, newest first; pages as story_of does."""
    return _page(session, col(LedgerEntry.mailing_id) == mailing_id, limit, before)


def _row(entry: NewEntry) -> tuple[object, ...]:
    ids = (entry.person_id, entry.mailing_id, entry.batch_id)
    return (entry.at, entry.kind, entry.actor, *ids, orjson.dumps(entry.detail).decode())


def _page(
    session: Session, whose: ColumnElement[bool], limit: int, before: int | None
) -> list[Entry]:
    place = tuple_(col(LedgerEntry.at), col(LedgerEntry.id))
    page = select(LedgerEntry).where(whose).order_by(*(each.desc() for each in place)).limit(limit)
    if before is not None:
        last = select(LedgerEntry.at, LedgerEntry.id).where(LedgerEntry.id == before)
        page = page.where(place < last.scalar_subquery())
    return [_entry(row) for row in session.exec(page)]


def _entry(row: LedgerEntry) -> Entry:
    return Entry(**row.model_dump())
