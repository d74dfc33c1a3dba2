"""Two things are measured in turns, and the middle pair counts."""

import pytest

from bench.pairing import against_goal, in_turns, middle, percentile, ratio_of, spread
from bench.values import Better, Pair


def test_each_pair_is_measured_together_and_every_second_one_turned_round() -> None:
    order: list[str] = []

    def ours() -> float:
        order.append("ours")
        return 1.0

    def yardstick() -> float:
        order.append("yardstick")
        return 2.0

    pairs = in_turns(ours, yardstick, pairs=3)
    assert order == ["ours", "yardstick", "yardstick", "ours", "ours", "yardstick"]
    assert pairs == [Pair(1.0, 2.0)] * 3


def test_a_rate_twice_that_of_the_yardstick_is_a_ratio_of_two() -> None:
    assert ratio_of(Pair(ours=200, yardstick=100), Better.MORE) == 2.0


def test_half_the_time_of_the_yardstick_is_a_ratio_of_two_as_well() -> None:
    assert ratio_of(Pair(ours=50, yardstick=100), Better.LESS) == 2.0


@pytest.mark.parametrize("better", Better)
def test_a_figure_of_nothing_cannot_be_compared(better: Better) -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        ratio_of(Pair(0.0, 0.0), better)


def test_the_middle_pair_is_the_one_whose_ratio_is_the_median() -> None:
    pairs = [Pair(900, 100), Pair(110, 100), Pair(100, 100), Pair(120, 100), Pair(10, 100)]
    assert middle(pairs, Better.MORE) == Pair(110, 100)
    assert spread(pairs, Better.MORE) == (0.1, 9.0)


def test_of_two_pairs_the_lesser_ratio_counts_in_both_directions() -> None:
    pairs = [Pair(100, 100), Pair(200, 100)]
    assert middle(pairs, Better.MORE) == Pair(100, 100)
    assert middle(pairs, Better.LESS) == Pair(200, 100)


def test_a_goal_stands_still_while_ours_is_measured_again() -> None:
    found = iter([3.0, 1.0, 2.0])
    pairs = against_goal(lambda: next(found), 2.0, runs=3)
    assert middle(pairs, Better.LESS) == Pair(2.0, 2.0)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 0.99) == 99.0
    assert percentile(values, 0.5) == 50.0
    assert percentile([7.0], 0.99) == 7.0
