"""A copy of an order update is recalled once something is heard of the first one, till its turn."""

import uuid
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import UUID
from sqlmodel import Session

from mailer import people
from mailer.database import Database
from mailer.delivery.batches import finish_empty
from mailer.delivery.claimed import Claimed
from mailer.delivery.heard_before import needs_no_copy
from mailer.vocabulary import AddressId, BatchId, MailingId, PersonId

log = structlog.get_logger()


def recall_heard(database: Database, batch: Claimed, *, at: datetime) -> Claimed:
    """Take off a claimed copy whom something was heard of since its first try; return the rest.

    In a commit of its own, which locks what was in hand before it first. Nobody is handed over
    again of whom something was heard before the copy's turn.
    """
    if not batch.doubts or not batch.people:
        return batch
    with database.transaction() as session:
        gone = {
            who
            for who in sorted(needs_no_copy(session, batch, batch.people))
            if _recall(session, _Copy.of(batch, who), at)
        }
        finish_empty(session, batch, now=at)
    if gone:
        log.info("copy.recalled", batch=batch.id, people=len(gone))
    return batch.without(gone)


def recall_copy(
    session: Session, mailing_id: MailingId, person_id: PersonId, *, at: datetime
) -> bool:
    """Take a person off the copy that waits for them; count them as accepted where they were.

    Whoever travels with them in it stays. A copy that somebody has claimed is left alone, and so is
    one whose reader has moved or was merged since, or which has followed them already: it goes
    where they are now. Returns whether there was one.
    """
    found = session.execute(_COPY, {"mailing": mailing_id, "person": person_id}).one_or_none()
    if found is None:
        return False
    batch_id, root_id = BatchId(found.id), BatchId(found.root_id)
    address_id = AddressId(found.address_id)
    copy = _Copy(batch_id, root_id, None, mailing_id, person_id, address_id)
    return _recall(session, copy, at)


@dataclass(frozen=True, slots=True)
class _Copy:
    """One person's copy: in line, or claimed under a token."""

    batch_id: BatchId
    root_id: BatchId
    token: uuid.UUID | None
    mailing_id: MailingId
    person_id: PersonId
    address_id: AddressId

    @classmethod
    def of(cls, batch: Claimed, who: PersonId) -> "_Copy":
        """Return the copy of one of a claimed batch's people."""
        return cls(batch.id, batch.root_id, batch.token, batch.mailing.id, who, batch.people[who])

    def is_still_theirs(self, session: Session) -> bool:
        """Say whether its reader is still reached where it would go."""
        reached = people.reached_now(session, [self.person_id])
        return reached.get(self.person_id) == (self.person_id, self.address_id)


def _recall(session: Session, copy: _Copy, at: datetime) -> bool:
    """Count somebody as accepted where they were in hand before their copy.

    False where the copy has left, or its reader: asked once it is held, or they leave meanwhile.
    """
    before = _held_with_copy(session, copy)
    if before is None or not copy.is_still_theirs(session):
        return False
    given = {
        "mailing": copy.mailing_id,
        "person": copy.person_id,
        "copy": copy.batch_id,
        "address": copy.address_id,
        "before": before,
        "at": at,
    }
    session.execute(_RECALL, given)
    return True


def _held_with_copy(session: Session, copy: _Copy) -> BatchId | None:
    """Lock a copy and what was in hand before it, the parent first, as its sender's late word does.

    Returns the last that was; None where the copy is neither in line nor claimed under its token.
    """
    given = {"root": copy.root_id, "copy": copy.batch_id, "token": copy.token}
    held = session.execute(_HOLD, given).scalars().all()
    if len(held) < 2 or held[-1] != copy.batch_id:
        return None
    return BatchId(held[-2])


_COPY = text(
    """
    SELECT b.id, b.root_id, p.address_id
    FROM delivery_batch b
    JOIN delivery_roster r ON r.batch_id = b.id AND :person = ANY(r.persons)
    CROSS JOIN LATERAL unnest(r.persons, r.addresses) AS p(person_id, address_id)
    WHERE b.mailing_id = :mailing AND b.state = 'prepared' AND b.doubts > 0
      AND NOT b.tried_elsewhere
      AND p.person_id = :person
      AND NOT EXISTS (
          SELECT FROM delivery_exception e WHERE e.batch_id = b.id AND e.person_id = :person)
    """
)
_HOLD = text(
    """
    SELECT id FROM delivery_batch
    WHERE root_id = :root AND id <= :copy
      AND (id = :copy AND NOT tried_elsewhere
               AND (state = 'prepared' OR state = 'claimed' AND token = :token)
           OR id < :copy AND state IN ('settled', 'unknown') AND handing_at IS NOT NULL)
    ORDER BY id FOR UPDATE
    """
).bindparams(bindparam("token", type_=UUID))
_RECALL = text(
    """
    WITH kept AS (
        SELECT array_agg(k.person_id ORDER BY k.at) AS persons,
               array_agg(k.address_id ORDER BY k.at) AS addresses
        FROM delivery_roster r,
             unnest(r.persons, r.addresses) WITH ORDINALITY AS k(person_id, address_id, at)
        WHERE r.batch_id = :copy AND k.person_id <> :person
    ), thinned AS (
        UPDATE delivery_roster r
        SET persons = coalesce(kept.persons, '{}'), addresses = coalesce(kept.addresses, '{}')
        FROM kept WHERE r.batch_id = :copy
    ), refilled AS (
        UPDATE delivery_roster r
        SET persons = r.persons || CAST(:person AS bigint),
            addresses = r.addresses || CAST(:address AS bigint)
        WHERE r.batch_id = :before
    ), places AS (
        UPDATE delivery_place SET batch_id = :before
        WHERE address_id = :address AND mailing_id = :mailing AND batch_id = :copy
          AND person_id = :person
    ), told AS (
        INSERT INTO delivery_exception (batch_id, person_id, outcome, reason, detail, at)
        VALUES (:before, :person, 'accepted', 'sent.order', 'heard of later', :at)
    ), lessened AS (
        UPDATE delivery_batch
        SET size = size - 1, state = CASE WHEN size = 1 THEN 'cancelled' ELSE state END,
            token = CASE WHEN size > 1 THEN token END
        WHERE id = :copy
    )
    UPDATE delivery_batch
    SET size = size + 1, accepted = accepted + 1,
        state = CASE WHEN unknown = 0 THEN 'settled' ELSE state END
    WHERE id = :before
    """
)
