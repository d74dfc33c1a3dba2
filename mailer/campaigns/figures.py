"""A campaign's figures as they may be shown (docs/reports.md): nothing small can be told. Pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta, tzinfo

from mailer.campaigns.counting import Counts, Reached
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
from mailer.measure import Origin, Published, Sum, publish
from mailer.people import OTHER_DOMAINS

Cell = tuple[str, str, str]
"""A part of the report, which of its rows, and the figure."""
ALL = ("all", "")
HEARD = ("delivered", "bounced", "unheard")
BY_ORIGIN = {Origin.PERSON: "", Origin.MACHINE: "_by_machines", Origin.UNKNOWN: "_unknown"}
OPENED = tuple(f"opened{ending}" for ending in BY_ORIGIN.values())
CLICKED = tuple(f"clicked{ending}" for ending in BY_ORIGIN.values())
FIGURES = (*("handed_over", *HEARD, "complained", "opted_out", "measurable"), *OPENED, *CLICKED)
"""What is told of the whole campaign and of each domain: numbers of people, each counted once."""
OVER_TIME = ("handed_over", "opened", "clicked", "opted_out")
PARTS_OF = {
    ("handed_over", ""): HEARD,
    ("handed_over", "did not complain"): ("complained",),
    ("handed_over", "did not opt out"): ("opted_out",),
    ("handed_over", "not to be measured"): ("measurable",),
    ("measurable", "did not open"): OPENED,
    ("measurable", "did not click"): CLICKED,
}
"""Which figures are parts of which, and the name of the rest, which is not told, if any."""


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
class Money:
    """Orders after a click in one currency; None where too few people stand behind them."""

    currency: str
    buyers: Published
    orders: int | None
    amount: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What people did with a campaign, each figure as it may be shown."""

    totals: Mapping[str, Published]
    links: Sequence[Link]
    domains: Sequence[Row]
    by: By
    series: Sequence[Slot]
    money: Sequence[Money]


@dataclass(slots=True)
class _Draft:
    """The cells of a report with what adds up to what, before anything is withheld."""

    cells: dict[Cell, int] = field(default_factory=dict)
    sums: list[Sum[Cell]] = field(default_factory=list)
    unsaid: set[Cell] = field(default_factory=set)

    def add_up(self, whole: Cell, parts: Sequence[Cell], *, is_base: bool = False) -> None:
        """Note that a whole is made of these cells and of nothing else."""
        self.sums.append(Sum(whole, tuple(parts), is_base))

    def add_rest(self, whole: Cell, parts: Sequence[Cell], rest: Cell) -> None:
        """Add a cell, never to be told, for who is in the whole and in none of these parts."""
        self.cells[rest] = max(0, self.cells[whole] - sum(self.cells[each] for each in parts))
        self.unsaid.add(rest)


def figures_of(counts: Counts, *, by: By, zone: tzinfo, now: datetime) -> Figures:
    """Put a campaign's figures together and withhold what is small, or would give it away (C15).

    Days and hours are withheld together, so that asking for both tells no more than for one.
    """
    draft = _Draft()
    groups = sorted(counts.groups, key=lambda name: (name == OTHER_DOMAINS, name))
    _add_people(draft, counts, groups)
    _add_links(draft, counts)
    _add_money(draft, counts)
    days, hours = _add_series(draft, counts, zone, now)
    shown = publish(draft.cells, draft.sums, exact={(*ALL, "handed_over")}, unsaid=draft.unsaid)
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
        money=list(_money(counts, shown)),
    )


def _add_people(draft: _Draft, counts: Counts, groups: Sequence[str]) -> None:
    each = {name: _figures(counts, name) for name in groups}
    totals: Counter[str] = Counter()
    for one in each.values():
        totals.update(one)
    _add_row(draft, ALL, {name: totals[name] for name in FIGURES})
    for group, row in each.items():
        _add_row(draft, ("domain", group), row)
    for name in FIGURES:
        if groups:
            draft.add_up((*ALL, name), [("domain", group, name) for group in groups])


def _figures(counts: Counts, group: str) -> dict[str, int]:
    reached: Reached = counts.groups[group]
    handed, measurable, delivered, bounced, complained, opted_out = astuple(reached)
    figures = {
        "handed_over": handed,
        "delivered": delivered,
        "bounced": bounced,
        "unheard": handed - delivered - bounced,
        "complained": complained,
        "opted_out": opted_out,
        "measurable": measurable,
    }
    for origin, ending in BY_ORIGIN.items():
        figures[f"opened{ending}"] = counts.reactions.opened[group, origin]
        figures[f"clicked{ending}"] = counts.reactions.clicked[group, origin]
    return figures


def _add_row(draft: _Draft, row: tuple[str, str], figures: Mapping[str, int]) -> None:
    draft.cells |= {(*row, name): count for name, count in figures.items()}
    for (whole, rest), names in PARTS_OF.items():
        parts = [(*row, name) for name in names]
        if rest:
            draft.add_rest((*row, whole), parts, (*row, rest))
            parts.append((*row, rest))
        draft.add_up((*row, whole), parts, is_base=True)


def _add_links(draft: _Draft, counts: Counts) -> None:
    links: list[Cell] = [("link", str(n), "clicked") for n in range(len(counts.targets))]
    draft.cells |= {cell: counts.reactions.links[int(cell[1])] for cell in links}
    if len(links) == 1:  # whoever clicked followed it
        draft.add_up((*ALL, "clicked"), links)
        return
    for cell in links:
        _add_share(draft, cell)


def _add_money(draft: _Draft, counts: Counts) -> None:
    for each in counts.turnover:
        cell = ("money", each.currency, "buyers")
        draft.cells[cell] = each.buyers
        _add_share(draft, cell)


def _add_share(draft: _Draft, cell: Cell) -> None:
    """Add up who clicked from a figure of some of them and the others."""
    whole, others = (*ALL, "clicked"), (*cell[:2], "others")
    draft.add_rest(whole, [cell], others)
    draft.add_up(whole, [cell, others], is_base=True)


def _money(counts: Counts, shown: Mapping[Cell, Published]) -> Iterator[Money]:
    for each in counts.turnover:
        buyers = shown["money", each.currency, "buyers"]
        told = isinstance(buyers, int)
        orders, amount = (each.orders, each.amount) if told else (None, None)
        yield Money(each.currency, buyers, orders, amount)


def _add_series(
    draft: _Draft, counts: Counts, zone: tzinfo, now: datetime
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
    draft: _Draft,
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


def _add_slots(draft: _Draft, whole: Cell, slots: list[Cell]) -> None:
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
