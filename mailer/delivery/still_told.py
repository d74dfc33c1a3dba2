"""What a digest tells of may end after it was cut: it is asked again at the claim and at the gate."""

from datetime import datetime

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer.delivery.mailings import Mailing
from mailer.letters import DIGEST
from mailer.vocabulary import BatchId

STANDS = "m.state = 'sending' AND m.braked IS NULL AND (m.use_by IS NULL OR m.use_by > :now)"
"""A mailing `m` may be told of: neither cancelled nor paused, not stopped, and not too late."""


def still_told(
    session: Session, mailing: Mailing, variant: int | None, *, now: datetime
) -> int | None:
    """Return what of a digest's set it may still tell of; the variant of any other mailing as it is.

    0 where nothing is left.
    """
    if mailing.letter != DIGEST or not variant or mailing.content is None:
        return variant
    told = [int(each["mailing"]) for each in mailing.content["held_back"]]
    standing = set(session.execute(_STANDING, {"told": told, "now": now}).scalars())
    bits = (1 << number for number, each in enumerate(told) if each in standing)
    return variant & sum(bits)


def keep_told(session: Session, batch_id: BatchId, variant: int) -> None:
    """Write down what a batch still tells of, so that a later digest can tell of the rest."""
    session.execute(_KEEP, {"batch_id": batch_id, "variant": variant})


_STANDING = text(
    f"SELECT m.id FROM delivery_mailing m WHERE m.id = ANY(:told) AND {STANDS}"
).bindparams(bindparam("told", type_=ARRAY(BigInteger)))
_KEEP = text("UPDATE delivery_batch SET variant = :variant WHERE id = :batch_id")
