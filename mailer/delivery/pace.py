"""How fast mail leaves: budgets that all workers share and that restarts do not refill."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import bindparam, text
from sqlmodel import Session

from mailer.delivery._tables import PaceRow  # noqa: F401 - registers the table

ALL_MAIL = "*"


class PaceInvalid(Exception):
    """A pace setting cannot be read; the text says which part and what would be right."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Messages a second: over everything, and for domains that want it slower; 0 is no limit."""

    per_second: float = 0.0
    per_domain: Mapping[str, float] = field(default_factory=dict)

    def slice_of(self, wanted: int) -> int:
        """Return how many of `wanted` messages may begin within one second."""
        if not self.per_second:
            return wanted
        return max(1, min(wanted, int(self.per_second)))


def read_pace(per_second: float, per_domain: str) -> Pace:
    """Read `example.com=5,example.org=0.5`. Raises PaceInvalid."""
    domains: dict[str, float] = {}
    for part in filter(None, (each.strip() for each in per_domain.split(","))):
        name, _, rate = part.partition("=")
        try:
            domains[name.strip().casefold()] = float(rate)
        except ValueError:
            raise PaceInvalid(f"{part!r} is not like example.com=5") from None
        if domains[name.strip().casefold()] <= 0:
            raise PaceInvalid(f"{part!r}: the pace must be above 0")
    return Pace(per_second, domains)


# The budget is a moment: when the messages reserved so far will all have begun. A worker that
# reserves pushes it on and waits for its own turn; one that dies wastes its turn, never doubles it.
_RESERVE = text(
    """
    INSERT INTO delivery_pace AS p (budget, free_at) VALUES (:budget, :now + :cost)
    ON CONFLICT (budget) DO UPDATE SET free_at = greatest(p.free_at, :now) + :cost
    RETURNING free_at - :cost
    """
).bindparams(bindparam("budget"), bindparam("now"), bindparam("cost"))


def waiting(session: Session, *, budget: str, now: datetime) -> timedelta:
    """Return how long a reservation made now would wait; takes nothing."""
    free_at: datetime | None = session.execute(
        text("SELECT free_at FROM delivery_pace WHERE budget = :budget"), {"budget": budget}
    ).scalar_one_or_none()
    return timedelta(0) if free_at is None else max(free_at - now, timedelta(0))


def reserve(
    session: Session, *, budget: str, messages: int, per_second: float, now: datetime
) -> timedelta:
    """Take room for messages in a budget and return how long to wait before they may begin."""
    cost = timedelta(seconds=messages / per_second)
    turn: datetime = session.execute(
        _RESERVE, {"budget": budget, "now": now, "cost": cost}
    ).scalar_one()
    return max(turn - now, timedelta(0))
