"""A mailing's figures for the safety brake, kept where they change: no batch is counted again."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Session

from mailer.database import rows_changed
from mailer.delivery.brake import Brake, Braked, Tally, judge
from mailer.delivery.mailings import MailingNotFound
from mailer.vocabulary import MailingId

log = structlog.get_logger()

NOTHING = Tally()

# Held until the commit, and taken before the mailing is: who brakes locks them in this order.
_ADD = text(
    """
    INSERT INTO delivery_tally AS t
        (mailing_id, accepted, rejected, unknown, hard_bounces, refused_later, complaints)
    SELECT m.id, :accepted, :rejected, :unknown, :hard_bounces, :refused_later, :complaints
    FROM delivery_mailing m WHERE m.id = :mailing_id AND m.brake IS NOT NULL
    ON CONFLICT (mailing_id) DO UPDATE SET
        accepted = t.accepted + excluded.accepted, rejected = t.rejected + excluded.rejected,
        unknown = t.unknown + excluded.unknown,
        hard_bounces = t.hard_bounces + excluded.hard_bounces,
        refused_later = t.refused_later + excluded.refused_later,
        complaints = t.complaints + excluded.complaints
    RETURNING t.accepted, t.rejected, t.unknown, t.hard_bounces, t.refused_later, t.complaints,
              (SELECT m.brake FROM delivery_mailing m WHERE m.id = t.mailing_id) AS brake
    """
)
_STOP = text(
    """
    UPDATE delivery_mailing SET state = 'paused', braked = :braked
    WHERE id = :mailing_id AND state IN ('sending', 'paused') AND braked IS NULL
    """
).bindparams(bindparam("braked", type_=JSONB))


def count_in(session: Session, mailing_id: MailingId, change: Tally, *, now: datetime) -> None:
    """Add to a mailing's figures and stop it where they are past a limit, in the same commit.

    Nothing is kept of mailings without a brake: order updates, tests.
    """
    if change == NOTHING:
        return
    found = session.execute(_ADD, {"mailing_id": mailing_id, **asdict(change)}).one_or_none()
    if found is None:
        return
    *figures, limits = found
    _stop_where_past(session, mailing_id, Brake.model_validate(limits), Tally(*figures), now)


def _stop_where_past(
    session: Session, mailing_id: MailingId, brake: Brake, tally: Tally, now: datetime
) -> None:
    braked = judge(brake, tally, now=now)
    if braked is not None and rows_changed(
        session, _STOP, {"mailing_id": mailing_id, "braked": braked.stored()}
    ):
        log.warning("mailing.braked", mailing=mailing_id, cause=braked.cause.value)


def set_brake(session: Session, mailing_id: MailingId, brake: Brake, *, now: datetime) -> None:
    """Give a mailing other limits, and stop it at once where its figures are past them.

    Whatever the brake has stopped stays so. Raises MailingNotFound.
    """
    row = session.execute(_FIGURES, {"mailing_id": mailing_id}).one_or_none()
    stored = brake.model_dump(mode="json")
    if not rows_changed(session, _SET_BRAKE, {"mailing_id": mailing_id, "brake": stored}):
        raise MailingNotFound(f"mailing {mailing_id}")
    if row is not None:
        _stop_where_past(session, mailing_id, brake, Tally(*row), now)


_FIGURES = text(
    """
    SELECT accepted, rejected, unknown, hard_bounces, refused_later, complaints
    FROM delivery_tally WHERE mailing_id = :mailing_id FOR UPDATE
    """
)
_SET_BRAKE = text("UPDATE delivery_mailing SET brake = :brake WHERE id = :mailing_id").bindparams(
    bindparam("brake", type_=JSONB)
)


def release_brake(session: Session, mailing_id: MailingId) -> None:
    """Let a mailing be sent again that the brake stopped; judge only what comes from now on."""
    session.execute(_FORGET, {"mailing_id": mailing_id})
    session.execute(
        text("UPDATE delivery_mailing SET braked = NULL WHERE id = :mailing_id"),
        {"mailing_id": mailing_id},
    )


_FORGET = text("DELETE FROM delivery_tally WHERE mailing_id = :mailing_id")


def first_braked(session: Session, mailings: Collection[MailingId]) -> Braked | None:
    """Return why the brake has stopped one of these mailings, the one that it stopped first."""
    stored: Any = session.execute(_FIRST_BRAKED, {"mailings": list(mailings)}).scalar_one_or_none()
    return None if stored is None else Braked.read(stored)


_FIRST_BRAKED = text(
    """
    SELECT braked FROM delivery_mailing WHERE id = ANY(:mailings) AND braked IS NOT NULL
    ORDER BY braked ->> 'at', id LIMIT 1
    """
).bindparams(bindparam("mailings", type_=ARRAY(BigInteger)))


def braked_among(session: Session, mailings: Collection[MailingId]) -> frozenset[MailingId]:
    """Return which of these mailings the brake has stopped."""
    found = session.execute(_BRAKED_AMONG, {"mailings": list(mailings)}).scalars()
    return frozenset(map(MailingId, found))


_BRAKED_AMONG = text(
    "SELECT id FROM delivery_mailing WHERE id = ANY(:mailings) AND braked IS NOT NULL"
).bindparams(bindparam("mailings", type_=ARRAY(BigInteger)))


def braked_of(session: Session, mailing_id: MailingId) -> Braked | None:
    """Return why the brake has stopped a mailing; None where it has not."""
    stored: Any = session.execute(
        text("SELECT braked FROM delivery_mailing WHERE id = :mailing_id"),
        {"mailing_id": mailing_id},
    ).scalar_one_or_none()
    return None if stored is None else Braked.read(stored)
