"""What a journal says of batches that a restored database does not know to have been in hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Text, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer.vocabulary import BatchId, Lane, MailingId, Stream


@dataclass(frozen=True, slots=True)
class InHand:
    """A batch as the journal saw it go in hand."""

    batch_id: BatchId
    root_id: BatchId
    mailing_id: MailingId
    at: datetime
    lane: Lane | None = None
    """Lines of the first format do not say it."""
    key: str = ""
    """Which mailing it was, where the line says so: after a restore numbers are given again."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The mailing of a batch, as this database holds it."""

    mailing_id: MailingId
    stream: Stream


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What was done to a mailing that the journal knows more of than the database."""

    mailing_id: MailingId
    batches: int
    people: int
    paused: bool


def never_in_hand(session: Session, handed: Sequence[InHand]) -> list[InHand]:
    """Return which of these batches the database does not know to have been in hand.

    A batch is never deleted, and nothing but a restore leads from being in hand back to waiting.
    A batch of another lane, or of a mailing of another key, only bears the number of a lost one.
    """
    known = set(session.execute(_WERE_IN_HAND, _as_arrays(handed)).scalars())
    return [each for place, each in enumerate(handed, start=1) if place not in known]


def kept_mailings(session: Session, handed: Sequence[InHand]) -> dict[InHand, Kept]:
    """Return the mailings of these batches; whose mailing is lost is absent.

    By the key where the line names one: the mailing may be here again under another number.
    """
    rows = session.execute(_KEPT, _as_arrays(handed))
    return {handed[row.place - 1]: Kept(MailingId(row.id), Stream(row.stream)) for row in rows}


def _as_arrays(handed: Sequence[InHand]) -> dict[str, Sequence[int] | Sequence[str]]:
    return {
        "batches": [each.batch_id for each in handed],
        "mailings": [each.mailing_id for each in handed],
        "lanes": [each.lane.value if each.lane else "" for each in handed],
        "keys": [each.key for each in handed],
    }


def give_up_handed(
    session: Session, mailing_id: MailingId, handed: list[InHand], *, now: datetime
) -> GivenUp:
    """Pause a promotional mailing, and call what had been in hand of it of unknown fate.

    Of a batch that came into being after the backup the whole root is given up as far as it waits:
    the database does not know who of it had moved to which child. Its people keep their places, so
    that no other batch mails them. It gets a token of its own: no sender of the lost time can speak
    for people of whom it does not know what became of them elsewhere. Nothing is done twice, and
    the brake counts none of it: it says nothing of the provider.
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
    return GivenUp(mailing_id, len(rows), people, paused is not None)


def number_batches_beyond(session: Session, mailing_id: MailingId, batch_id: BatchId) -> None:
    """Let nothing new have a number up to these; lower ones change nothing."""
    for kind, number in (("delivery_mailing", mailing_id), ("delivery_batch", batch_id)):
        session.execute(_GO_BEYOND, {"kind": kind, "number": number})


def _of_handed(sql: str) -> TextClause:
    """Return a statement that is given batches as `_as_arrays` makes them."""
    return text(_HANDED + sql).bindparams(
        bindparam("batches", type_=ARRAY(BigInteger)),
        bindparam("mailings", type_=ARRAY(BigInteger)),
        bindparam("lanes", type_=ARRAY(Text)),
        bindparam("keys", type_=ARRAY(Text)),
    )


_HANDED = """
    WITH h AS (
        SELECT * FROM unnest(:batches, :mailings, :lanes, :keys)
            WITH ORDINALITY AS h(batch_id, mailing_id, lane, key, place))
"""
_WERE_IN_HAND = _of_handed(
    """
    SELECT h.place FROM h
    JOIN delivery_batch b ON b.id = h.batch_id AND b.mailing_id = h.mailing_id
    JOIN delivery_mailing m ON m.id = b.mailing_id
    WHERE b.state IN ('handing', 'settled', 'unknown')
      AND (h.lane = '' OR h.lane = b.lane) AND (h.key = '' OR h.key = m.key)
    """
)
# A test is promotional mail that travels in the orders' lane.
_KEPT = _of_handed(
    """
    SELECT h.place, m.id, m.stream FROM h JOIN delivery_mailing m ON m.key = h.key
    WHERE h.key <> ''
    UNION ALL
    SELECT h.place, m.id, m.stream FROM h JOIN delivery_mailing m ON m.id = h.mailing_id
    WHERE h.key = '' AND (h.lane = '' OR (h.lane = 'promotional')
                          = (m.stream = 'promotional' AND m.letter <> 'test'))
    """
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
        lease_until = NULL, behind_backup = true
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
