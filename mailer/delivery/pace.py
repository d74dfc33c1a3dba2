"""How fast mail leaves: budgets that all workers share and that restarts do not refill."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, text
from sqlmodel import Session

from mailer.delivery._tables import PaceRow  # noqa: F401 - registers the table
from mailer.delivery.limits import NO_LIMITS, Limits
from mailer.people import MAILBOX_DOMAINS

ALL_MAIL = "*"
PER_DOMAIN = "PACE_PER_DOMAIN"

# Subqueries without a row of their own are run once a statement: a mailing of which two thousand
# batches wait for its turn costs the others no more than a look at each of them.
IN_TURN = """
    b.mailing_id <> ALL (ARRAY(SELECT p.mailing_id FROM delivery_pace p WHERE p.next_at > :now))
    AND (b.lane <> 'promotional' OR NOT EXISTS (
        SELECT 1 FROM delivery_pace p WHERE p.mailing_id = 0 AND p.next_at > :now))
"""
"""SQL: no budget by the minute, hour or day lets batch `b` wait (`:now`)."""


class PaceInvalid(Exception):
    """A pace setting cannot be read; the text says which part and what would be right."""

    def __init__(self, setting: str, problem: str) -> None:
        self.setting = setting
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast mail leaves this installation, over all mailings.

    Messages a second: over everything, and for domains that want it slower; 0 is no limit. By the
    minute, hour and day, and a warm-up of the sending domain from a day (UTC) on.
    """

    per_second: float = 0.0
    per_domain: Mapping[str, float] = field(default_factory=dict)
    limits: Limits = NO_LIMITS
    warm_up_from: date | None = None
    everywhere: float | None = None
    """Messages a second of all promotional mail while the provider asks for less."""

    @property
    def has_windows(self) -> bool:
        """Say whether anything is limited by minute, hour or day for all mailings."""
        return self.limits.is_any or self.everywhere is not None

    @property
    def known_domains(self) -> frozenset[str]:
        """Return the domains that can be slowed: mailbox providers', and those the operator named.

        The name of any other may be somebody's own, and is not kept.
        """
        return frozenset(MAILBOX_DOMAINS) | self.per_domain.keys()

    def slowed_by(self, scopes: Mapping[str, float]) -> "Pace":
        """Return the pace with what is slowed down: rates of domains, and of all mail (`*`)."""
        domains = {name: rate for name, rate in scopes.items() if name != ALL_MAIL}
        slower = {
            name: min(rate, self.per_domain.get(name, rate)) for name, rate in domains.items()
        }
        return replace(
            self, per_domain={**self.per_domain, **slower}, everywhere=scopes.get(ALL_MAIL)
        )

    def budgets_on(self, day: date) -> Mapping[str, Limits]:
        """Return the budgets of a day and what each allows; who may begin has room in all.

        A warm-up has a budget of its own from its first day on, so that one from another day
        begins anew, and what has begun by the minute, hour and day stays counted beside it.
        """
        found = {"all": self.limits.model_copy(update={"warm_up": ()})}
        if self.warm_up_from is not None and self.warm_up_from <= day:
            found[f"all:{self.warm_up_from}"] = Limits(warm_up=self.limits.warm_up)
        return {name: limits for name, limits in found.items() if limits.is_any}

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
            raise PaceInvalid(PER_DOMAIN, f"{part!r} is not like example.com=5") from None
        if domains[name.strip().casefold()] <= 0:
            raise PaceInvalid(PER_DOMAIN, f"{part!r}: the pace must be above 0")
    return Pace(per_second, domains)


def read_warm_up(text: str) -> tuple[date | None, tuple[int, ...]]:
    """Read `2026-12-01:500,1000,2000`: the first day and the days' messages. Raises PaceInvalid."""
    if not text.strip():
        return None, ()
    first, _, counts = text.partition(":")
    try:
        curve = Limits(warm_up=tuple(int(each) for each in counts.split(",")))
        return date.fromisoformat(first.strip()), curve.warm_up
    except ValueError:
        problem = f"{text!r} is not like 2026-12-01:500,1000,2000"
        raise PaceInvalid("WARM_UP", problem) from None


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
