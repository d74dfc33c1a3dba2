"""A report in the making: its cells, and what a reader knows to add up (docs/reports.md). Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field

from mailer.campaigns.counting import Reached
from mailer.measure import Origin, Published, Sum
from mailer.orders import Turnover

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
class Money:
    """Orders after a click in one currency; None where too few people stand behind them."""

    currency: str
    buyers: Published
    orders: int | None
    amount: int | None


@dataclass(slots=True)
class Draft:
    """The cells of a report with what adds up to what, before anything is withheld."""

    cells: dict[Cell, int] = field(default_factory=dict)
    sums: list[Sum[Cell]] = field(default_factory=list)
    unsaid: set[Cell] = field(default_factory=set)
    exact: set[Cell] = field(default_factory=lambda: {(*ALL, "handed_over")})

    def add_up(self, whole: Cell, parts: Sequence[Cell], *, is_base: bool = False) -> None:
        """Note that a whole is made of these cells and of nothing else."""
        self.sums.append(Sum(whole, tuple(parts), is_base))

    def add_rest(self, whole: Cell, parts: Sequence[Cell], rest: Cell) -> None:
        """Add a cell, never to be told, for who is in the whole and in none of these parts."""
        self.cells[rest] = max(0, self.cells[whole] - sum(self.cells[each] for each in parts))
        self.unsaid.add(rest)


def figures_in(
    reached: Reached,
    opened: Counter[tuple[str, Origin]],
    clicked: Counter[tuple[str, Origin]],
    group: str,
) -> dict[str, int]:
    """Return the figures of one group of people."""
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
        figures[f"opened{ending}"] = opened[group, origin]
        figures[f"clicked{ending}"] = clicked[group, origin]
    return figures


def add_row(draft: Draft, row: tuple[str, str], figures: Mapping[str, int]) -> None:
    """Add the figures of one group of people, and what they are parts of."""
    draft.cells |= {(*row, name): count for name, count in figures.items()}
    for (whole, rest), names in PARTS_OF.items():
        parts = [(*row, name) for name in names]
        if rest:
            draft.add_rest((*row, whole), parts, (*row, rest))
            parts.append((*row, rest))
        draft.add_up((*row, whole), parts, is_base=True)


def add_share(draft: Draft, cell: Cell, *, of: Cell = (*ALL, "clicked")) -> None:
    """Add up people from a figure of some of them and the others."""
    others = (*cell[:2], f"others than {cell[2]}")
    draft.add_rest(of, [cell], others)
    draft.add_up(of, [cell, others], is_base=True)


def add_money(
    draft: Draft, part: str, turnover: Sequence[Turnover], *, of: Cell = (*ALL, "clicked")
) -> None:
    """Add the buyers of a part of the report by currency, out of some people."""
    for each in turnover:
        cell = (part, each.currency, "buyers")
        draft.cells[cell] = each.buyers
        add_share(draft, cell, of=of)


def money_of(
    part: str, turnover: Sequence[Turnover], shown: Mapping[Cell, Published]
) -> Iterator[Money]:
    """Yield what was ordered in each currency, as far as its buyers may be shown."""
    for each in turnover:
        buyers = shown[part, each.currency, "buyers"]
        told = isinstance(buyers, int)
        orders, amount = (each.orders, each.amount) if told else (None, None)
        yield Money(each.currency, buyers, orders, amount)
