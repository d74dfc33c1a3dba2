"""No figure below ten can be told from a report: not by reading it, not by subtracting (C15)."""

import math
import random
from collections.abc import Mapping, Sequence

import pytest

from mailer.measure import FEWEST, Published, Sum, publish

pytestmark = pytest.mark.clause("C15")
FEW, WITHHELD, NEARLY_ALL = "fewer than 10", "withheld", "all but fewer than 10"
WHOLE = "whole"


def parts(*counts: int, exact: bool = True) -> dict[str, Published]:
    """Publish a whole that is made of these parts."""
    named = {f"p{n}": count for n, count in enumerate(counts)}
    cells = {WHOLE: sum(counts), **named}
    shown = publish(cells, [Sum(WHOLE, tuple(named))], exact={WHOLE} if exact else frozenset())
    assert shown[WHOLE] == sum(counts) or not exact
    return shown


def share(count: int, *, of: int) -> Published:
    """Publish how many of a base did something."""
    cells = {WHOLE: of, "did": count, "did not": of - count}
    sums = [Sum(WHOLE, ("did", "did not"), is_base=True)]
    return publish(cells, sums, exact={WHOLE}, unsaid={"did not"})["did"]


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, FEW), (9, FEW), (10, 10), (500, 500), (990, 990), (991, NEARLY_ALL), (1000, NEARLY_ALL)],
)
def test_a_share_is_withheld_at_both_ends(count: int, said: Published) -> None:
    assert share(count, of=1000) == said


def test_of_fewer_than_ten_nothing_is_said() -> None:
    assert {share(count, of=9) for count in range(10)} == {FEW}


def test_a_total_less_the_parts_shown_tells_nothing_of_the_part_withheld() -> None:
    shown = parts(300, 40, 3)
    assert (shown["p0"], shown["p1"], shown["p2"]) == (300, WITHHELD, FEW)


def test_two_small_parts_that_only_just_hide_each_other_take_a_third_along() -> None:
    assert parts(300, 40, 3, 2) == {WHOLE: 345, "p0": 300, "p1": WITHHELD, "p2": FEW, "p3": FEW}


def test_many_small_parts_hide_each_other() -> None:
    shown = parts(300, *[2] * 30)
    assert (shown["p0"], shown["p1"]) == (300, FEW)


def test_parts_that_are_nine_each_are_not_told_by_their_sum() -> None:
    assert parts(300, 40, 9, 9)["p1"] == WITHHELD


def test_where_nothing_is_left_to_hide_behind_nobody_learns_which_is_small() -> None:
    assert parts(7, 5) == {WHOLE: 12, "p0": WITHHELD, "p1": WITHHELD}


def test_a_total_that_need_not_be_shown_goes_where_two_parts_would_tell() -> None:
    cells = {WHOLE: 14, "p0": 9, "rest": 5}
    shown = publish(cells, [Sum(WHOLE, ("p0", "rest"))], unsaid={"rest"})
    assert shown == {WHOLE: WITHHELD, "p0": FEW}


def test_what_hides_a_small_figure_is_itself_hidden_in_every_sum() -> None:
    shown = publish(
        {"row": 363, "a": 300, "b": 60, "c": 3, "column": 90, "d": 30},
        [Sum("row", ("a", "b", "c")), Sum("column", ("b", "d"))],
        exact={"row", "column"},
    )
    assert (shown["b"], shown["c"]) == (WITHHELD, FEW)
    assert shown["d"] == WITHHELD, "else b were 90 - 30, and c were 363 - 300 - 60"


def test_what_nobody_reads_hides_a_small_part_by_itself() -> None:
    cells = {WHOLE: 100, "people": 40, "machines": 3, "nobody": 57}
    sums = [Sum(WHOLE, ("people", "machines", "nobody"), is_base=True)]
    shown = publish(cells, sums, exact={WHOLE}, unsaid={"nobody"})
    assert shown == {WHOLE: 100, "people": 40, "machines": FEW}


def tables(seed: int) -> tuple[dict[str, int], list[Sum[str]], set[str]]:
    """A random table of domains and figures that add up both ways."""
    chance = random.Random(seed)
    rows, columns = chance.randint(2, 6), chance.randint(2, 4)
    high = chance.choice((12, 40, 400))
    cells = {f"{r}.{c}": chance.randint(0, high) for r in range(rows) for c in range(columns)}
    sums = []
    for r in range(rows):
        cells[f"{r}."] = sum(cells[f"{r}.{c}"] for c in range(columns))
        sums.append(Sum(f"{r}.", tuple(f"{r}.{c}" for c in range(columns))))
    for c in ["", *map(str, range(columns))]:
        cells[f".{c}"] = sum(cells[f"{r}.{c}"] for r in range(rows))
        sums.append(Sum(f".{c}", tuple(f"{r}.{c}" for r in range(rows))))
    sums.append(Sum(".", tuple(f".{c}" for c in range(columns))))
    return cells, sums, {"."}


def deduced(
    shown: Mapping[str, Published], sums: Sequence[Sum[str]]
) -> dict[str, tuple[float, float]]:
    """Between which bounds a reader with pencil, paper and patience can put each figure."""
    known = {
        cell: LABELS[said] if isinstance(said, str) else (said, said)
        for cell, said in shown.items()
    }
    before: dict[str, tuple[float, float]] = {}
    while known != before:
        before = dict(known)
        for one in sums:
            for cell in one.parts:
                others = [known[each] for each in one.parts if each != cell]
                low, high = known[one.whole]
                least = low - sum(most for _, most in others)
                most = high - sum(least for least, _ in others)
                known[cell] = max(known[cell][0], least), min(known[cell][1], most)
            every = [known[each] for each in one.parts]
            low, high = known[one.whole]
            low = max(low, sum(least for least, _ in every))
            known[one.whole] = low, min(high, sum(most for _, most in every))
    return known


LABELS = {FEW: (0.0, 9.0), WITHHELD: (0.0, math.inf)}


@pytest.mark.parametrize("seed", range(300))
def test_no_small_figure_of_a_random_table_can_be_worked_out(seed: int) -> None:
    cells, sums, exact = tables(seed)
    shown = publish(cells, sums, exact=exact)
    for cell, (low, high) in deduced(shown, sums).items():
        if cells[cell] < FEWEST and cell not in exact:
            possible = min(high, 9) - low + 1
            assert possible >= min(8, cells["."]), f"{cell} is one of {possible} values"


def test_a_figure_is_shown_as_it_is_or_in_words_and_never_otherwise() -> None:
    for seed in range(50):
        cells, sums, exact = tables(seed)
        for cell, said in publish(cells, sums, exact=exact).items():
            if isinstance(said, int):
                assert said == cells[cell]
                assert said >= FEWEST or cell in exact
            assert said != FEW or cells[cell] < FEWEST
