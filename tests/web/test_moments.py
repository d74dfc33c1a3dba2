"""Times are said in the reader's own zone, named, to the second."""

from datetime import UTC, datetime

import pytest

from preference_center.moments import day, moment, zone_of

AT = datetime(2026, 11, 22, 15, 41, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("America/New_York", "22 November 2026, 10:41:07 EST"),
        ("Asia/Kolkata", "22 November 2026, 21:11:07 IST"),
        ("Asia/Dubai", "22 November 2026, 19:41:07 UTC+04:00"),
        ("Pacific/Auckland", "23 November 2026, 04:41:07 NZDT"),
        ("", "22 November 2026, 15:41:07 UTC"),
        ("Nowhere/Here", "22 November 2026, 15:41:07 UTC"),
        ("../../etc/passwd", "22 November 2026, 15:41:07 UTC"),
    ],
)
def test_a_moment_is_said_in_its_readers_zone(zone: str, text: str) -> None:
    assert moment(AT, zone_of(zone)).text == text


def test_a_moment_carries_its_offset_for_machines() -> None:
    assert moment(AT, zone_of("America/New_York")).iso == "2026-11-22T10:41:07-05:00"


def test_a_day_is_the_readers_day() -> None:
    assert day(AT, zone_of("Pacific/Auckland")).text == "23 November 2026"
