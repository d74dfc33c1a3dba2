"""A campaign's figures as they may be shown (docs/reports.md): nothing small can be told. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType

from mailer.campaigns.counting import Counts
from mailer.campaigns.draft import (
    ALL,
    FIGURES,
    OVER_TIME,
    Cell,
    Draft,
    Money,
    add_money,
    add_row,
    add_share,
    figures_in,
    money_of,
)
from mailer.campaigns.series import (
    DAYS_BY_DAY,
    DAYS_BY_HOUR,
    By,
    counted,
    day_of,
    days_between,
    hour_of,
    hours_between,
)
from mailer.campaigns.splits import Split
from mailer.campaigns.trial_figures import TrialFigures, add_trial, trial_of
from mailer.delivery import Books
from mailer.measure import Published, publish
from mailer.people import OTHER_DOMAINS

NO_BOOKS: Mapping[str, Books] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one domain."""

    of: str
    figures: Mapping[str, Published]


@dataclass(frozen=True, slots=True)
class Slot:
    """The figures of one hour or day, by its beginning in the zone that was asked for."""

    at: datetime
    figures: Mapping[str, Published]


@dataclass(frozen=True, slots=True)
class Link:
    """How many people followed one link."""

    url: str
    people: Published


@dataclass(frozen=True, slots=True)
class Figures:
    """What people did with a campaign, each figure as it may be shown."""

    totals: Mapping[str, Published]
    links: Sequence[Link]
    domains: Sequence[Row]
    by: By
    series: Sequence[Slot]
    money: Sequence[Money]
    trial: TrialFigures | None = None
    """What a split test found; None for a campaign without one."""

    @property
    def shares(self) -> dict[str, float]:
        """The total figures as shares of `handed_over`, 0 to 1, to four places; none of one withheld."""
        base = self.totals["handed_over"]
        if not isinstance(base, int) or not base:
            return {}
        return {
            name: round(count / base, 4)
            for name, count in self.totals.items()
            if isinstance(count, int) and name != "handed_over"
        }


def figures_of(
    counts: Counts,
    *,
    by: By,
    zone: tzinfo,
    split: Split | None = None,
    books: Mapping[str, Books] = NO_BOOKS,
    now: datetime,
) -> Figures:
    """Put a campaign's figures together and withhold what is small, or would give it away (C15).

    Days and hours are withheld together, so that asking for both tells no more than for one.
    """
    draft = Draft()
    groups = sorted(counts.groups, key=lambda name: (name == OTHER_DOMAINS, name))
    _add_people(draft, counts, groups)
    _add_links(draft, counts)
    add_money(draft, "money", counts.turnover)
    if split is not None:
        add_trial(draft, counts, split)
    days, hours = _add_series(draft, counts, zone, now)
    shown = publish(draft.cells, draft.sums, exact=draft.exact, unsaid=draft.unsaid)
    slots = hours if by is By.HOUR else days
    return Figures(
        totals={name: shown[*ALL, name] for name in FIGURES},
        links=[Link(url, shown["link", str(n), "clicked"]) for n, url in enumerate(counts.targets)],
        domains=[
            Row(each, {name: shown["domain", each, name] for name in FIGURES}) for each in groups
        ],
        by=by,
        series=[
            Slot(at, {name: shown[by.value, _key(at), name] for name in OVER_TIME}) for at in slots
        ],
        money=list(money_of("money", counts.turnover, shown)),
        trial=trial_of(counts, split, books, shown) if split is not None else None,
    )


def _add_people(draft: Draft, counts: Counts, groups: Sequence[str]) -> None:
    opened, clicked = counts.reactions.opened, counts.reactions.clicked
    each = {name: figures_in(counts.groups[name], opened, clicked, name) for name in groups}
    totals: Counter[str] = Counter()
    for one in each.values():
        totals.update(one)
    add_row(draft, ALL, {name: totals[name] for name in FIGURES})
    for group, row in each.items():
        add_row(draft, ("domain", group), row)
    for name in FIGURES:
        if groups:
            draft.add_up((*ALL, name), [("domain", group, name) for group in groups])


def _add_links(draft: Draft, counts: Counts) -> None:
    links: list[Cell] = [("link", str(n), "clicked") for n in range(len(counts.targets))]
    draft.cells |= {cell: counts.reactions.links[int(cell[1])] for cell in links}
    if len(links) == 1:  # whoever clicked followed it
        draft.add_up((*ALL, "clicked"), links)
        return
    for cell in links:
        add_share(draft, cell)


def _add_series(
    draft: Draft, counts: Counts, zone: tzinfo, now: datetime
) -> tuple[list[datetime], list[datetime]]:
    """Add a cell for each day and each hour; return the days and hours there are."""
    if not counts.handed_over_at:
        return [], []
    first = min(counts.handed_over_at)
    last = max(first, now)
    days = list(days_between(first, min(last, first + timedelta(DAYS_BY_DAY - 1)), zone))
    hours = [
        hour
        for hour in hours_between(first, min(last, first + timedelta(DAYS_BY_HOUR)), zone)
        if day_of(hour, zone) in days[:DAYS_BY_HOUR]
    ]
    moments = {
        "handed_over": counts.handed_over_at,
        "opened": counts.reactions.opened_at,
        "clicked": counts.reactions.clicked_at,
        "opted_out": counts.opted_out_at,
    }
    for name, counts_at in moments.items():
        _add_moments(draft, name, counts_at, days, hours, zone)
    return days, hours


def _add_moments(
    draft: Draft,
    name: str,
    moments: Mapping[datetime, int],
    days: Sequence[datetime],
    hours: Sequence[datetime],
    zone: tzinfo,
) -> None:
    by_day = _cells(moments, By.DAY, name, days, lambda each: day_of(each, zone))
    by_hour = _cells(moments, By.HOUR, name, hours, lambda each: hour_of(each, zone))
    draft.cells |= by_day | by_hour
    _add_slots(draft, (*ALL, name), list(by_day))
    for day in days[:DAYS_BY_HOUR]:
        within = [hour for hour in hours if day_of(hour, zone) == day]
        parts: list[Cell] = [(By.HOUR.value, _key(hour), name) for hour in within]
        _add_slots(draft, (By.DAY.value, _key(day), name), parts)


def _add_slots(draft: Draft, whole: Cell, slots: list[Cell]) -> None:
    """Add up a whole from its slots of time and what came after the last, where anything did."""
    later = (whole[0], f"after the last of {whole[1]}", whole[2])
    draft.add_rest(whole, slots, later)
    draft.add_up(whole, [*slots, later] if draft.cells[later] else slots)


def _cells(
    moments: Mapping[datetime, int],
    by: By,
    name: str,
    slots: Sequence[datetime],
    into: Callable[[datetime], datetime],
) -> dict[Cell, int]:
    counts = counted(moments, into, slots)
    return {(by.value, _key(slot), name): count for slot, count in zip(slots, counts, strict=True)}


def _key(at: datetime) -> str:
    return at.isoformat()
