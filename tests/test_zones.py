"""Wall clocks as moments: days of 23 and 25 hours, an hour that comes twice, a day that never came."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.zones import (
    QuietHours,
    change_on,
    is_waking,
    is_zone,
    moment_of,
    waking_from,
    zone_of,
)

BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
NEW_YORK, APIA = ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia")
HOURS = QuietHours(time(8), time(20), "UTC")
ZONES = (BERLIN, LORD_HOWE, NEW_YORK, APIA, ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "wall", "moment"),
    [
        (BERLIN, "2026-10-24T09:00", "2026-10-24T07:00"),
        (BERLIN, "2026-10-25T09:00", "2026-10-25T08:00"),
        (BERLIN, "2026-10-25T02:30", "2026-10-25T00:30"),  # comes twice: the first time
        (BERLIN, "2027-03-28T02:30", "2027-03-28T01:30"),  # is left out: half past three
        (NEW_YORK, "2026-11-01T01:30", "2026-11-01T05:30"),
        (NEW_YORK, "2027-03-14T02:30", "2027-03-14T07:30"),
        (LORD_HOWE, "2026-10-04T02:15", "2026-10-03T15:45"),  # half an hour is left out
        (LORD_HOWE, "2027-04-04T01:45", "2027-04-03T14:45"),  # and comes twice
        (APIA, "2011-12-30T09:00", "2011-12-30T19:00"),  # a day that never came: the one after it
    ],
)
def test_a_wall_time_has_one_moment_also_where_it_comes_twice_or_never(
    zone: ZoneInfo, wall: str, moment: str
) -> None:
    assert moment_of(datetime.fromisoformat(wall), zone) == utc(moment)


def test_a_doubled_wall_time_has_a_second_moment_for_those_who_ask_for_it() -> None:
    twice = datetime.fromisoformat("2026-10-25T02:30")
    first, second = moment_of(twice, BERLIN), moment_of(twice, BERLIN, again=True)
    assert second - first == timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "day", "at", "minutes"),
    [
        (BERLIN, date(2026, 10, 25), "2026-10-25T01:00", -60),
        (BERLIN, date(2027, 3, 28), "2027-03-28T01:00", 60),
        (NEW_YORK, date(2026, 11, 1), "2026-11-01T06:00", -60),
        (LORD_HOWE, date(2027, 4, 4), "2027-04-03T15:00", -30),
        (LORD_HOWE, date(2026, 10, 4), "2026-10-03T15:30", 30),
        (APIA, date(2011, 12, 31), "2011-12-30T10:00", 24 * 60),
    ],
)
def test_a_clock_change_is_found_on_its_day(
    zone: ZoneInfo, day: date, at: str, minutes: int
) -> None:
    change = change_on(day, zone)
    assert change is not None
    assert (change.at, change.shift) == (utc(at), timedelta(minutes=minutes))
    assert change_on(day + timedelta(days=1), zone) is None
    assert change_on(day - timedelta(days=2), zone) is None


def test_a_zone_that_nobody_knows_is_read_as_the_other_one() -> None:
    assert zone_of("Mars/Base", "Europe/Berlin") == BERLIN
    assert zone_of("", "Europe/Berlin") == BERLIN
    assert zone_of("Pacific/Apia", "Europe/Berlin") == APIA
    assert is_zone("Pacific/Apia")
    assert not any(map(is_zone, ("", "Mars/Base", "../etc/passwd", "europe")))


@pytest.mark.parametrize(
    ("zone", "at", "until"),
    [
        (BERLIN, "2026-10-24T12:00", "2026-10-24T12:00"),
        (BERLIN, "2026-10-24T18:00", "2026-10-25T07:00"),  # eight o'clock on the day of 25 hours
        (BERLIN, "2027-03-27T20:00", "2027-03-28T06:00"),  # and on that of 23
        (LORD_HOWE, "2026-10-03T12:00", "2026-10-03T21:00"),
        (APIA, "2011-12-30T06:30", "2011-12-30T18:00"),  # from the 29th to the 31st
    ],
)
def test_whoever_is_asleep_is_woken_at_eight_by_their_own_clock(
    zone: ZoneInfo, at: str, until: str
) -> None:
    assert waking_from(HOURS, zone, utc(at)) == utc(until)


@given(
    seconds=st.integers(1_262_304_000, 2_051_222_400),  # of 2010 to 2034
    zone=st.sampled_from(ZONES),
    before=st.integers(0, 47),
    length=st.integers(1, 46),
)
def test_nobody_is_ever_woken_in_quiet_hours_and_the_wait_ends_within_three_days(
    seconds: int, zone: ZoneInfo, before: int, length: int
) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    after = min(before + length, 47)
    if after == before:
        before -= 1
    hours = QuietHours(time(before // 2, before % 2 * 30), time(after // 2, after % 2 * 30), "UTC")
    woken = waking_from(hours, zone, at)
    assert is_waking(hours, zone, woken)
    assert timedelta(0) <= woken - at < timedelta(days=3)
    if woken > at:
        assert not is_waking(hours, zone, at)
