"""Batches whose sender died in the act: unknown, and for order updates tried once more."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from mailer.delivery._tables import BatchRow, ExceptionRow, MailingRow, RosterRow
from mailer.delivery.batches import Claimed, move_to_child
from mailer.delivery.mailings import mailing_from
from mailer.delivery.retry import may_try_unknown_again
from mailer.delivery.window import BARRIER
from mailer.vocabulary import AddressId, BatchId, Lane, PersonId


def reap(session: Session, *, reply_timeout: timedelta, now: datetime, limit: int = 100) -> int:
    """Give up batches in hand whose sender can neither begin nor hear anything any more.

    Only after the start window and the provider's time to reply are over, so that a living
    sender's own settlement nearly always comes first. A promotional batch stays `unknown`; the
    people of an order update go into a child with the same Message-ID. Returns how many.
    """
    deadline = now - timedelta(seconds=BARRIER) - reply_timeout
    rows = session.exec(
        select(BatchRow)
        .where(BatchRow.state == "handing", col(BatchRow.handing_at) < deadline)
        .order_by(col(BatchRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        _give_up(session, row, now)
    return len(rows)


def _give_up(session: Session, row: BatchRow, now: datetime) -> None:
    row.state = "unknown"
    row.settled_at = now
    row.unknown = row.size - row.refused
    session.add(row)
    session.flush()
    mailing = mailing_from(session.get_one(MailingRow, row.mailing_id))
    batch = _as_claimed(session, row)
    if batch.people and may_try_unknown_again(mailing.stream, row.attempt):
        row.unknown = 0
        session.flush()
        move_to_child(session, batch, list(batch.people), attempt=row.attempt + 1, not_before=now)


def _as_claimed(session: Session, row: BatchRow) -> Claimed:
    if row.id is None or row.token is None:
        raise AssertionError("a batch in hand has a number and a token")
    roster = session.get_one(RosterRow, row.id, populate_existing=True)
    decided = set(
        session.exec(select(ExceptionRow.person_id).where(ExceptionRow.batch_id == row.id)).all()
    )
    return Claimed(
        id=BatchId(row.id),
        root_id=BatchId(row.root_id),
        attempt=row.attempt,
        lane=Lane(row.lane),
        token=row.token,
        mailing=mailing_from(session.get_one(MailingRow, row.mailing_id)),
        people={
            PersonId(person): AddressId(address)
            for person, address in zip(roster.persons, roster.addresses, strict=True)
            if person not in decided
        },
    )
