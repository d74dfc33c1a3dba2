"""The figures of a split test as they may be shown: each variant's, and the hold-out's. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailer.campaigns.choosing import (
    Interval,
    Tried,
    confidence_of,
    difference,
    judge_split,
    wilson,
)
from mailer.campaigns.counting import NOBODY, Counts, Ordered, Trial
from mailer.campaigns.draft import (
    ALL,
    FIGURES,
    Cell,
    Draft,
    Money,
    add_money,
    add_row,
    add_share,
    figures_in,
    money_of,
)
from mailer.campaigns.splits import Measure, Split
from mailer.delivery import HELD_OUT, REST, Books
from mailer.measure import Published
from mailer.orders import Turnover

NONE = Books(0, 0, {}, 0, 0, 0, 0)
FIGURE_OF = {
    Measure.CLICKS: "clicked",
    Measure.OPENS: "opened",
    Measure.ORDERS: "buyers",
    Measure.OPT_OUTS: "opted_out",
}
MAILED, HELD = "mailed", "held out"


@dataclass(frozen=True, slots=True)
class PartFigures:
    """What became of one variant's people, or of those who waited for the choice."""

    name: str
    books: Books
    figures: Mapping[str, Published]
    """Those of a domain, and `buyers`: who ordered after a click."""
    money: Sequence[Money]
    rate: Interval | None
    """Where the share lies that the test measures; None where its figure is withheld."""


@dataclass(frozen=True, slots=True)
class Lead:
    """By how much of a share the best variant leads another."""

    over: str
    by: Interval


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which variant is better, as far as one look can tell now from what may be shown.

    It decides nothing: what was chosen, and by which look, stands with the campaign.
    """

    winner: str | None
    """None: too few to tell."""
    best: str
    leads: Sequence[Lead]
    confidence: float
    """How sure this look is by itself, the clock's own measure; each further look is less so."""


@dataclass(frozen=True, slots=True)
class Group:
    """People of whom some ordered, whatever made them."""

    people: int
    buyers: Published
    money: Sequence[Money]


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Who was mailed beside who was held out, in one span of time."""

    books: Books
    mailed: Group
    held_out: Group
    since: datetime
    before: datetime
    lead: Interval | None
    """By how much the share of buyers is larger among the mailed; None where one is withheld."""


@dataclass(frozen=True, slots=True)
class TrialFigures:
    """What a split test found."""

    measure: Measure
    variants: Sequence[PartFigures]
    """Of the sample alone, where there is one: who waited for the choice came later."""
    rest: PartFigures | None
    verdict: Verdict | None
    """None where a figure that it rests on is withheld."""
    holdout: HoldOut | None


def add_trial(draft: Draft, counts: Counts, split: Split) -> None:
    """Add the cells of a split test to a report, and what adds up to what."""
    if split.variants:
        parts = _parts(counts.trial, split)
        for part in parts:
            _add_part(draft, counts.trial, part)
        for name in FIGURES:
            draft.add_up((*ALL, name), [("variant", part, name) for part in parts])
        for each in counts.turnover:
            theirs = [(_money_of(part), each.currency, "buyers") for part in parts]
            draft.cells |= {cell: 0 for cell in theirs if cell not in draft.cells}
            draft.add_up(("money", each.currency, "buyers"), theirs)
    if counts.effect is not None:
        _add_group(draft, MAILED, counts.effect.mailed)
        _add_group(draft, HELD, counts.effect.held_out)


def _parts(trial: Trial, split: Split) -> list[str]:
    numbers = [str(number) for number in range(1, len(split.variants) + 1)]
    return [*numbers, *([REST] if REST in trial.reached else [])]


def _money_of(part: str) -> str:
    return f"money of variant {part}"


def _add_part(draft: Draft, trial: Trial, part: str) -> None:
    row = ("variant", part)
    add_row(draft, row, _of_part(trial, part))
    draft.exact.add((*row, "handed_over"))
    buyers, clicked = (*row, "buyers"), (*row, "clicked")
    draft.cells[buyers] = trial.buyers.get(part, 0)
    add_share(draft, buyers, of=clicked)
    _add_money(draft, _money_of(part), trial.turnover.get(part, ()), buyers)


def _of_part(trial: Trial, part: str) -> dict[str, int]:
    return figures_in(trial.reached.get(part, NOBODY), trial.opened, trial.clicked, part)


def _add_group(draft: Draft, name: str, ordered: Ordered) -> None:
    people, buyers = ("effect", name, "people"), ("effect", name, "buyers")
    draft.cells |= {people: ordered.people, buyers: ordered.buyers}
    draft.exact.add(people)
    add_share(draft, buyers, of=people)
    _add_money(draft, name, ordered.turnover, buyers)


def _add_money(draft: Draft, part: str, turnover: Sequence[Turnover], buyers: Cell) -> None:
    """Add the buyers by currency; of a single one they are all buyers that there are."""
    if len(turnover) != 1:
        add_money(draft, part, turnover, of=buyers)
        return
    cell = (part, turnover[0].currency, "buyers")
    draft.cells[cell] = turnover[0].buyers
    draft.add_up(buyers, [cell])


def trial_of(
    counts: Counts, split: Split, books: Mapping[str, Books], shown: Mapping[Cell, Published]
) -> TrialFigures:
    """Read the figures of a split test out of a report's cells as they may be shown."""
    trial = counts.trial
    parts = {
        part: _part(trial, part, _name(split, part), split.measure, books, shown)
        for part in (_parts(trial, split) if split.variants else [])
    }
    variants = [each for part, each in parts.items() if part != REST]
    return TrialFigures(
        measure=split.measure,
        variants=variants,
        rest=parts.get(REST),
        verdict=_verdict(variants, split) if variants else None,
        holdout=_holdout(counts, books, shown),
    )


