"""Claiming a batch, giving parts of it to children, and writing down who was refused."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ScalarSelect, bindparam, insert, text, update
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlmodel import Session, SQLModel, select

from mailer.database import rows_changed
from mailer.delivery._tables import BatchRow, ExceptionRow, MailingRow, RosterRow
from mailer.delivery.claimed import Claimed
from mailer.delivery.clearance import CLEARED
from mailer.delivery.mailings import mailing_from
from mailer.delivery.pace import IN_TURN
from mailer.delivery.places import leave_places
from mailer.delivery.still_told import keep_told, still_told
from mailer.failpoints import Failpoint, reached
from mailer.providers import without_addresses
from mailer.vocabulary import (
    AddressId,
    BatchId,
    Held,
    Lane,
    Outcome,
    PersonId,
    Reason,
    Refused,
)

_batch = SQLModel.metadata.tables["delivery_batch"]


@dataclass(frozen=True, slots=True)
class Note:
    """What differs for one person from the main outcome of their batch."""

    person_id: PersonId
    outcome: Outcome
    reason: Reason
    detail: str = ""
    since: datetime | None = None


_CLAIM = text(
    f"""
    WITH due AS (
        SELECT b.id FROM delivery_batch b JOIN delivery_mailing m ON m.id = b.mailing_id
        WHERE b.lane = :lane
          AND b.state IN ('prepared', 'claimed')
          AND b.not_before <= :now
          AND (b.state = 'prepared' OR b.lease_until <= :now)
          AND m.state = 'sending'
          AND {IN_TURN}
          AND NOT EXISTS (
              SELECT 1 FROM delivery_lane l WHERE l.lane = :lane AND l.stopped_until > :now)
          AND (CAST(:lane AS text) <> 'promotional' OR {CLEARED})
        ORDER BY b.not_before, b.id
        LIMIT 1
        FOR UPDATE OF b SKIP LOCKED
        -- the mailing too, before anything waits for it: a cancellation takes them in that order
        FOR SHARE OF m SKIP LOCKED
    )
    UPDATE delivery_batch b SET state = 'claimed', token = :token, lease_until = :lease_until
    FROM due, delivery_roster r
    WHERE b.id = due.id AND r.batch_id = b.id
    RETURNING b.id, b.mailing_id, b.root_id, b.attempt, b.doubts, b.not_before, b.variant,
              r.persons, r.addresses
    """
).bindparams(bindparam("token", type_=UUID))


def claim(
    session: Session,
    *,
    lane: Lane,
    token: uuid.UUID,
    lease: timedelta,
    clearance: uuid.UUID | None = None,
    now: datetime,
) -> Claimed | None:
    """Take the batch that has been due the longest, or one whose lease is over; None if none is.

    Nothing promotional while that is refused, or where the database lacks our clearance.
    """
    given = {"lane": lane.value, "now": now, "token": token, "lease_until": now + lease}
    row = session.execute(_CLAIM, {**given, "clearance": clearance}).one_or_none()
    if row is None:
        return None
    mailing = mailing_from(session.get_one(MailingRow, row.mailing_id))
    variant = still_told(session, mailing, row.variant, now=now)
    if variant and variant != row.variant:
        keep_told(session, BatchId(row.id), variant)
    people = {
        PersonId(person): AddressId(address)
        for person, address in zip(row.persons, row.addresses, strict=True)
    }
    batch = Claimed(
        id=BatchId(row.id),
        root_id=BatchId(row.root_id),
        attempt=row.attempt,
        doubts=row.doubts,
        lane=lane,
        token=token,
        mailing=mailing,
        due=row.not_before,
        people=people,
        variant=variant,
    )
    return batch.without(decided_in(session, batch))


def decided_in(session: Session, batch: Claimed) -> set[PersonId]:
    """Return who of a batch is accounted for by an exception."""
    rows = session.exec(select(ExceptionRow.person_id).where(ExceptionRow.batch_id == batch.id))
    return {PersonId(person) for person in rows.all()}


_FINISH_EMPTY = text(
    """
    UPDATE delivery_batch SET state = 'settled', settled_at = :now, handing_at = NULL
    WHERE id = :batch_id AND state = 'claimed' AND token = :token AND size = refused
    """
)


def finish_empty(session: Session, batch: Claimed, *, now: datetime) -> None:
    """Settle a claimed batch in which everybody is accounted for: nothing is handed over."""
    session.execute(_FINISH_EMPTY, {"batch_id": batch.id, "token": batch.token, "now": now})


def give_back(session: Session, batch: Claimed, *, not_before: datetime) -> bool:
    """Return a claimed batch to the line, whole. False if it was no longer ours."""
    given = rows_changed(
        session,
        update(_batch)
        .where(
            _batch.c.id == batch.id,
            _batch.c.state == "claimed",
            _batch.c.token == batch.token,
        )
        .values(state="prepared", token=None, lease_until=None, not_before=not_before),
    )
    return bool(given)


def move_to_child(
    session: Session,
    batch: Claimed,
    persons: Sequence[PersonId],
    *,
    attempt: int,
    not_before: datetime,
    in_doubt: bool = False,
) -> BatchId | None:
    """Take people off a batch and put them in line again as its child, of the same root.

    `in_doubt` says that nobody knows what came of their try in this batch. One commit holds both,
    so nobody is ever in two batches of a mailing or in none.
    """
    if not persons:
        return None
    # Shared, so that a cancellation either sees the child or is seen here.
    mailing_state = session.execute(_MAILING_STATE, {"mailing_id": batch.mailing.id}).scalar_one()
    child: int = session.execute(
        insert(_batch)
        .values(
            mailing_id=batch.mailing.id,
            root_id=batch.root_id,
            attempt=attempt,
            doubts=batch.doubts + in_doubt,
            lane=batch.lane.value,
            state="cancelled" if mailing_state == "cancelled" else "prepared",
            not_before=not_before,
            variant=batch.variant,
            planned=_of_parent(batch, BatchRow.planned),
            tried_elsewhere=_of_parent(batch, BatchRow.tried_elsewhere),
            size=len(persons),
            accepted=0,
            refused=0,
            rejected=0,
            unknown=0,
        )
        .returning(_batch.c.id)
    ).scalar_one()
    session.execute(
        insert(RosterRow).values(
            batch_id=child,
            persons=list(persons),
            addresses=[batch.people[person] for person in persons],
        )
    )
    _take_off(session, batch, persons, BatchId(child))
    reached(Failpoint.CHILD_MADE)
    return BatchId(child)


def _of_parent(batch: Claimed, column: Any) -> ScalarSelect[Any]:
    return select(column).where(BatchRow.id == batch.id).scalar_subquery()


_MAILING_STATE = text("SELECT state FROM delivery_mailing WHERE id = :mailing_id FOR SHARE")

_TAKE_OFF = text(
    """
    WITH kept AS (
        SELECT array_agg(k.person_id ORDER BY k.at) AS persons,
               array_agg(k.address_id ORDER BY k.at) AS addresses
        FROM delivery_roster r,
             unnest(r.persons, r.addresses) WITH ORDINALITY AS k(person_id, address_id, at)
        WHERE r.batch_id = :batch_id AND NOT k.person_id = ANY(:persons)
    ), thinned AS (
        UPDATE delivery_roster r
        SET persons = coalesce(kept.persons, '{}'), addresses = coalesce(kept.addresses, '{}')
        FROM kept WHERE r.batch_id = :batch_id
    ), along AS (
        UPDATE delivery_place SET batch_id = :child
        WHERE address_id = ANY(:addresses) AND mailing_id = :mailing_id AND batch_id = :batch_id
          AND person_id = ANY(:persons)  -- a mailbox that two share has one place: its owner's
    )
    UPDATE delivery_batch SET size = size - :count WHERE id = :batch_id
    """
).bindparams(
    bindparam("persons", type_=ARRAY(BigInteger)), bindparam("addresses", type_=ARRAY(BigInteger))
)


def _take_off(
    session: Session, batch: Claimed, persons: Sequence[PersonId], child: BatchId
) -> None:
    """Take people off a batch, and let their places name the child that holds them now."""
    session.execute(
        _TAKE_OFF,
        {
            "batch_id": batch.id,
            "persons": list(persons),
            "count": len(persons),
            "child": child,
            "mailing_id": batch.mailing.id,
            "addresses": [batch.people[person] for person in persons],
        },
    )


def note(session: Session, batch_id: BatchId, notes: Sequence[Note], *, now: datetime) -> None:
    """Write down the people whose outcome differs from their batch's, each with a reason."""
    if notes:
        session.execute(
            insert(ExceptionRow),
            [
                {
                    "batch_id": batch_id,
                    "person_id": each.person_id,
                    "outcome": each.outcome.value,
                    "reason": each.reason.value,
                    "detail": without_addresses(each.detail)[:300],
                    "since": each.since,
                    "at": now,
                }
                for each in notes
            ],
        )


