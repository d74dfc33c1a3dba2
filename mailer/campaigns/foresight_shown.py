"""A look ahead at a schedule as it may be shown: no figure that points at somebody (C15)."""

from dataclasses import dataclass
from datetime import datetime

from mailer.campaigns.foresight import Foresight, ZoneAhead
from mailer.measure import FEWEST, Published, Sum, publish, published, published_of

AUDIENCE, WITHOUT, AT_HOME = "audience", "without a zone", "at home"


@dataclass(frozen=True, slots=True)
class PublishedForesight:
    """A look ahead whose small figures are withheld; its size is told from ten people on.

    Of fewer than ten in all neither zones nor moments are told: they would be those of each.
    """

    audience: Published
    without_zone: Published
    late: Published
    zones: tuple[tuple[ZoneAhead, Published], ...] = ()
    first: datetime | None = None
    last: datetime | None = None
    choice: datetime | None = None


def published_foresight(ahead: Foresight) -> PublishedForesight:
    """Withhold what concerns fewer than ten people, and what would give it away by subtraction."""
    if ahead.audience < FEWEST:
        little = published(0)
        return PublishedForesight(little, little, little)
    people = {each.zone: each.people for each in ahead.zones}
    sums = [Sum(AUDIENCE, tuple(people), is_base=True)]
    counts = {AUDIENCE: ahead.audience, WITHOUT: ahead.without_zone, **people}
    if ahead.without_zone:
        # They are in the number of the plan's own zone, beside those whose zone it is.
        counts[AT_HOME] = people[ahead.home] - ahead.without_zone
        sums.append(Sum(ahead.home, (WITHOUT, AT_HOME), is_base=True))
    told = publish(counts, sums, exact={AUDIENCE}, unsaid={AT_HOME} & counts.keys())
    return PublishedForesight(
        audience=told[AUDIENCE],
        without_zone=told[WITHOUT],
        late=_late(ahead, told),
        zones=tuple((each, told[each.zone]) for each in ahead.zones),
        first=ahead.first,
        last=ahead.last,
        choice=ahead.choice,
    )


def _late(ahead: Foresight, told: dict[str, Published]) -> Published:
    """Tell of the late, who are whole zones or a known share of them, what their zones tell."""
    shown = published_of(ahead.late, ahead.audience)
    zones = [told[each.zone] for each in ahead.zones if each.is_late]
    is_safe = not isinstance(shown, int) or all(isinstance(each, int) for each in zones)
    return shown if is_safe else "withheld"