def _name(split: Split, part: str) -> str:
    return part if part == REST else split.name_of(int(part))


def _part(
    trial: Trial,
    part: str,
    name: str,
    measure: Measure,
    books: Mapping[str, Books],
    shown: Mapping[Cell, Published],
) -> PartFigures:
    figures = {each: shown["variant", part, each] for each in (*FIGURES, "buyers")}
    handed, did = figures["handed_over"], figures[FIGURE_OF[measure]]
    rate = None
    if isinstance(handed, int) and isinstance(did, int):
        rate = wilson(Tried(0, handed, did))
    return PartFigures(
        name=name,
        books=books.get(part, NONE),
        figures=figures,
        money=list(money_of(_money_of(part), trial.turnover.get(part, ()), shown)),
        rate=rate,
    )


def _verdict(variants: Sequence[PartFigures], split: Split) -> Verdict | None:
    """Judge by what is shown alone, so that a verdict tells nothing of what is withheld.

    As strictly as the clock does at each of its looks.
    """
    tried = list(_tried(variants, split.measure))
    if len(tried) < len(variants):
        return None
    looks = split.sample.looks if split.sample else 1
    judged, names = judge_split(tried, looks=looks), [each.name for each in variants]
    return Verdict(
        winner=None if judged.winner is None else names[judged.winner],
        best=names[judged.best],
        leads=[Lead(names[each.variant], each.by) for each in judged.leads],
        confidence=confidence_of(looks),
    )


def _tried(variants: Sequence[PartFigures], measure: Measure) -> Iterator[Tried]:
    for number, each in enumerate(variants):
        handed, did = each.figures["handed_over"], each.figures[FIGURE_OF[measure]]
        if isinstance(handed, int) and isinstance(did, int):
            yield Tried(number, handed, handed - did if measure.is_bad else did)


def _holdout(
    counts: Counts, books: Mapping[str, Books], shown: Mapping[Cell, Published]
) -> HoldOut | None:
    effect = counts.effect
    if effect is None:
        return None
    mailed = _group(MAILED, effect.mailed, shown)
    held_out = _group(HELD, effect.held_out, shown)
    return HoldOut(
        books=books.get(str(HELD_OUT), NONE),
        mailed=mailed,
        held_out=held_out,
        since=effect.since,
        before=effect.before,
        lead=_lead(mailed, held_out),
    )


def _group(name: str, ordered: Ordered, shown: Mapping[Cell, Published]) -> Group:
    money = list(money_of(name, ordered.turnover, shown))
    return Group(ordered.people, shown["effect", name, "buyers"], money)


def _lead(mailed: Group, held_out: Group) -> Interval | None:
    some, others = mailed.buyers, held_out.buyers
    if not isinstance(some, int) or not isinstance(others, int):
        return None
    return difference(Tried(1, mailed.people, some), Tried(2, held_out.people, others))
