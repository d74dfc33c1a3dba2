"""Which letter is better: equal ones are seldom told apart, and clear ones are."""

import random
from bisect import bisect
from functools import lru_cache
from itertools import accumulate
from math import exp, isclose, lgamma, log, log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.campaigns.choosing import (
    Tried,
    deviations,
    difference,
    judge_split,
    people_needed,
    wilson,
)

GAMES = 4000


@st.composite
def tried(draw: st.DrawFn, variant: int = 1) -> Tried:
    people = draw(st.integers(0, 100_000))
    return Tried(variant, people, draw(st.integers(0, people)))


def test_the_intervals_are_those_of_the_literature() -> None:
    """Newcombe (1998), Statistics in Medicine 17, 873-890: example (a), method 10."""
    one, other = Tried(1, 70, 56), Tried(2, 80, 48)
    found = difference(one, other)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    alone = wilson(Tried(1, 263, 81))
    assert (round(alone.low, 4), round(alone.high, 4)) == (0.2553, 0.3662)


@given(tried())
def test_an_interval_lies_within_all_rates_and_around_its_own(of: Tried) -> None:
    found = wilson(of)
    assert 0 <= found.low <= found.high <= 1
    assert found.low - 1e-9 <= of.rate <= found.high + 1e-9 or of.people == 0


@given(tried(), tried(2))
def test_a_difference_is_the_other_way_round_from_the_other_side(one: Tried, other: Tried) -> None:
    here, there = difference(one, other), difference(other, one)
    assert isclose(here.low, -there.high, abs_tol=1e-9)
    assert isclose(here.high, -there.low, abs_tol=1e-9)


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 1)), min_size=2, max_size=5))
def test_a_winner_leads_and_the_order_of_the_variants_does_not_matter(
    given_: list[tuple[int, float]],
) -> None:
    some = [
        Tried(number, people, int(people * share))
        for number, (people, share) in enumerate(given_, start=1)
    ]
    judged = judge_split(some)
    assert judged.winner == judge_split(some[::-1]).winner
    if judged.winner is not None:
        best = next(each for each in some if each.variant == judged.winner)
        assert all(best.rate > each.rate for each in some if each is not best)


@given(st.integers(2, 5), st.integers(0, 3000), st.integers(1, 4))
def test_equal_figures_have_no_winner(count: int, successes: int, looks: int) -> None:
    some = [Tried(number, 3000, successes) for number in range(1, count + 1)]
    assert judge_split(some, looks=looks).winner is None


@given(tried(), st.integers(2, 5))
def test_who_may_look_more_often_needs_more(other: Tried, looks: int) -> None:
    some = [Tried(2, 1000, 100), other]
    if (winner := judge_split(some, looks=looks).winner) is not None:
        assert judge_split(some).winner == winner
    assert deviations(0.05 / looks) > deviations(0.05)


def test_nobody_and_one_variant_tell_nothing() -> None:
    assert judge_split([Tried(1, 0, 0), Tried(2, 0, 0)]).winner is None
    with pytest.raises(ValueError, match="two variants"):
        judge_split([Tried(1, 10, 5)])


@pytest.mark.parametrize("people", [50, 300, 5000])
@pytest.mark.parametrize("rate", [0.002, 0.02, 0.3])
@pytest.mark.parametrize("variants", [2, 3, 5])
def test_equal_letters_are_told_apart_once_in_twenty_at_most(
    variants: int, rate: float, people: int
) -> None:
    """Fixed seeds, so that what is found is found again; 0.011 are three standard errors."""
    chance = random.Random(f"{variants} {rate} {people}")
    told = sum(
        judge_split(_game(chance, [rate] * variants, people)).winner is not None
        for _ in range(GAMES)
    )
    assert told / GAMES <= 0.05 + 0.011


@pytest.mark.parametrize("worse", [0, 1, 3])
def test_the_better_of_two_equal_ones_is_not_told_however_bad_the_others_are(worse: int) -> None:
    chance = random.Random(worse)
    rates = [0.1, 0.1, *[0.02] * worse]
    told = sum(judge_split(_game(chance, rates, 1000)).winner is not None for _ in range(GAMES))
    assert told / GAMES <= 0.05 + 0.011


def test_two_looks_together_err_no_more_often_than_one() -> None:
    chance, wrong = random.Random(7), 0
    for _ in range(GAMES):
        early = _game(chance, [0.1, 0.1], 500)
        more = _game(chance, [0.1, 0.1], 500)
        late = [
            Tried(one.variant, 1000, one.successes + two.successes)
            for one, two in zip(early, more, strict=True)
        ]
        looks = (judge_split(each, looks=2).winner for each in (early, late))
        wrong += any(winner is not None for winner in looks)
    assert wrong / GAMES <= 0.05 + 0.011


def test_as_many_people_as_it_says_tell_a_difference_four_times_in_five() -> None:
    chance = random.Random(11)
    people = people_needed(0.02, 0.02)
    assert 1000 < people < 1300
    told = sum(judge_split(_game(chance, [0.02, 0.04], people)).winner == 2 for _ in range(GAMES))
    assert 0.76 < told / GAMES < 0.84


def _game(chance: random.Random, rates: list[float], people: int) -> list[Tried]:
    return [
        Tried(number, people, bisect(_table(people, rate), chance.random()))
        for number, rate in enumerate(rates, start=1)
    ]


@lru_cache
def _table(people: int, rate: float) -> list[float]:
    """How likely so many successes or fewer are, for 0, 1, 2 …"""
    ways = (lgamma(people + 1) - lgamma(k + 1) - lgamma(people - k + 1) for k in range(people + 1))
    chances = (exp(way + k * log(rate) + (people - k) * log1p(-rate)) for k, way in enumerate(ways))
    return list(accumulate(chances))[:-1]
