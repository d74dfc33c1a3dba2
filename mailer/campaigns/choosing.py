"""Which letter of a split test is better, as far as the figures can tell. Pure.

The best one is chosen when it is better than every other by an interval that lies above zero;
'too few to tell' is an answer. Why these intervals: docs/decisions/split-tests.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

ERROR = 0.05
"""How often, at most, two equal letters may be told apart."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the true value lies, as far as can be told."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tried:
    """How a variant fared: of so many people, so many did what was hoped for."""

    variant: int
    people: int
    successes: int

    @property
    def rate(self) -> float:
        """The share of people; zero of nobody."""
        return self.successes / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much the best one leads another."""

    variant: int
    by: Interval


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the figures say: the best one, its lead over each other, and whether that is enough."""

    best: int
    leads: tuple[Difference, ...]

    @property
    def winner(self) -> int | None:
        """The best one where it leads every other; None where there are too few to tell."""
        return self.best if all(each.by.low > 0 for each in self.leads) else None


def judge_split(tried: Sequence[Tried], *, looks: int = 1) -> Judgement:
    """Compare the variants of a split test; the first ones come first where two are equal.

    `looks` is how often the same test may be looked at in all: each look may err less then, so
    that all together err no more often. Raises ValueError for fewer than two variants.
    """
    if len(tried) < 2:
        raise ValueError("a split test has two variants or more")
    z = deviations(1 - confidence_of(looks))
    best = max(tried, key=lambda each: each.rate)
    return Judgement(
        best.variant,
        tuple(
            Difference(each.variant, difference(best, each, z=z))
            for each in tried
            if each is not best
        ),
    )


def confidence_of(looks: int) -> float:
    """Return how sure one look is, of so many at the same test."""
    return 1 - ERROR / looks


def deviations(error: float) -> float:
    """Return how many standard deviations an interval reaches that errs so often, on both sides."""
    return NormalDist().inv_cdf(1 - error / 2)


def wilson(of: Tried, *, z: float = deviations(ERROR)) -> Interval:
    """Return where a rate lies: the score interval of Wilson (1927); all of it for nobody."""
    if not of.people:
        return Interval(0.0, 1.0)
    n, rate = of.people, of.rate
    middle = rate + z * z / (2 * n)
    reach = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return Interval(max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole))


def difference(one: Tried, other: Tried, *, z: float = deviations(ERROR)) -> Interval:
    """Return by how much one rate exceeds another: the hybrid score interval of Newcombe (1998)."""
    mine, theirs = wilson(one, z=z), wilson(other, z=z)
    lead = one.rate - other.rate
    down = sqrt((one.rate - mine.low) ** 2 + (theirs.high - other.rate) ** 2)
    up = sqrt((mine.high - one.rate) ** 2 + (other.rate - theirs.low) ** 2)
    return Interval(max(-1.0, lead - down), min(1.0, lead + up))


def people_needed(rate: float, lead: float) -> int:
    """Return how many people each variant needs so that a lead is told four times in five."""
    second = min(1.0, rate + lead)
    spread = rate * (1 - rate) + second * (1 - second)
    reach = deviations(ERROR) + NormalDist().inv_cdf(0.8)
    return round(reach * reach * spread / (lead * lead))
