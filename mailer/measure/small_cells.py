"""Which figures of a report leave this room, so that none that is small can be told (C15). Pure.

A figure below ten is withheld, and so is what would give it away by subtraction: a total less the
parts that are shown, or all less those who did (docs/decisions/small-cells.md).
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mailer.measure.published import FEWEST, Published

Cell = TypeVar("Cell", bound=Hashable)
Range = tuple[float, float]
SMALL: Range = (0, FEWEST - 1)
ANY: Range = (0, math.inf)
PASSES = 30


@dataclass(frozen=True, slots=True)
class Sum(Generic[Cell]):
    """That the parts together are the whole, nobody in two of them: whoever reads knows this."""

    whole: Cell
    parts: tuple[Cell, ...]
    is_base: bool = False
    """The whole is who could be counted, so that a part may be 'all but fewer than 10' of them."""


def publish(
    counts: Mapping[Cell, int],
    sums: Sequence[Sum[Cell]],
    *,
    exact: AbstractSet[Cell] = frozenset(),
    unsaid: AbstractSet[Cell] = frozenset(),
) -> dict[Cell, Published]:
    """Return each count of people as it may be shown.

    Below ten it is withheld, zero included. Where what is shown would let a withheld one be
    worked out through one of `sums`, closer than 'fewer than 10' says, the smallest other part of
    that sum is withheld too. `exact` are shown whatever they are (the books, which must add up);
    `unsaid` are those that the report never shows, such as who did nothing: kept from being
    worked out likewise.
    """
    table = _Table(counts, sums, exact, unsaid)
    table.mend_all()
    while table.mend_what_is_deduced():
        table.mend_all()
    return {cell: table.said(cell) for cell in counts if cell not in unsaid}


@dataclass(slots=True)
class _Table(Generic[Cell]):
    counts: Mapping[Cell, int]
    sums: Sequence[Sum[Cell]]
    exact: AbstractSet[Cell]
    unsaid: AbstractSet[Cell]
    hidden: dict[Cell, Range] = field(init=False)
    """Between which bounds a reader knows each figure that is not shown."""
    bases: dict[Cell, Cell] = field(init=False)
    most: dict[Cell, float] = field(init=False)
    """What no figure can exceed, as the exact ones say: of two people, no more than two did it."""

    def __post_init__(self) -> None:
        self.bases = {part: each.whole for each in self.sums if each.is_base for part in each.parts}
        self.hidden = dict.fromkeys(self.unsaid, ANY)
        self.most = {cell: self.counts[cell] for cell in self.exact}
        for one in (*self.sums, *self.sums):  # twice, since a part may be a whole of an earlier sum
            for cell in one.parts:
                reach = self.most.get(one.whole, math.inf)
                self.most[cell] = min(reach, self.most.get(cell, math.inf))
        small = (cell for cell, count in self.counts.items() if count < FEWEST)
        self.hidden |= {cell: SMALL for cell in small if cell not in self.exact}

    def mend_all(self) -> None:
        """Withhold more, until no sum by itself gives anything away."""
        while any(self._leaks(each) and self._mend(each) for each in self.sums):
            pass

    def mend_what_is_deduced(self) -> bool:
        """Withhold one more where several sums together give a small figure away; say whether."""
        known = self._deduced()
        return any(
            self._is_deduced(cell, known) and self._mend(one)
            for one in self.sums
            for cell in one.parts
        )

    def _mend(self, one: Sum[Cell]) -> bool:
        if self._hide_beside(one):
            return True
        # Nothing else is left to withhold: do not even say which of them are small.
        small = [cell for cell in one.parts if self.hidden.get(cell) == SMALL]
        self.hidden |= dict.fromkeys(small, ANY)
        return bool(small)

    def _hide_beside(self, one: Sum[Cell]) -> bool:
        """Withhold the smallest part of a sum that is shown, or the whole; say whether it could."""
        others = [cell for cell in one.parts if self._can_hide(cell)]
        chosen = min(others, key=self.counts.__getitem__, default=one.whole)
        if not self._can_hide(chosen):
            return False
        self.hidden[chosen] = self._range_when_hidden(chosen)
        return True

    def said(self, cell: Cell) -> Published:
        """Return a figure as it is shown."""
        bounds = self.hidden.get(cell)
        if bounds is None:
            return self.counts[cell]
        if bounds == SMALL:
            return "fewer than 10"
        return "withheld" if bounds == ANY else "all but fewer than 10"

    def _leaks(self, one: Sum[Cell]) -> bool:
        """Say whether this sum narrows what is known of a withheld figure.

        Of one that is large too: it would give away the small one for whose sake it is withheld.
        """
        low, high = self._bounds(one.parts)
        if self._is_kept(one.whole) and high - low < SMALL[1]:
            return True
        kept = [cell for cell in one.parts if self._is_kept(cell)]
        return any(self._is_narrowed(cell, one) for cell in kept) or self._shows_a_small_rest(one)

    def _deduced(self) -> dict[Cell, Range]:
        """Narrow down what is withheld as a reader can, by each sum in turn until nothing moves.

        Figures that were counted a moment apart may contradict each other: then it never would end.
        """
        known = {cell: self._range(cell) for cell in self.counts}
        sums = [one for one in self.sums if any(cell in self.hidden for cell in one.parts)]
        for _ in range(PASSES):
            before = dict(known)
            for one in sums:
                _narrow(known, one)
            if known == before:
                break
        return known

    def _is_deduced(self, cell: Cell, known: Mapping[Cell, Range]) -> bool:
        if self.counts[cell] >= FEWEST or cell in self.exact or not self._is_kept(cell):
            return False
        low, high = known[cell]
        return low > 0 or high < min(SMALL[1], self.most[cell])

    def _is_kept(self, cell: Cell) -> bool:
        """Say whether a figure must stay unknown; a large one that nobody reads need not."""
        bounds = self.hidden.get(cell)
        return bounds is not None and not (bounds == ANY and cell in self.unsaid)

    def _is_narrowed(self, cell: Cell, one: Sum[Cell]) -> bool:
        """Say whether the other parts and the whole leave fewer than ten values for a part."""
        low, high = self.hidden[cell]
        whole_low, whole_high = self._range(one.whole)
        others_low, others_high = self._bounds(each for each in one.parts if each != cell)
        least, most = max(low, whole_low - others_high), min(high, whole_high - others_low)
        return most - least < min(SMALL[1], self.most[cell])

    def _shows_a_small_rest(self, one: Sum[Cell]) -> bool:
        """Say whether the whole less all parts shown is a figure below ten of its own."""
        unseen = [cell for cell in one.parts if cell in self.hidden]
        if not unseen or one.whole in self.hidden or self.counts[one.whole] < FEWEST:
            return False
        only_small = all(self.hidden[cell] == SMALL for cell in unseen)
        return only_small and sum(self.counts[cell] for cell in unseen) < FEWEST

    def _can_hide(self, cell: Cell) -> bool:
        return cell not in self.hidden and cell not in self.exact

    def _range_when_hidden(self, cell: Cell) -> Range:
        base = self.bases.get(cell)
        if base is None or base in self.hidden:
            return ANY
        whole = self.counts[base]
        return (whole - SMALL[1], whole) if whole - self.counts[cell] < FEWEST else ANY

    def _range(self, cell: Cell) -> Range:
        count = self.counts[cell]
        return self.hidden.get(cell, (count, count))

    def _bounds(self, cells: Iterable[Cell]) -> Range:
        ranges = [self._range(cell) for cell in cells]
        return sum(low for low, _ in ranges), sum(high for _, high in ranges)


def _narrow(known: dict[Cell, Range], one: Sum[Cell]) -> None:
    """Narrow down each part of a sum by the others and the whole, and the whole by its parts."""
    ranges = [known[cell] for cell in one.parts]
    low, high = known[one.whole]
    lows, highs = (
        sum(each for each, _ in ranges),
        sum(each for _, each in ranges if each < math.inf),
    )
    endless = sum(each == math.inf for _, each in ranges)
    for cell, (least, most) in zip(one.parts, ranges, strict=True):
        is_last = endless == (most == math.inf)
        others = highs - (0 if most == math.inf else most) if is_last else math.inf
        known[cell] = max(least, low - others), min(most, high - lows + least)
    known[one.whole] = max(low, lows), min(high, math.inf if endless else highs)
