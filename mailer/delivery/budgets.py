"""What has begun by the minute, hour and day, kept in the database: shared, and never refilled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session

from mailer.delivery.claimed import Claimed
from mailer.delivery.limits import (
    NO_LIMITS,
    UNLIMITED,
    Limits,
    Spent,
    give_back,
    room,
    spend,
    uncounted,
)
from mailer.delivery.mailings import MailingNotFound
from mailer.delivery.pace import Pace
from mailer.vocabulary import Lane, MailingId

EVERY_MAILING = MailingId(0)
"""Stands in a budget for all promotional mail: while it waits, no promotional batch is claimed."""
LONGEST_LOOK_AWAY = timedelta(minutes=5)
"""When a budget whose turn is further off is looked at again: settings may have changed."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Messages that are counted together, and how many of them may begin."""

    name: str
    mailing_id: MailingId
    limits: Limits


def room_for(session: Session, batch: Claimed, pace: Pace, *, now: datetime) -> int:
    """Return how many of a batch may begin now by every limit that holds for it.

    Nothing is taken and nothing locked: claims of several workers do not wait for each other. Where
    nobody may, the mailing is not claimed again before its turn.
    """
    if batch.lane is Lane.ORDERS:
        return UNLIMITED
    at, least = now.timestamp(), UNLIMITED
    for budget in budgets_of(batch.mailing.id, batch.mailing.pace, pace, now):
        there = room(budget.limits, spent_so_far(session, budget), at)
        if not there.messages:
            _let_wait(session, budget, there.ready_at, now)
        least = min(least, there.messages)
    return least


def take_room(
    session: Session, batch: Claimed, pace: Pace, *, wanted: int, now: datetime
) -> tuple[int, Sequence[Budget]]:
    """Take room for as many of the wanted messages as there is; return how many, and of what.

    Order updates are counted and always have room. Whoever takes and dies has wasted it. The
    mailing's own limits are read under its lock: one that was slowed down is slow from then on.
    """
    found = budgets_of(batch.mailing.id, _limits_now(session, batch), pace, now)
    at = now.timestamp()
    spents = [_spent(session, budget, now) for budget in found]
    taken = wanted
    if batch.lane is not Lane.ORDERS:
        rooms = [
            room(each.limits, spent, at).messages for each, spent in zip(found, spents, strict=True)
        ]
        taken = min([wanted, *rooms])
    for budget, before in zip(found, spents, strict=True):
        _write(session, budget, spend(budget.limits, before, taken, at) if taken else before, now)
    return taken, found


def return_room(
    session: Session, taken_of: Sequence[Budget], messages: int, *, turn: datetime, now: datetime
) -> None:
    """Give back room that was taken at a turn for messages which never began."""
    for budget in taken_of:
        spent = give_back(budget.limits, _spent(session, budget, now), messages, turn.timestamp())
        _write(session, budget, spent, now)


def budgets_of(
    mailing_id: MailingId, own: Limits | None, pace: Pace, now: datetime
) -> Sequence[Budget]:
    """Return the budgets that a mailing's messages draw from, in the order in which all lock them."""
    installation = pace.budgets_on(now.date())
    found = [Budget(name, EVERY_MAILING, limits) for name, limits in installation.items()]
    if pace.everywhere is not None:
        asked = Limits(per_minute=max(1, round(pace.everywhere * 60)))
        found.append(Budget("slowed", EVERY_MAILING, asked))
    if own is not None and own.is_any:
        found.append(Budget(_name_of(mailing_id), mailing_id, own))
    return found


def _name_of(mailing_id: MailingId) -> str:
    return f"mailing:{mailing_id}"


def set_pace(session: Session, mailing_id: MailingId, limits: Limits | None) -> None:
    """Let a mailing go slower or faster from now on. Raises MailingNotFound.

    What has begun is counted, also while it had no pace. Waits for turns that are being taken this
    moment; where there were none to take, what is claimed and not in hand goes back in line.
    """
    stored = limits.stored() if limits is not None and limits.is_any else None
    before = session.execute(_PACE_BEFORE, {"mailing_id": mailing_id}).one_or_none()
    if before is None:
        raise MailingNotFound(f"mailing {mailing_id}")
    session.execute(_SET_PACE, {"mailing_id": mailing_id, "pace": stored})
    if stored is not None and before.pace is None:
        _count_begun(session, mailing_id)
    session.execute(_LOOK_AGAIN, {"mailing_id": mailing_id})


def _count_begun(session: Session, mailing_id: MailingId) -> None:
    """Add to a mailing's budget what began of it while it had no pace.

    What the budget knows from an earlier pace stays: its day, and tries that came to nothing.
    Whoever claimed a batch by then asks no budget: the claim is taken from them, and as they cannot
    take the batch in hand any more, nothing begins that is neither counted here nor by a turn.
    """
    session.execute(_TAKE_CLAIMS_BACK, {"mailing_id": mailing_id})
    given = {"budget": _name_of(mailing_id), "mailing_id": mailing_id}
    stored: Any = session.execute(_KNOWN, given).scalar_one_or_none()
    spent = Spent.read(stored) if stored else Spent()
    begun = session.execute(_BEGUN, {"mailing_id": mailing_id}).all()
    for row in begun:
        at = row.at.timestamp()
        if messages := uncounted(spent, row.messages, at):
            # Counted and not spread: by a pace by the minute they would be ages ahead of it.
            spent = spend(NO_LIMITS, spent, messages, at)
    if begun:
        session.execute(_FILL, {**given, "free_at": begun[-1].at, "spent": spent.stored()})


