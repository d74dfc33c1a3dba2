"""A count as it may be shown to whoever may write any rule: nothing that points at somebody (C15)."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailer.campaigns.audience.counting import Count
from mailer.measure import FEWEST, Published, Sum, publish, published
from mailer.vocabulary import Reason

AUDIENCE, ALLOWED, HELD = "audience", "allowed", "held"


@dataclass(frozen=True, slots=True)
class PublishedCount:
    """A count whose small figures are withheld; its size is told from ten people on."""

    audience: Published
    allowed: Published
    held: Published
    refused: Mapping[Reason, Published]


def published_count(count: Count) -> PublishedCount:
    """Withhold what concerns fewer than ten people, and what would give it away by subtraction.

    Of fewer than ten in all no reason is named: it would be that of each of them.
    """
    if count.audience < FEWEST:
        little = published(0)
        return PublishedCount(little, little, little, {})
    parts: dict[str, int] = {ALLOWED: count.allowed}
    parts |= {reason.value: people for reason, people in count.refused.items()}
    # Without quiet hours nobody can be held, and none need be hidden behind another part.
    parts |= {HELD: count.held} if count.held else {}
    told = publish(
        {AUDIENCE: count.audience, **parts},
        [Sum(AUDIENCE, tuple(parts), is_base=True)],
        exact={AUDIENCE},
    )
    refused = {reason: told[reason.value] for reason in sorted(count.refused)}
    return PublishedCount(told[AUDIENCE], told[ALLOWED], told.get(HELD, 0), refused)
