"""Batches of unknown fate, for a person who looks up what became of them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from mailer.vocabulary import BatchId, MailingId


@dataclass(frozen=True, slots=True)
class UnknownBatch:
    """A batch with people of whom nobody knows whether the provider took their mail."""

    batch_id: BatchId
    mailing_id: MailingId
    unknown: int
    since: datetime


def unknown_batches(session: Session, *, limit: int = 200) -> list[UnknownBatch]:
    """Return the batches that `settle_unknown` can settle, the oldest first."""
    rows = session.execute(_UNKNOWN, {"limit": limit}).all()
    return [
        UnknownBatch(BatchId(row.id), MailingId(row.mailing_id), row.unknown, row.since)
        for row in rows
    ]


_UNKNOWN = text(
    """
    SELECT id, mailing_id, unknown, coalesce(handing_at, settled_at) AS since
    FROM delivery_batch WHERE state IN ('unknown', 'settled') AND unknown > 0
    ORDER BY id LIMIT :limit
    """
)
