"""By the minute, hour and day: the rule that no window ever has more than its limit."""

from bisect import bisect_left, bisect_right
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mailer.delivery import Limits
from mailer.delivery.limits import BEGIN_SPREAD, DAY, NO_LIMITS, Spent, give_back, room, spend

BEGUN = 1_795_341_600.0

counts = st.none() | st.integers(1, 3000)
paces = st.builds(
    Limits,
    per_minute=counts,
    per_hour=counts,
    per_day=counts,
    warm_up=st.lists(st.integers(1, 500), max_size=3).map(tuple),
)
tries = st.lists(
    st.tuples(
        st.floats(0, 10) | st.floats(0, 5_000) | st.just(DAY),  # seconds since the last try
        st.integers(1, 600),  # messages that are due
        st.floats(0, BEGIN_SPREAD),  # how late the last of them begins
    ),
    max_size=60,
)


@given(paces, tries)
def test_no_window_ever_has_more_than_its_limit(
    limits: Limits, tries: list[tuple[float, int, float]]
) -> None:
    now, spent = BEGUN, Spent()
    turns: list[tuple[float, int]] = []
    begins: list[float] = []
    for wait, wanted, late in tries:
        now += wait
        messages = min(wanted, room(limits, spent, now).messages)
        if messages:
            spent = Spent.read(spend(limits, spent, messages, now).stored())
            turns.append((now, messages))
            begins += [now] * (messages - messages // 2) + [now + late] * (messages // 2)
    assert_kept(limits, turns, begins)


@given(paces, tries, st.lists(st.tuples(st.integers(0, 600), st.floats(0, 60)), max_size=60))
def test_turns_that_are_given_back_let_no_window_have_more_than_its_limit(
    limits: Limits, tries: list[tuple[float, int, float]], stopped: list[tuple[int, float]]
) -> None:
    now, spent = BEGUN, Spent()
    turns: list[tuple[float, int]] = []
    begins: list[float] = []
    back: list[tuple[float, float, int]] = []  # when, of which turn, how many
    for (wait, wanted, late), (stop, after) in zip(tries, stopped, strict=False):
        now += wait
        for when, turn, messages in [each for each in back if each[0] <= now]:
            spent = give_back(limits, spent, messages, turn)
            back.remove((when, turn, messages))
        taken = min(wanted, room(limits, spent, now).messages)
        if taken:
            spent = Spent.read(spend(limits, spent, taken, now).stored())
            begun = taken - min(stop, taken)
            back.append((now + after, now, taken - begun))
            turns.append((now, begun))
            begins += [now] * (begun - begun // 2) + [now + late] * (begun // 2)
    assert_kept(limits, turns, begins)


def assert_kept(limits: Limits, turns: list[tuple[float, int]], begins: list[float]) -> None:
    """No minute, hour or day has more than its limit: of beginnings, and by the day of turns."""
    begins.sort()
    for limit, seconds in ((limits.per_minute, 60), (limits.per_hour, 3600)):
        if limit is not None:
            assert most_in(seconds, begins) <= limit
    for day, count in enumerate(by_day(turns), start=1):
        most = limits.of_day(day)
        assert most is None or count <= most


def most_in(seconds: float, begins: list[float]) -> int:
    """The most beginnings in any so many consecutive seconds, both ends counted."""
    return max(
        (bisect_right(begins, at + seconds) - bisect_left(begins, at) for at in begins), default=0
    )


def by_day(turns: list[tuple[float, int]]) -> list[int]:
    """Messages of each day: 24 hours from its first message on."""
    days: list[int] = []
    opened = float("-inf")
    for at, count in turns:
        if at >= opened + DAY:
            opened = at
            days.append(0)
        days[-1] += count
    return days


@pytest.mark.parametrize("per_minute", [1, 7, 60, 600, 45_000])
@pytest.mark.parametrize("ticks", [0.1, 2.0])
def test_who_comes_at_every_tick_gets_nearly_the_whole_pace_evenly(
    per_minute: int, ticks: float
) -> None:
    limits, spent, now = Limits(per_minute=per_minute), Spent(), BEGUN
    ready_at, turns = now, []
    while now < BEGUN + 1200:
        there = room(limits, spent, now)
        if now >= ready_at and there.messages:
            spent = spend(limits, spent, there.messages, now)
            turns.append((now, there.messages))
            ready_at = room(limits, spent, now).ready_at
        now += ticks
    assert sum(count for _, count in turns) >= 0.85 * 20 * per_minute
    assert max(count for _, count in turns) <= max(1, per_minute / 10)
    assert all(after[0] - before[0] > 0.9 for before, after in pairwise(turns))


def test_an_hours_messages_may_go_at_once_and_the_next_wait_for_the_hour() -> None:
    limits = Limits(per_hour=100)
    spent = spend(limits, Spent(), 100, BEGUN)
    over = room(limits, spent, BEGUN + 60)
    assert over.messages == 0
    assert 3600 < over.ready_at - BEGUN < 3600 + 60 + 2 * BEGIN_SPREAD
    assert room(limits, spent, over.ready_at).messages == 100


def test_a_warm_up_goes_on_where_it_was_after_a_pause() -> None:
    limits, spent = Limits(per_day=5000, warm_up=(500, 1000)), Spent()
    for day, most in ((0, 500), (4, 1000), (5, 5000), (6, 5000)):
        now = BEGUN + day * DAY
        assert room(limits, spent, now).messages == most
        spent = spend(limits, spent, most, now)
        assert room(limits, spent, now + DAY - 1) == (0, now + DAY)


def test_a_slower_pace_counts_what_began_under_the_faster_one() -> None:
    fast, slow = Limits(per_minute=1000), Limits(per_minute=50)
    spent = spend(fast, Spent(), 60, BEGUN)
    assert room(slow, spent, BEGUN + 30).messages == 0


def test_without_limits_there_is_room_for_everybody() -> None:
    assert not NO_LIMITS.is_any
    spent = spend(NO_LIMITS, Spent(), 10**6, BEGUN)
    assert room(NO_LIMITS, spent, BEGUN).messages > 10**6


@pytest.mark.parametrize(
    "unfit", [{"per_minute": 0}, {"per_minute": "600"}, {"warm_up": [0]}, {"per_week": 1}]
)
def test_what_is_no_pace_is_refused(unfit: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate(unfit)


def test_limits_read_back_as_the_same_ones() -> None:
    limits = Limits(per_minute=600, warm_up=(500, 1000))
    assert Limits.model_validate(limits.stored()) == limits