def refuse(
    session: Session, batch: Claimed, refused: Mapping[PersonId, Refused], *, now: datetime
) -> None:
    """Account for refused people: reason noted, place freed, the batch's count raised."""
    if not refused:
        return
    note(
        session,
        batch.id,
        [
            Note(person, Outcome.REFUSED, verdict.reason, since=verdict.since)
            for person, verdict in refused.items()
        ],
        now=now,
    )
    leave_places(session, batch, list(refused))
    session.execute(
        update(_batch)
        .where(_batch.c.id == batch.id)
        .values(refused=_batch.c.refused + len(refused))
    )


def hold_back(session: Session, batch: Claimed, held: Mapping[PersonId, Held]) -> Claimed:
    """Let people wait for the moment until which they are held; return the batch without them.

    Each moment gets a child; a batch of which everybody waits for the same one waits as it is.
    """
    moments = {each.until for each in held.values()}
    if len(moments) == 1 and len(held) == len(batch.people):
        give_back(session, batch, not_before=moments.pop())
        return batch.without(held)
    for until in sorted(moments):
        persons = [person for person, each in held.items() if each.until == until]
        move_to_child(session, batch, persons, attempt=batch.attempt, not_before=until)
    return batch.without(held)


def hold(session: Session, batch: Claimed) -> bool:
    """Lock a batch until the commit, and say whether it is still claimed under our token.

    The mailing is locked first, as a cancellation does it, so that neither waits in a ring.
    """
    session.execute(_MAILING_STATE, {"mailing_id": batch.mailing.id})
    held = session.execute(_HOLD, {"batch_id": batch.id, "token": batch.token})
    return held.scalar_one_or_none() is not None


_HOLD = text(
    "SELECT 1 FROM delivery_batch"
    " WHERE id = :batch_id AND token = :token AND state = 'claimed' FOR UPDATE"
)


def hold_in_hand(session: Session, batch: Claimed) -> bool:
    """Lock a batch until the commit, and say whether it is still in hand under our token.

    Once it is given up, everybody who was left in it is counted as of unknown fate.
    """
    held = session.execute(_HOLD_IN_HAND, {"batch_id": batch.id, "token": batch.token})
    return held.scalar_one_or_none() is not None


_HOLD_IN_HAND = text(
    "SELECT 1 FROM delivery_batch"
    " WHERE id = :batch_id AND token = :token AND state = 'handing' FOR UPDATE"
)


def held_as(session: Session, batch: Claimed) -> str | None:
    """Say in which state the batch stands under our token, or None when it is not ours."""
    state: Any = session.execute(
        select(BatchRow.state).where(BatchRow.id == batch.id, BatchRow.token == batch.token)
    ).scalar_one_or_none()
    return None if state is None else str(state)
