"""What was counted before a campaign left, kept beside what became of it, to the person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import Count
from mailer.delivery import Books
from mailer.measure import FEWEST, Published, published
from mailer.vocabulary import Reason

_count = TypeAdapter(Count)


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed since a count: what the books say, less what was counted.

    audience = accepted + refused of every reason + rejected + unknown + cancelled + to_go, always:
    of these the last four could not be foreseen.
    """

    since: datetime
    audience: int
    """How many more belong to it; below zero, how many fewer."""
    accepted: int
    """How many more got it than the count would have let: below zero, for what follows."""
    refused: Mapping[Reason, int]
    """How many more were refused, or fewer, of each reason, those without a change included."""
    rejected: int
    unknown: int
    cancelled: int
    to_go: int


def drift_of(counted: Count, books: Books) -> Drift:
    """Set the books of a campaign that has started beside what was counted before."""
    reasons = sorted({*counted.refused, *books.refused})
    changes = {each: books.refused.get(each, 0) - counted.refused.get(each, 0) for each in reasons}
    return Drift(
        since=counted.as_at,
        audience=books.audience - counted.audience,
        accepted=books.accepted - counted.allowed - counted.held,
        refused=changes,
        rejected=books.rejected,
        unknown=books.unknown,
        cancelled=books.cancelled,
        to_go=books.to_go,
    )


@dataclass(frozen=True, slots=True)
class PublishedDrift:
    """A drift as it may be shown: a change by fewer than ten people is withheld (C15)."""

    since: datetime
    audience: Published
    accepted: Published
    refused: Mapping[Reason, Published]


def published_drift(drift: Drift) -> PublishedDrift:
    """Withhold every change that fewer than ten people make, none included, and what gives it away.

    The changes add up: where one part alone is small, the next smallest goes with it.
    """
    refused: list[tuple[Reason | None, int]] = [*drift.refused.items()]
    parts = dict([(None, drift.accepted), *refused])
    hidden = {part for part, change in parts.items() if abs(change) < FEWEST}
    if len(hidden) == 1 and len(parts) > 1:
        shown = [part for part in parts if part not in hidden]
        hidden.add(min(shown, key=lambda part: abs(parts[part])))
    little = published(0)
    told = {part: little if part in hidden else change for part, change in parts.items()}
    return PublishedDrift(
        since=drift.since,
        audience=little if abs(drift.audience) < FEWEST else drift.audience,
        accepted=told[None],
        refused={reason: told[reason] for reason in drift.refused},
    )


def stored(counted: Count) -> dict[str, Any]:
    """Write a count for the campaign's row."""
    return dict(_count.dump_python(counted, mode="json"))


def read(row: CampaignRow) -> Count | None:
    """Read the count that a campaign's row keeps, if any."""
    return None if row.counted is None else _count.validate_python(row.counted)
