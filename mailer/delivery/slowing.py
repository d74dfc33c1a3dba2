"""Where mail leaves slower because somebody asked for it: shared by all workers, kept over restarts."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, select

from mailer.delivery._tables import ThrottleRow
from mailer.delivery.pace import Pace
from mailer.delivery.throttle import Throttle, slowed
from mailer.vocabulary import Lane


def go_slower(session: Session, asked: Mapping[str, int], *, now: datetime) -> None:
    """Halve the rate of each scope that was asked for less: with how many began there in a second."""
    for scope, begun in sorted(asked.items()):
        row = session.get(ThrottleRow, scope, with_for_update=True, populate_existing=True)
        before = throttle_from(row) if row is not None else None
        after = slowed(before, scope, begun, now=now)
        session.execute(
            _KEEP,
            {"scope": scope, "rate": after.rate, "top": after.top, "slowed_at": after.slowed_at},
        )


_SLOW = text("SELECT scope, rate, top, slowed_at FROM delivery_throttle ORDER BY scope")
_KEEP = text(
    """
    INSERT INTO delivery_throttle (scope, rate, top, slowed_at)
    VALUES (:scope, :rate, :top, :slowed_at)
    ON CONFLICT (scope) DO UPDATE
    SET rate = excluded.rate, top = excluded.top, slowed_at = excluded.slowed_at
    """
)


def pace_now(session: Session, pace: Pace, lane: Lane, *, now: datetime) -> Pace:
    """Return the pace of a lane as things are; order updates, which are few, are never slowed."""
    if lane is Lane.ORDERS:
        return pace
    slow = slow_scopes(session, now=now)
    return pace.slowed_by(slow) if slow else pace


def slow_scopes(session: Session, *, now: datetime) -> dict[str, float]:
    """Return the messages a second of each scope that is slowed down at a moment."""
    rows = session.execute(_SLOW).all()
    rates = {row.scope: Throttle(*row).rate_at(now) for row in rows}
    return {scope: rate for scope, rate in rates.items() if rate is not None}


def forget_recovered(session: Session, *, now: datetime) -> None:
    """Delete what is slowed down no more: domains are not kept longer than they are needed."""
    # Judged as it is once it is locked: somebody may be asked for less this moment.
    everything = select(ThrottleRow).with_for_update(skip_locked=True)
    for row in session.exec(everything.execution_options(populate_existing=True)).all():
        if throttle_from(row).rate_at(now) is None:
            session.delete(row)


def throttle_from(row: ThrottleRow) -> Throttle:
    """Read a row as the rule wants it."""
    return Throttle(row.scope, row.rate, row.top, row.slowed_at)
