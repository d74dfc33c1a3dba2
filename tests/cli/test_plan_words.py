"""What a schedule answers: the moment by the clock that was named, the repetition, and remarks."""

import pytest

from mailer.campaigns import Plan
from mailer.cli.plan_words import plan_in_words, remark_on_first
from tests.cli.conftest import House, Run

BERLIN = {"at": "2026-12-02T09:00", "zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"at": "now"}, "at once"),
        ({"at": "2026-12-02T14:00:00+01:00"}, "on Wednesday 2026-12-02 at 13:00, UTC"),
        (BERLIN, "on Wednesday 2026-12-02 at 09:00, Europe/Berlin"),
        (
            {**BERLIN, "repeat": {"every": "week", "on": ["tuesday", "friday"], "times": 4}},
            "on Friday 2026-12-04 at 09:00, Europe/Berlin; "
            "again every week on Tuesday and Friday, 4 times in all",
        ),
        (
            {**BERLIN, "repeat": {"every": "month", "step": 2, "day": 2, "until": "2027-12-31"}},
            "on Wednesday 2026-12-02 at 09:00, Europe/Berlin; "
            "again every 2 months on day 2, until 2027-12-31",
        ),
        ({**BERLIN, "repeat": {"every": "day"}}, BERLIN["at"].replace("T", " at ")),
        (
            {**BERLIN, "local": True, "quiet_hours": {}},
            "on Wednesday 2026-12-02 at 09:00 by everybody's own clock, that of Europe/Berlin "
            "where none is known; nobody from 20:00 to 08:00 by their clock",
        ),
        ({**BERLIN, "use_by": "2026-12-03T09:00:00Z"}, "; refused from 2026-12-03 10:00 Europe"),
    ],
)
def test_a_plan_is_said_by_the_clock_that_it_names(plan: dict[str, object], words: str) -> None:
    assert words in plan_in_words(Plan.model_validate(plan))


def test_who_asks_for_a_wednesday_and_tuesdays_is_told_when_it_begins(
    fpmail: Run, house: House
) -> None:
    words = ("campaign", "schedule", house.draft(), "2098-12-03T09:00", "--zone", "Europe/Berlin")
    more = ("--every", "week", "--on", "tuesday", "--times", 4)
    said = fpmail(*words, *more).out
    assert (
        "It leaves on Tuesday 2098-12-09 at 09:00, Europe/Berlin; again every week on Tue" in said
    )
    remark = "Wednesday 2098-12-03 is no day of this repetition; it begins on Tuesday 2098-12-09"
    assert f"Note: {remark}, the first after it." in said
    ahead = fpmail(*words, *more, "--preview").out
    assert remark in ahead
    assert "again every week on Tuesday, 4 times in all" in ahead
    once = fpmail(*words).out
    assert "It leaves on Wednesday 2098-12-03 at 09:00, Europe/Berlin." in once
    assert "Note" not in once


def test_a_look_ahead_names_the_first_time_that_is_to_come(fpmail: Run, house: House) -> None:
    words = ("campaign", "schedule", house.draft(), "2020-01-01T09:00", "--zone", "UTC")
    ahead = fpmail(*words, "--every", "week", "--preview").out
    assert "Wednesday 2020-01-01 is past; it begins on" in ahead
    assert "It leaves on Wednesday 2020-01-01" not in ahead


@pytest.mark.parametrize("option", ["--times", "--step", "--day"])
def test_a_repetition_of_nothing_is_refused(fpmail: Run, house: House, option: str) -> None:
    words = ("campaign", "schedule", house.draft(), "2098-12-03T09:00", "--zone", "UTC")
    refused = fpmail(*words, "--every", "month", option, 0)
    assert refused.code == 2
    assert option in refused.err


def test_a_repetition_whose_first_day_is_past_says_when_it_begins() -> None:
    plan = Plan.model_validate({**BERLIN, "repeat": {"every": "day"}})
    assert remark_on_first(plan) is None
    told = "Wednesday 2026-12-02 is past; it begins on Friday 2026-12-04."
    assert remark_on_first(plan, occurrence=3) == told
