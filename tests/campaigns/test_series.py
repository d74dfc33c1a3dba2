"""Hours and days are those of the zone that was asked for, on days of 23 and 25 hours too."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailer.campaigns import ZoneUnknown
from mailer.campaigns.series import (
    counted,
    day_of,
    days_between,
    hour_of,
    hours_between,
    zone_named,
)

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-11-22", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-11-01", 25),
        ("Asia/Kolkata", "2026-03-29", 24),
        ("Australia/Lord_Howe", "2026-04-05", 24),
        ("Australia/Lord_Howe", "2026-10-04", 24),
        ("Africa/Cairo", "2026-04-24", 23),
    ],
)
def test_a_day_has_as_many_hours_as_its_clock_shows(zone: str, day: str, hours: int) -> None:
    clock = ZoneInfo(zone)
    noon = at(f"{day}T12:00").replace(tzinfo=clock)
    begin = day_of(noon, clock)
    end = day_of(begin.astimezone(UTC) + timedelta(hours=36), clock)
    told = list(hours_between(begin, end.astimezone(UTC) - timedelta(seconds=1), clock))
    assert len(told) == hours
    assert len({each.astimezone(UTC) for each in told}) == hours
    assert told[0] == begin


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    first, second = at("2026-10-25T00:20Z"), at("2026-10-25T01:20Z")
    slots = list(hours_between(first, second, BERLIN))
    assert [each.isoformat() for each in slots] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
    ]
    assert counted({first: 3, second: 4}, lambda each: hour_of(each, BERLIN), slots) == [3, 4]


def test_days_follow_each_other_over_both_clock_changes() -> None:
    year = list(days_between(at("2026-01-01T00:00Z"), at("2026-12-31T22:00Z"), BERLIN))
    assert len(year) == 365
    assert {each.hour for each in year} == {0}


def test_an_hour_begins_where_the_zones_clock_says() -> None:
    assert hour_of(at("2026-11-22T10:45Z"), KOLKATA).isoformat() == "2026-11-22T16:00:00+05:30"


def test_empty_slots_are_there_and_what_came_later_is_left_out() -> None:
    begin = at("2026-11-22T10:00Z")
    slots = list(hours_between(begin, begin + timedelta(hours=3), UTC))
    moments = {
        begin - timedelta(milliseconds=5): 1,
        begin + timedelta(minutes=130): 2,
        begin + timedelta(hours=9): 4,
    }
    assert counted(moments, lambda each: hour_of(each, UTC), slots) == [1, 0, 2, 0]


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "Europe", "../etc/passwd", "Europe/Berlin\0"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ZoneUnknown):
        zone_named(name)
