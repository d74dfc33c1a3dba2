"""What a journal says of batches that a restored database does not know to have been in hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer.delivery.brake import Tally
from mailer.delivery.tally import count_in
from mailer.vocabulary import BatchId, MailingId, Stream


@dataclass(frozen=True, slots=True)
class InHand:
    """A batch as the journal saw it go in hand."""

    batch_id: BatchId
    root_id: BatchId
    mailing_id: MailingId
    at: datetime


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What was done to a mailing that the journal knows more of than the database."""

    mailing_id: MailingId
    batches: int
    people: int
    paused: bool


def never_in_hand(session: Session, batches: Mapping[BatchId, MailingId]) -> set[BatchId]:
    """Return which of these batches the database does not know to have been in hand.

    A batch is never deleted, and nothing but a restore leads from being in hand back to waiting.
    """
    given = {"batches": list(batches), "mailings": list(batches.values())}
    known = session.execute(_WERE_IN_HAND, given).scalars()
    return set(batches) - {BatchId(each) for each in known}


def streams_of(session: Session, mailings: list[MailingId]) -> dict[MailingId, Stream]:
    """Return of what stream these mailings are; who is unknown is absent."""
    rows = session.execute(_STREAMS, {"mailings": mailings})
    return {MailingId(row.id): Stream(row.stream) for row in rows}


def give_up_handed(
    session: Session, mailing_id: MailingId, handed: list[InHand], *, now: datetime
) -> GivenUp:
    """Pause a promotional mailing, and call what had been in hand of it of unknown fate.

    Of a batch that came into being after the backup the whole root is given up as far as it waits:
    the database does not know who of it had moved to which child. Its people keep their places, so
    that no other batch mails them. It gets a token of its own: no sender of the lost time can speak
    for people of whom it does not know what became of them elsewhere. Nothing is done twice.
    """
    given = {
        "mailing_id": mailing_id,
        "batches": [each.batch_id for each in handed],
        "roots": [each.root_id for each in handed],
        "moments": [each.at.isoformat() for each in handed],
        "now": now,
    }
    # The mailing before its batches, as a claim locks them; who has claimed one finds it gone.
    paused = session.execute(_PAUSE, {"mailing_id": mailing_id}).one_or_none()
    rows = session.execute(_GIVE_UP, given).all()
    session.execute(_KEEP_PLACES, {"batches": [row.id for row in rows], "now": now})
    people = sum(row.unknown for row in rows)
    count_in(session, mailing_id, Tally(unknown=people), now=now)
    return GivenUp(mailing_id, len(rows), people, paused is not None)


def number_batches_beyond(session: Session, mailing_id: MailingId, batch_id: BatchId) -> None:
    """Let nothing new have a number up to these; lower ones change nothing."""
    for kind, number in (("delivery_mailing", mailing_id), ("delivery_batch", batch_id)):
        session.execute(_GO_BEYOND, {"kind": kind, "number": number})


_WERE_IN_HAND = text(
    "SELECT b.id FROM delivery_batch b JOIN unnest(:batches, :mailings) AS h(batch_id, mailing_id)"
    " ON h.batch_id = b.id AND h.mailing_id = b.mailing_id"
    " WHERE b.state IN ('handing', 'settled', 'unknown')"
).bindparams(
    bindparam("batches", type_=ARRAY(BigInteger)), bindparam("mailings", type_=ARRAY(BigInteger))
)
_STREAMS = text("SELECT id, stream FROM delivery_mailing WHERE id = ANY(:mailings)").bindparams(
    bindparam("mailings", type_=ARRAY(BigInteger))
)
_PAUSE = text(
    "UPDATE delivery_mailing SET state = 'paused' WHERE id = :mailing_id AND state = 'sending'"
    " RETURNING id"
)
_GIVE_UP = text(
    """
    UPDATE delivery_batch b
    SET state = 'unknown', unknown = size - refused - accepted - rejected, settled_at = :now,
        handing_at = CAST(h.at AS timestamptz), token = gen_random_uuid(),
        lease_until = NULL
    FROM unnest(:batches, :roots, CAST(:moments AS text[])) AS h(batch_id, root_id, at)
    WHERE (b.id = h.batch_id
           OR b.root_id = h.root_id
              AND NOT EXISTS (SELECT FROM delivery_batch o
                              WHERE o.id = h.batch_id AND o.mailing_id = :mailing_id))
      AND b.mailing_id = :mailing_id
      AND b.state IN ('prepared', 'claimed') AND b.size > b.refused
    RETURNING b.id, b.unknown
    """
).bindparams(
    bindparam("batches", type_=ARRAY(BigInteger)), bindparam("roots", type_=ARRAY(BigInteger))
)
_KEEP_PLACES = text(
    """
    INSERT INTO delivery_place (address_id, mailing_id, person_id, batch_id, taken_at)
    SELECT p.address_id, b.mailing_id, p.person_id, b.id, :now
    FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons, r.addresses) AS p(person_id, address_id)
    WHERE b.id = ANY(:batches) AND NOT EXISTS (
        SELECT FROM delivery_exception e WHERE e.batch_id = b.id AND e.person_id = p.person_id)
    ORDER BY p.address_id
    ON CONFLICT (address_id, mailing_id) DO NOTHING
    """
).bindparams(bindparam("batches", type_=ARRAY(BigInteger)))
_GO_BEYOND = text(
    """
    SELECT setval(of.kind, greatest(CAST(:number AS bigint), pg_sequence_last_value(of.kind)))
    FROM (SELECT CAST(pg_get_serial_sequence(CAST(:kind AS text), 'id') AS regclass) AS kind) of
    WHERE coalesce(pg_sequence_last_value(of.kind), 0) < CAST(:number AS bigint)
    """
)
