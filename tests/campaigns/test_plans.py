"""Plans: when a campaign leaves, by which clock, how often; and what is refused with its fix."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from pydantic import ValidationError

from mailer.campaigns import Plan, Repeat
from mailer.zones import zone_of

BERLIN = "Europe/Berlin"
NOON = datetime(2026, 10, 20, 12, tzinfo=UTC)


def plan(at: str, **more: Any) -> Plan:
    return Plan.model_validate({"at": at, **more})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(first: date, **rule: Any) -> list[str]:
    repeat = Repeat.model_validate(rule)
    return [each.isoformat() for each in islice(repeat.days(first), 5)]


def test_a_moment_with_its_offset_is_that_moment_and_the_simple_case() -> None:
    simple = plan("2026-12-02T14:00:00+01:00")
    assert simple.begins(NOON) == utc("2026-12-02T13:00")
    assert not simple.is_by_zone
    assert simple.hours is None


def test_now_is_now() -> None:
    assert plan("now").begins(NOON) == NOON
    assert not plan("now").is_past(NOON)


@pytest.mark.parametrize(
    ("wall", "moment"),
    [
        ("2026-10-25T09:00", "2026-10-25T08:00"),
        ("2026-10-25T02:30", "2026-10-25T00:30"),
        ("2027-03-28T02:30", "2027-03-28T01:30"),
    ],
)
def test_a_wall_time_is_read_in_its_zone_on_days_of_23_and_25_hours(wall: str, moment: str) -> None:
    assert plan(wall, zone=BERLIN).begins(NOON) == utc(moment)


def test_everybodys_own_time_begins_before_the_first_clock_and_ends_with_the_last() -> None:
    local = plan("2026-10-25T09:00", zone=BERLIN, local=True)
    begun = local.begins(NOON)
    dues = {name: local.due_in(ZoneInfo(name), begun) for name in available_timezones()}
    assert begun < min(dues.values()) == utc("2026-10-24T19:00")
    assert max(dues.values()) == utc("2026-10-25T21:00")
    assert all(due.astimezone(ZoneInfo(name)).hour == 9 for name, due in dues.items())
    assert not local.is_past(utc("2026-10-25T20:59"))
    assert local.is_past(utc("2026-10-25T21:00"))


def test_whose_time_has_just_passed_is_mailed_at_once_and_others_a_day_later() -> None:
    local = plan("2026-10-25T09:00", zone=BERLIN, local=True)
    begun = utc("2026-10-25T08:40")  # 9:40 in Berlin, 12:40 in Dubai, 4:40 in New York
    assert local.due_in(ZoneInfo(BERLIN), begun) == begun
    assert local.due_in(ZoneInfo("Asia/Dubai"), begun) == utc("2026-10-26T05:00")
    assert local.due_in(ZoneInfo("America/New_York"), begun) == utc("2026-10-25T13:00")
    assert local.due_in(ZoneInfo(BERLIN), utc("2026-10-28T12:00")) == utc("2026-10-29T08:00")


def test_with_quiet_hours_one_moment_becomes_the_next_morning_of_those_who_sleep() -> None:
    quiet = plan("2026-10-24T19:00Z", zone=BERLIN, quiet_hours={})
    begun = quiet.begins(NOON)
    assert quiet.due_in(ZoneInfo("America/New_York"), begun) == begun
    assert quiet.due_in(ZoneInfo(BERLIN), begun) == utc("2026-10-25T07:00")
    assert quiet.due_in(zone_of("", quiet.home.key), begun) == utc("2026-10-25T07:00")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"every": "day"}, "10-28 10-29 10-30 10-31 11-01"),
        ({"every": "day", "step": 3}, "10-28 10-31 11-03 11-06 11-09"),
        ({"every": "day", "times": 2}, "10-28 10-29"),
        ({"every": "day", "until": "2026-10-30"}, "10-28 10-29 10-30"),
        ({"every": "week"}, "10-28 11-04 11-11 11-18 11-25"),
        ({"every": "week", "on": ["friday", "monday"]}, "10-30 11-02 11-06 11-09 11-13"),
        (
            {"every": "week", "step": 2, "on": ["monday", "thursday"]},
            "10-29 11-09 11-12 11-23 11-26",
        ),
        ({"every": "month"}, "10-28 11-28 12-28 01-28 02-28"),
        ({"every": "month", "day": 31}, "10-31 11-30 12-31 01-31 02-28"),
        ({"every": "month", "day": 1}, "11-01 12-01 01-01 02-01 03-01"),
        ({"every": "month", "step": 6}, "10-28 04-28 10-28 04-28 10-28"),
    ],
)
def test_a_rule_of_the_calendar_names_its_days(rule: dict[str, Any], expected: str) -> None:
    assert [each[5:] for each in days(date(2026, 10, 28), **rule)] == expected.split()


def test_a_repetition_keeps_its_wall_time_across_a_clock_change() -> None:
    weekly = plan("2026-10-22T09:00", zone=BERLIN, repeat={"every": "week"})
    assert list(islice(weekly.beginnings(0), 2)) == [
        utc("2026-10-22T07:00"),
        utc("2026-10-29T08:00"),
    ]


def test_a_deadline_moves_along_with_each_occurrence() -> None:
    weekly = plan(
        "2026-10-22T09:00", zone=BERLIN, use_by="2026-10-22T18:00", repeat={"every": "week"}
    )
    second = weekly.once(2)
    assert (second.begins(NOON), second.deadline) == (
        utc("2026-10-29T08:00"),
        utc("2026-10-29T17:00"),
    )
    assert second.repeat is None


@pytest.mark.parametrize(
    ("moment", "deadline", "ends"),
    [
        # From 2:15 to 3:00 is no time on the day whose clocks jump from 2:00 to 3:00.
        ("2027-03-27T02:15", "2027-03-27T03:00", "2027-03-28T02:00"),
        ("2027-03-27T01:50", "2027-03-27T02:40", "2027-03-28T01:40"),
    ],
)
def test_a_deadline_that_a_clock_change_swallows_leaves_as_long_as_the_first_time_has(
    moment: str, deadline: str, ends: str
) -> None:
    daily = plan(moment, zone=BERLIN, use_by=deadline, repeat={"every": "day"})
    second = daily.once(2)
    assert second.deadline == utc(ends)
    assert Plan.model_validate(second.stored()) == second


def test_occurrences_that_nobody_could_begin_are_passed_over() -> None:
    daily = plan("2026-10-20T09:00", zone=BERLIN, repeat={"every": "day", "times": 5})
    assert daily.next_after(1, utc("2026-10-20T07:00")) == 2
    assert daily.next_after(1, utc("2026-10-22T12:00")) == 4
    assert daily.next_after(5, utc("2026-10-24T07:00")) is None
    assert daily.next_after(1, utc("2026-12-01T00:00")) is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "Field required"),
        ({"at": 5}, "is a bare number"),
        ({"at": None}, "is empty"),
        ({"at": "2026-12-02T09:00Z", "use_by": "now"}, "valid datetime"),
        ({"at": "now", "zone": BERLIN, "quiet_hours": {"before": 28800}}, "is a bare number"),
        ({"at": "2026-12-02T09:00"}, "`zone` is missing"),
        ({"at": "2026-12-02T09:00", "zone": "Mars/Base"}, "is no time zone"),
        ({"at": "2026-12-02T09:00Z", "quiet_hours": {}}, "`zone` is missing"),
        ({"at": "0001-01-01T00:00Z"}, "is too far away"),
        ({"at": "9999-12-31T00:00", "zone": BERLIN, "local": True}, "is too far away"),
        ({"at": "now", "zone": BERLIN, "local": True}, "`now` is one moment for everybody"),
        ({"at": "2026-12-02T09:00Z", "zone": BERLIN, "local": True}, "has no offset"),
        (
            {"at": "2026-12-02T21:00", "zone": BERLIN, "local": True, "quiet_hours": {}},
            "`at` lies in the quiet hours",
        ),
        (
            {"at": "now", "zone": BERLIN, "quiet_hours": {"before": "20:00", "after": "08:00"}},
            "leave no time",
        ),
        ({"at": "now", "zone": BERLIN, "quiet_hours": {"before": "08:00Z"}}, "has an offset"),
        ({"at": "2026-12-02T09:00Z", "use_by": "2026-12-02T09:00Z"}, "`use_by` is not after"),
        ({"at": "2026-12-02T09:00", "zone": BERLIN, "repeat": {"every": "year"}}, "'month'"),
        (
            {"at": "2026-12-02T09:00", "zone": BERLIN, "repeat": {"every": "day", "day": 3}},
            "`day` is a day of a month",
        ),
        (
            {
                "at": "2026-12-02T09:00",
                "zone": BERLIN,
                "repeat": {"every": "day", "on": ["monday"]},
            },
            "`on` names days of a week",
        ),
        (
            {
                "at": "2026-12-02T09:00",
                "zone": BERLIN,
                "repeat": {"every": "day", "until": "2026-12-01"},
            },
            "this repetition has no day",
        ),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_and_says_why(
    body: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        Plan.model_validate(body)


@pytest.mark.parametrize(
    "body",
    [
        {"at": "now"},
        {"at": "2026-12-02T14:00:00Z"},
        {
            "at": "2026-12-02T09:00",
            "zone": BERLIN,
            "local": True,
            "quiet_hours": {"after": "18:00"},
        },
        {
            "at": "2026-12-02T09:00",
            "zone": BERLIN,
            "use_by": "2026-12-03T09:00",
            "repeat": {"every": "week", "on": ["monday"], "until": "2027-01-01"},
        },
    ],
)
def test_a_stored_plan_reads_back_as_the_same_plan(body: dict[str, Any]) -> None:
    made = Plan.model_validate(body)
    assert Plan.model_validate(made.stored()) == made
    assert made.once(1).once(1) == made.once(1)
    assert timedelta(0) <= made.at_once().begins(NOON) - NOON
