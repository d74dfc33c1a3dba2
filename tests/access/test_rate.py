"""The brake lets bursts through, slows loops down, and forgets in bounded memory."""

import pytest

from mailer.access import RateLimit


def test_a_burst_passes_and_a_loop_is_slowed() -> None:
    limit = RateLimit(per_second=2, burst=3)
    assert [limit.wait_of("jo", at=10.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.wait_of("jo", at=10.25) == pytest.approx(0.25)
    assert limit.wait_of("jo", at=10.5) == 0


def test_callers_do_not_slow_each_other() -> None:
    limit = RateLimit(per_second=1, burst=1)
    assert [limit.wait_of(who, at=0.0) for who in ("jo", "anna", "jo")] == [0, 0, 1]


def test_a_long_rest_gives_no_more_than_one_burst() -> None:
    limit = RateLimit(per_second=100, burst=2)
    limit.wait_of("jo", at=0.0)
    assert [limit.wait_of("jo", at=1000.0) > 0 for _ in range(3)] == [False, False, True]


def test_whoever_was_away_longest_is_forgotten_first() -> None:
    limit = RateLimit(per_second=0.001, burst=1, callers=2)
    for who in ("jo", "anna", "jo", "mia"):
        limit.wait_of(who, at=0.0)
    assert limit.wait_of("jo", at=0.0) > 0
    assert limit.wait_of("anna", at=0.0) == 0
