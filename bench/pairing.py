"""How two things are measured beside each other: in turns, the middle pair counts."""

import math
from collections.abc import Callable, Sequence

from bench.values import Better, Pair


def in_turns(
    ours: Callable[[], float], yardstick: Callable[[], float], *, pairs: int
) -> list[Pair]:
    """Measure both as often as `pairs` says, each pair together and every second one turned round.

    Whatever changes on the machine while it runs falls on both sides alike.
    """
    taken = []
    for n in range(pairs):
        if n % 2:
            second = yardstick()
            taken.append(Pair(ours(), second))
        else:
            first = ours()
            taken.append(Pair(first, yardstick()))
    return taken


def against_goal(ours: Callable[[], float], goal: float, *, runs: int) -> list[Pair]:
    """Measure as often as `runs` says beside a goal that stands still."""
    return [Pair(ours(), goal) for _ in range(runs)]


def ratio_of(pair: Pair, better: Better) -> float:
    """Return how good ours is beside the yardstick: larger is better, whatever is measured."""
    above, below = pair.ours, pair.yardstick
    if better is Better.LESS:
        above, below = below, above
    if below <= 0:
        raise ValueError(f"cannot compare {pair}")
    return above / below


def middle(pairs: Sequence[Pair], better: Better) -> Pair:
    """Return the pair whose ratio is the median; of an even number, the lesser of the two."""
    ranked = sorted(pairs, key=lambda pair: ratio_of(pair, better))
    return ranked[(len(ranked) - 1) // 2]


def spread(pairs: Sequence[Pair], better: Better) -> tuple[float, float]:
    """Return the least and the largest ratio."""
    ratios = [ratio_of(pair, better) for pair in pairs]
    return min(ratios), max(ratios)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all do not exceed, by nearest rank."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