def forget_ended(session: Session) -> None:
    """Delete the budgets of mailings of which nothing is to go any more, however they ended."""
    session.execute(_FORGET_ENDED)


_FORGET_ENDED = text(
    """
    DELETE FROM delivery_pace p WHERE p.mailing_id > 0 AND NOT EXISTS (
        SELECT 1 FROM delivery_batch b
        WHERE b.mailing_id = p.mailing_id AND b.state IN ('prepared', 'claimed', 'handing'))
    """
)
_PACE_BEFORE = text("SELECT pace FROM delivery_mailing WHERE id = :mailing_id FOR NO KEY UPDATE")
_SET_PACE = text("UPDATE delivery_mailing SET pace = :pace WHERE id = :mailing_id").bindparams(
    bindparam("pace", type_=JSONB(none_as_null=True))
)
_TAKE_CLAIMS_BACK = text(
    """
    UPDATE delivery_batch SET state = 'prepared', token = NULL, lease_until = NULL
    WHERE mailing_id = :mailing_id AND state = 'claimed'
    """
)
# A day back from the last of it is all that a window or a day asks for. Who is in hand may begin.
_BEGUN = text(
    """
    SELECT max(handing_at) AS at,
           sum(CASE state WHEN 'handing' THEN size - refused
               ELSE accepted + rejected + unknown END) AS messages
    FROM delivery_batch
    WHERE mailing_id = :mailing_id AND handing_at > (
        SELECT max(handing_at) FROM delivery_batch WHERE mailing_id = :mailing_id
    ) - interval '1 day'
    GROUP BY date_trunc('second', handing_at)
    HAVING sum(CASE state WHEN 'handing' THEN size - refused
               ELSE accepted + rejected + unknown END) > 0
    ORDER BY at
    """
)
_KNOWN = text("SELECT spent FROM delivery_pace WHERE budget = :budget FOR NO KEY UPDATE")
_FILL = text(
    """
    INSERT INTO delivery_pace AS p (budget, mailing_id, free_at, spent)
    VALUES (:budget, :mailing_id, :free_at, :spent)
    ON CONFLICT (budget) DO UPDATE SET mailing_id = excluded.mailing_id, spent = excluded.spent
    """
).bindparams(bindparam("spent", type_=JSONB))
_LOOK_AGAIN = text("UPDATE delivery_pace SET next_at = NULL WHERE mailing_id = :mailing_id")
_LIMITS_NOW = text("SELECT pace FROM delivery_mailing WHERE id = :mailing_id")

# Made where it is not there yet, and locked either way: what was read stays true until the commit.
_SPENT = text(
    """
    INSERT INTO delivery_pace AS p (budget, mailing_id, free_at)
    VALUES (:budget, :mailing_id, :now)
    ON CONFLICT (budget) DO UPDATE SET mailing_id = excluded.mailing_id
    RETURNING p.spent
    """
)
_WRITE = text(
    "UPDATE delivery_pace SET spent = :spent, next_at = :next_at WHERE budget = :budget"
).bindparams(bindparam("spent", type_=JSONB))


def _limits_now(session: Session, batch: Claimed) -> Limits | None:
    stored: Any = session.execute(_LIMITS_NOW, {"mailing_id": batch.mailing.id}).scalar_one()
    return Limits.model_validate(stored) if stored else None


def _spent(session: Session, budget: Budget, now: datetime) -> Spent:
    stored: Any = session.execute(
        _SPENT, {"budget": budget.name, "mailing_id": budget.mailing_id, "now": now}
    ).scalar_one()
    return Spent.read(stored) if stored else Spent()


def spent_so_far(session: Session, budget: Budget) -> Spent:
    """Return what has begun of a budget; nothing is locked."""
    stored: Any = session.execute(
        text("SELECT spent FROM delivery_pace WHERE budget = :budget"), {"budget": budget.name}
    ).scalar_one_or_none()
    return Spent.read(stored) if stored else Spent()


def _write(session: Session, budget: Budget, spent: Spent, now: datetime) -> None:
    ready_at = room(budget.limits, spent, now.timestamp()).ready_at
    session.execute(
        _WRITE,
        {
            "budget": budget.name,
            "spent": spent.stored(),
            "next_at": _moment(ready_at, now),
        },
    )


def _let_wait(session: Session, budget: Budget, ready_at: float, now: datetime) -> None:
    session.execute(
        text("UPDATE delivery_pace SET next_at = :next_at WHERE budget = :budget"),
        {"budget": budget.name, "next_at": _moment(ready_at, now)},
    )


def _moment(ready_at: float, now: datetime) -> datetime:
    return min(datetime.fromtimestamp(ready_at, UTC), now + LONGEST_LOOK_AWAY)
