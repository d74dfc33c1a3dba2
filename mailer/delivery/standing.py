"""Why a mailing stands where it stands: its next turn, who asked for less, who waits, its brake."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from mailer.delivery._tables import MailingRow
from mailer.delivery.brake import Brake, Tally
from mailer.delivery.budgets import budgets_of, spent_so_far
from mailer.delivery.clearance import halt_sentence, halts
from mailer.delivery.limits import Limits, room
from mailer.delivery.mailings import MailingNotFound
from mailer.delivery.pace import Pace
from mailer.delivery.slowing import slow_scopes
from mailer.delivery.splitting import UNDECIDED
from mailer.delivery.states import MailingState
from mailer.vocabulary import MailingId


@dataclass(frozen=True, slots=True)
class Standing:
    """A mailing as it stands at a moment."""

    next_turn: datetime | None
    """When its pace lets the next mail go; None where it is not sending, or where one may go now."""
    slowed: Mapping[str, float]
    """Messages a second where a provider asked for less: a domain, or `*` for all promotional mail."""
    waiting: int
    """People whose moment is still to come: held for their morning, by their own hour, tried again."""
    waiting_from: datetime | None
    waiting_until: datetime | None
    """The first and the last of these moments."""
    brake: Brake | None
    tally: Tally
    """What the brake counts, since it was released last."""
    halted: str | None = None
    """Why no promotional mail is claimed at all: the database is older than the journal."""


def standing_of(session: Session, mailing_id: MailingId, *, pace: Pace, now: datetime) -> Standing:
    """Tell how a promotional mailing stands; nothing is taken. Raises MailingNotFound."""
    row = session.get(MailingRow, mailing_id, populate_existing=True)
    if row is None:
        raise MailingNotFound(f"mailing {mailing_id}")
    slowed = slow_scopes(session, now=now)
    is_sending = row.state == MailingState.SENDING.value
    waiting = session.execute(
        _WAITING, {"mailing_id": mailing_id, "now": now, "undecided": UNDECIDED}
    ).one()
    return Standing(
        next_turn=_next_turn(session, row, pace.slowed_by(slowed), now) if is_sending else None,
        slowed=slowed,
        waiting=waiting.people,
        waiting_from=waiting.first,
        waiting_until=waiting.last,
        brake=Brake.model_validate(row.brake) if row.brake is not None else None,
        tally=_tally_of(session, mailing_id),
        halted=halt_sentence(halts(session)),
    )


def _next_turn(session: Session, row: MailingRow, pace: Pace, now: datetime) -> datetime | None:
    own = Limits.model_validate(row.pace) if row.pace else None
    budgets = budgets_of(MailingId(row.id or 0), own, pace, now)
    rooms = [room(each.limits, spent_so_far(session, each), now.timestamp()) for each in budgets]
    waits = [each.ready_at for each in rooms if not each.messages]
    return datetime.fromtimestamp(max(waits), UTC) if waits else None


_WAITING = text(
    """
    SELECT coalesce(sum(size - refused), 0) AS people,
           min(not_before) AS first, max(not_before) AS last
    FROM delivery_batch
    WHERE mailing_id = :mailing_id AND state = 'prepared'
      AND not_before > :now AND not_before < :undecided
    """
)
_TALLY = text(
    """
    SELECT accepted, rejected, unknown, hard_bounces, refused_later, complaints
    FROM delivery_tally WHERE mailing_id = :mailing_id
    """
)


def _tally_of(session: Session, mailing_id: MailingId) -> Tally:
    found: Any = session.execute(_TALLY, {"mailing_id": mailing_id}).one_or_none()
    return Tally() if found is None else Tally(*found)
