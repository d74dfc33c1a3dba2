"""Batches whose sender died in the act: unknown, and for order updates tried once more."""

import time
import uuid
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, select

from mailer.delivery._tables import BatchRow, ExceptionRow, MailingRow, RosterRow
from mailer.delivery.batches import Note, move_to_child, note
from mailer.delivery.brake import Tally
from mailer.delivery.claimed import Claimed
from mailer.delivery.heard_before import heard_of, needs_no_copy
from mailer.delivery.mailings import mailing_from
from mailer.delivery.retry import may_try_unknown_again
from mailer.delivery.tally import count_in
from mailer.delivery.window import BARRIER
from mailer.failpoints import Failpoint, reached
from mailer.vocabulary import AddressId, BatchId, Lane, MailingId, Outcome, PersonId, Reason, Stream


class Reaper:
    """Gives up batches in hand whose sender can neither begin nor hear anything any more.

    It believes no time of day, neither a sender's nor its own: like an opt-out it sees a batch in
    hand, whose window is open by then, and counts from there by the monotonic clock of its own
    process. One a process, kept as long as that: what it has seen, it knows from nowhere else.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since: dict[uuid.UUID, float] = {}
        """By the token under which it was taken: since when each batch is known to be in hand."""

    def look(self, session: Session) -> None:
        """See which batches are in hand; those that are not any more are forgotten."""
        tokens = session.execute(_IN_HAND).scalars().all()
        # Read after the answer: whoever was stopped before it has seen nothing in that time.
        seen = self._monotonic()
        self._since = {token: self._since.get(token, seen) for token in tokens}

    def reap(
        self, session: Session, *, reply_timeout: timedelta, now: datetime, limit: int = 100
    ) -> int:
        """Give up what has been seen in hand for an opt-out's wait and the time to reply together.

        So a living sender's own settlement nearly always comes first. A promotional batch stays
        `unknown`; the people of an order update go into a child with the same Message-ID. Of whom
        something was heard already is accepted. `now` is only written down. Returns how many.
        """
        self.look(session)
        seen_by = self._monotonic() - BARRIER - reply_timeout.total_seconds()
        overdue = [token for token, since in self._since.items() if since < seen_by]
        return _give_up_all(session, overdue, limit, now) if overdue else 0


def settle_unknown(
    session: Session, batch_id: BatchId, *, was_accepted: bool, now: datetime
) -> int:
    """Settle by hand those of a batch whose fate is unknown, from evidence a person has looked up.

    All of them when its sender died; in a batch that is settled, those to whom the provider never
    answered. What is settled so stands: a sender whose word comes later finds nothing to say.
    Raises BatchNotUnknown, too, where nobody is of unknown fate, since a copy of theirs is on its
    way. Returns how many people it was about.
    """
    row = session.get(BatchRow, batch_id, with_for_update=True)
    if row is None or row.state not in ("unknown", "settled") or not row.unknown:
        raise BatchNotUnknown(f"batch {batch_id}")
    people, row.unknown = row.unknown, 0
    if was_accepted:
        row.accepted += people
    else:
        row.rejected += people
    _note_found(session, row, was_accepted=was_accepted, now=now)
    if row.state == "unknown":
        row.state, row.settled_at = "settled", now
    session.add(row)
    session.flush()
    if not row.behind_backup:
        known = Tally(accepted=people) if was_accepted else Tally(rejected=people)
        count_in(session, MailingId(row.mailing_id), known - Tally(unknown=people), now=now)
    return people


def _note_found(session: Session, row: BatchRow, *, was_accepted: bool, now: datetime) -> None:
    """Say of each whose fate was unknown what was found; who has no note in such a batch, too."""
    batch = _as_claimed(session, row)
    if was_accepted:
        found = Outcome.ACCEPTED, _why_sent(batch), TAKEN
    else:
        found = Outcome.REJECTED, Reason.NOT_REFUSED, NOT_TAKEN
    outcome, reason, detail = found
    session.execute(
        _FOUND,
        {
            "batch_id": batch.id,
            "outcome": outcome.value,
            "reason": reason.value,
            "detail": detail,
            "now": now,
        },
    )
    if row.state == "unknown" and not was_accepted:
        notes = [Note(person, outcome, reason, detail) for person in batch.people]
        note(session, batch.id, notes, now=now)


TAKEN, NOT_TAKEN = "settled by hand: taken", "settled by hand: not taken"
_FOUND = text(
    """
    UPDATE delivery_exception SET outcome = :outcome, reason = :reason, detail = :detail, at = :now
    WHERE batch_id = :batch_id AND outcome = 'unknown'
    """
)


class BatchNotUnknown(Exception):
    """Only people of unknown fate can be settled by hand."""


def _give_up_all(session: Session, tokens: Collection[uuid.UUID], limit: int, now: datetime) -> int:
    rows = session.exec(
        select(BatchRow)
        .where(BatchRow.state == "handing", col(BatchRow.token).in_(tokens))
        # Figures are locked in the order of mailings, as whoever hears of several locks them.
        .order_by(col(BatchRow.mailing_id), col(BatchRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        _give_up(session, row, now)
        reached(Failpoint.GIVEN_UP)
    return len(rows)


_IN_HAND = text("SELECT token FROM delivery_batch WHERE state = 'handing'")


def _give_up(session: Session, row: BatchRow, now: datetime) -> None:
    batch = _as_claimed(session, row)
    arrived = _note_arrived(session, batch, now)
    rest = batch.without(arrived)
    row.accepted = len(arrived)
    row.unknown = row.size - row.refused - row.accepted
    row.state = "settled" if arrived and not row.unknown else "unknown"
    row.settled_at = now
    session.add(row)
    session.flush()
    change = Tally(accepted=row.accepted, unknown=row.unknown)
    count_in(session, batch.mailing.id, change, now=now)
    if rest.people and may_try_unknown_again(batch.mailing.stream, batch.doubts):
        row.unknown = 0
        session.flush()
        move_to_child(
            session, rest, list(rest.people), attempt=row.attempt + 1, not_before=now, in_doubt=True
        )


def _note_arrived(session: Session, batch: Claimed, now: datetime) -> set[PersonId]:
    """Account for those of whom something was heard while the batch was in hand: it was taken."""
    goes_again = may_try_unknown_again(batch.mailing.stream, batch.doubts)
    find = needs_no_copy if goes_again else heard_of
    arrived = find(session, batch, batch.people)
    why = _why_sent(batch)
    notes = [Note(person, Outcome.ACCEPTED, why, "heard of before") for person in arrived]
    note(session, batch.id, notes, now=now)
    return arrived


def _why_sent(batch: Claimed) -> Reason:
    is_order = batch.mailing.stream is Stream.ORDER_UPDATE
    return Reason.SENT_ORDER if is_order else Reason.SENT_TOPIC


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
        doubts=row.doubts,
        lane=Lane(row.lane),
        token=row.token,
        mailing=mailing_from(session.get_one(MailingRow, row.mailing_id)),
        due=row.not_before,
        people={
            PersonId(person): AddressId(address)
            for person, address in zip(roster.persons, roster.addresses, strict=True)
            if person not in decided
        },
        variant=row.variant,
    )
