"""A count as it may be shown to whoever may write any rule: nothing that points at somebody (C15)."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailer.campaigns.audience.counting import Count
from mailer.measure import FEWEST, Published, published
from mailer.vocabulary import Reason


@dataclass(frozen=True, slots=True)
class PublishedCount:
    """A count whose small figures are withheld."""

    audience: Published
    allowed: Published
    refused: Mapping[Reason, Published]


def published_count(count: Count) -> PublishedCount:
    """Withhold what concerns fewer than ten people, and what would give it away.

    The parts add up to the whole: where one part alone is small, the next smallest goes with it.
    """
    if count.audience < FEWEST:
        little = published(0)
        return PublishedCount(little, little, dict.fromkeys(sorted(count.refused), little))
    refused: list[tuple[Reason | None, int]] = [*count.refused.items()]
    parts = dict([(None, count.allowed), *refused])
    hidden = {part for part, people in parts.items() if people < FEWEST}
    if len(hidden) == 1 and len(parts) > 1:
        shown = [part for part in parts if part not in hidden]
        hidden.add(min(shown, key=lambda part: parts[part]))
    told = {part: published(0) if part in hidden else people for part, people in parts.items()}
    return PublishedCount(
        count.audience, told[None], {part: told[part] for part in sorted(count.refused)}
    )
