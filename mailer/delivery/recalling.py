"""A copy of an order update that waits in line is recalled once something is heard of the first one."""

from datetime import datetime

from sqlalchemy import Row, text
from sqlmodel import Session

from mailer import people
from mailer.vocabulary import AddressId, BatchId, MailingId, PersonId


def recall_copy(
    session: Session, mailing_id: MailingId, person_id: PersonId, *, at: datetime
) -> bool:
    """Take a person off the copy that waits for them; count them as accepted where they were.

    Whoever travels with them in it stays. A copy that somebody has claimed is left alone, and so is
    one whose reader has moved or was merged since, or which has followed them already: it goes
    where they are now. Returns whether there was one.
    """
    whose = {"mailing": mailing_id, "person": person_id}
    copy = session.execute(_COPY, whose).one_or_none()
    if copy is None or not _is_still_there(session, person_id, AddressId(copy.address_id)):
        return False
    before = _held_with_copy(session, copy)
    if before is None:
        return False
    given = {**whose, "copy": copy.id, "address": copy.address_id, "before": before, "at": at}
    session.execute(_RECALL, given)
    return True


def _is_still_there(session: Session, person_id: PersonId, address_id: AddressId) -> bool:
    reached = people.reached_now(session, [person_id])
    return reached.get(person_id) == (person_id, address_id)


def _held_with_copy(session: Session, copy: Row[tuple[int, int, int]]) -> BatchId | None:
    """Lock a copy and what was in hand before it, the parent first, as its sender's late word does.

    Returns the last that was; None where the copy waits in line no more.
    """
    held = session.execute(_HOLD, {"root": copy.root_id, "copy": copy.id}).scalars().all()
    if len(held) < 2 or held[-1] != copy.id:
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
      AND (id = :copy AND state = 'prepared' AND NOT tried_elsewhere
           OR id < :copy AND state IN ('settled', 'unknown') AND handing_at IS NOT NULL)
    ORDER BY id FOR UPDATE
    """
)
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
        SET size = size - 1, state = CASE WHEN size = 1 THEN 'cancelled' ELSE state END
        WHERE id = :copy
    )
    UPDATE delivery_batch
    SET size = size + 1, accepted = accepted + 1,
        state = CASE WHEN unknown = 0 THEN 'settled' ELSE state END
    WHERE id = :before
    """
)
