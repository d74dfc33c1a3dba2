"""Schedules on the road: everybody's own time, quiet hours, repetitions, and what is told ahead."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from mailer import campaigns
from mailer.campaigns import CampaignId, MomentPassed, NotScheduled, Plan, State
from mailer.permission import Change
from mailer.vocabulary import Door, Lane, Reason
from mailer.wiring import build_sender
from tests.campaigns.conftest import Desk
from tests.people_of_tests import many_customers

BERLIN = "Europe/Berlin"
ZONES = [
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Asia/Tokyo",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Karachi",
    "Asia/Dubai",
    "Europe/Moscow",
    "Europe/Athens",
    "Europe/Berlin",
    "Europe/London",
    "Atlantic/Azores",
    "America/Noronha",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "Pacific/Honolulu",
    "Pacific/Pago_Pago",
]
STEP = timedelta(minutes=20)


def plan(at: str, **more: Any) -> Plan:
    return Plan.model_validate({"at": at, **more})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def send_until(desk: Desk, end: datetime) -> dict[str, datetime]:
    """Let the clock run in steps, with a tick and a worker at each; return who got mail when."""
    got: dict[str, datetime] = {}
    sender = build_sender(desk.parts, provider=desk.provider)
    while desk.now < end:
        desk.tick()
        while sender.deliver_one(Lane.PROMOTIONAL):
            pass
        for each in desk.provider.accepted:
            got.setdefault(each.recipient, desk.now)
        assert all(desk.report(each).books.balance for each in started(desk))
        desk.time[0] += STEP
    sender.close()
    return got


def started(desk: Desk) -> list[CampaignId]:
    with desk.database.reading() as session:
        page = campaigns.campaigns_page(session, limit=100)
    return [each.campaign_id for each in page if each.mailing_id is not None]


@pytest.mark.parametrize("day", ["2026-10-25", "2027-03-28"])
def test_people_of_24_zones_get_it_at_nine_by_their_own_clock_across_a_clock_change(
    desk: Desk, day: str
) -> None:
    desk.time[0] = utc(f"{day}T09:00") - timedelta(days=2)
    with desk.database.transaction() as session:
        everybody = many_customers(
            session, desk.parts.vault, 24 * 10, timezones=ZONES, now=desk.now
        )
    for each in everybody[::20]:
        no = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
        desk.parts.opt_outs.change(each.person_id, no)
    campaign_id = desk.draft()
    local = plan(f"{day}T09:00", zone=BERLIN, local=True, quiet_hours={})
    told = desk.foresee(campaign_id, local)
    desk.do("schedule", campaign_id, plan=local)
    got = send_until(desk, utc(f"{day}T09:00") + timedelta(hours=13))
    for n, person in enumerate(everybody):
        if n % 20:
            clock = got[person.email].astimezone(ZoneInfo(ZONES[n % 24]))
            assert (clock.date().isoformat(), clock.hour) == (day, 9)
            assert clock.minute < 20
    books = desk.report(campaign_id).books
    assert (books.audience, books.accepted, books.refused) == (240, 228, {Reason.NOT_ALL: 12})
    assert len(got) == len(desk.provider.accepted) == 228
    assert desk.look(campaign_id).state is State.FINISHED
    after = desk.foresee(campaign_id)
    assert (after.first, after.last) == (told.first, told.last)
    assert told.first is not None
    assert told.first <= min(got.values()) < told.first + STEP
    assert told.last is not None
    assert told.last <= max(got.values()) < told.last + STEP


def test_a_campaign_that_is_resumed_at_night_wakes_nobody(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-24T11:00")
    with desk.database.transaction() as session:
        everybody = many_customers(session, desk.parts.vault, 48, timezones=ZONES, now=desk.now)
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, plan=plan("now", zone=BERLIN, quiet_hours={}))
    assert desk.tick() == [campaign_id]
    desk.do("pause", campaign_id)
    desk.later(hours=30)
    desk.do("resume", campaign_id)
    got = send_until(desk, desk.now + timedelta(hours=25))
    assert len(got) == len(desk.provider.accepted) == 48
    for n, person in enumerate(everybody):
        clock = got[person.email].astimezone(ZoneInfo(ZONES[n % 24]))
        assert time(8) <= clock.time() < time(20)
    assert desk.report(campaign_id).books.accepted == 48


def test_a_schedule_tells_its_first_and_last_moment_and_the_clock_changes_of_that_day(
    desk: Desk,
) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    desk.customer("Anna Becker", timezone=BERLIN)
    desk.customer("Jo Example", timezone="America/New_York")
    desk.customer("Kenji Sato", timezone="Asia/Tokyo")
    desk.customer("Nobody Knows")
    campaign_id = desk.draft()
    ahead = desk.foresee(
        campaign_id,
        plan("2026-10-25T09:00", zone=BERLIN, local=True, use_by="2026-10-25T12:00+01:00"),
    )
    assert (ahead.first, ahead.last) == (utc("2026-10-25T00:00"), utc("2026-10-25T13:00"))
    assert [(each.zone, each.people) for each in ahead.zones] == [
        ("Asia/Tokyo", 1),
        (BERLIN, 2),
        ("America/New_York", 1),
    ]
    assert (ahead.audience, ahead.without_zone, ahead.late) == (4, 1, 1)
    tokyo, berlin, new_york = ahead.zones
    assert (tokyo.change, new_york.change, new_york.is_late) == (None, None, True)
    assert berlin.change is not None
    assert (berlin.change.at, berlin.change.shift) == (
        utc("2026-10-25T01:00"),
        timedelta(hours=-1),
    )
    assert berlin.local.isoformat() == "2026-10-25T09:00:00+01:00"
    assert desk.look(campaign_id).state is State.DRAFT


def test_a_schedule_that_is_saved_is_told_without_naming_it_again(desk: Desk) -> None:
    desk.customer("Jo Example", timezone="America/New_York")
    campaign_id = desk.draft()
    with pytest.raises(NotScheduled):
        desk.foresee(campaign_id)
    moment = desk.now + timedelta(days=1)
    desk.do("schedule", campaign_id, plan=Plan(at=moment))
    assert desk.foresee(campaign_id).first == moment
    assert desk.look(campaign_id).plan == Plan(at=moment)
    desk.do("unschedule", campaign_id)
    assert desk.look(campaign_id).plan is None


def test_whoever_is_not_reached_by_the_deadline_is_refused(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    desk.customer("Anna Becker", timezone=BERLIN)
    desk.customer("Jo Example", timezone="America/New_York")
    campaign_id = desk.draft()
    local = plan("2026-10-21T09:00", zone=BERLIN, local=True, use_by="2026-10-21T12:00")
    desk.do("schedule", campaign_id, plan=local)
    send_until(desk, utc("2026-10-21T14:00"))
    books = desk.report(campaign_id).books
    assert (books.accepted, books.refused) == (1, {Reason.NOT_LATE: 1})


def test_a_preview_tells_how_many_would_have_to_wait_for_their_morning(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    desk.customer("Anna Becker", timezone=BERLIN)
    desk.customer("Kenji Sato", timezone="Asia/Tokyo")
    campaign_id = desk.draft()
    later = plan("2026-10-20T13:00Z", zone=BERLIN, quiet_hours={})
    desk.do("schedule", campaign_id, plan=later)
    with desk.database.reading() as session:
        counted = campaigns.preview(session, campaign_id, now=desk.now)
    assert (counted.audience, counted.allowed, counted.held) == (2, 1, 1)


def test_a_campaign_that_is_started_by_hand_keeps_its_quiet_hours(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    desk.customer("Anna Becker", timezone=BERLIN)
    desk.customer("Kenji Sato", timezone="Asia/Tokyo")
    campaign_id = desk.draft()
    local = plan("2026-10-22T09:00", zone=BERLIN, local=True, quiet_hours={})
    desk.do("schedule", campaign_id, plan=local)
    desk.do("start", campaign_id)
    desk.send_all()
    assert [each.recipient for each in desk.provider.accepted] == ["anna.becker@example.com"]
    assert desk.report(campaign_id).books.to_go == 1
    assert [each.zone for each in desk.foresee(campaign_id).zones] == [BERLIN, "Asia/Tokyo"]


def test_a_repeating_campaign_starts_a_copy_each_time_and_is_itself_the_last(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    desk.customer("Anna Becker", timezone=BERLIN)
    series = desk.draft()
    weekly = plan("2026-10-22T09:00", zone=BERLIN, repeat={"every": "week", "times": 3})
    desk.do("schedule", series, plan=weekly)
    beginnings = [utc("2026-10-22T07:00"), utc("2026-10-29T08:00"), utc("2026-11-05T08:00")]
    assert desk.foresee(series).occurrences == tuple(beginnings)
    for begins in beginnings[:2]:
        desk.time[0] = begins
        (copy,) = desk.tick()
        assert desk.tick() == []
        assert desk.look(copy).series_id == series
        assert desk.look(series).state is State.SCHEDULED
        desk.send_all()
        desk.tick()
        assert desk.look(copy).state is State.FINISHED
        assert desk.report(copy).books.accepted == 1
    assert desk.look(copy).name == "Autumn release, 29 October 2026"
    desk.time[0] = beginnings[2]
    assert desk.tick() == [series]
    desk.send_all()
    desk.tick()
    assert desk.look(series).state is State.FINISHED
    assert len(desk.provider.accepted) == 3


def test_two_clocks_at_once_make_one_copy_of_an_occurrence(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    desk.customer("Anna Becker")
    series = desk.draft()
    desk.do("schedule", series, plan=plan("2026-10-21T09:00Z", zone="UTC", repeat={"every": "day"}))
    desk.time[0] = utc("2026-10-21T09:00")
    brand = desk.parts.brand
    with desk.database.transaction() as one, desk.database.transaction() as other:
        first = campaigns.start_due(one, brand=brand, now=desk.now)
        second = campaigns.start_due(other, brand=brand, now=desk.now)
    assert (len(first), second) == (1, [])
    assert desk.tick() == []
    assert len(started(desk)) == 1


def test_occurrences_that_were_missed_are_passed_over_and_noted(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    desk.customer("Anna Becker")
    series = desk.draft()
    desk.do("schedule", series, plan=plan("2026-10-21T09:00", zone="UTC", repeat={"every": "day"}))
    desk.time[0] = utc("2026-10-24T10:00")
    assert len(desk.tick()) == 1
    assert desk.tick() == []
    waiting = desk.look(series)
    assert (waiting.occurrence, waiting.scheduled_for) == (5, utc("2026-10-25T09:00"))
    with desk.database.reading() as session:
        noted = session.execute(
            text("SELECT detail FROM ledger_entry WHERE kind = 'campaign.skipped'")
        ).scalar_one()
    assert noted == {"campaign": series, "occurrences": 3}


def test_occurrences_that_were_missed_up_to_the_last_one_are_noted_too(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    desk.customer("Anna Becker")
    series = desk.draft()
    daily = plan("2026-10-21T09:00", zone="UTC", repeat={"every": "day", "times": 4})
    desk.do("schedule", series, plan=daily)
    desk.time[0] = utc("2026-12-01T10:00")
    assert desk.tick() == [series]
    with desk.database.reading() as session:
        noted = session.execute(
            text("SELECT detail FROM ledger_entry WHERE kind = 'campaign.skipped'")
        ).scalar_one()
    assert noted == {"campaign": series, "occurrences": 3}


def test_a_repetition_goes_on_where_a_clock_change_swallows_a_deadline(desk: Desk) -> None:
    desk.time[0] = utc("2027-03-26T12:00")
    desk.customer("Anna Becker", timezone=BERLIN)
    series = desk.draft()
    nightly = plan(
        "2027-03-27T02:15",
        zone=BERLIN,
        use_by="2027-03-27T03:00",
        repeat={"every": "day", "times": 3},
    )
    desk.do("schedule", series, plan=nightly)
    moments = ("2027-03-27T01:15", "2027-03-28T01:15", "2027-03-29T00:15")
    for times, moment in enumerate(moments, start=1):
        desk.time[0] = utc(moment)
        assert len(desk.tick()) == 1
        desk.send_all()
        assert len(desk.provider.accepted) == times


def test_a_series_that_is_cancelled_leaves_its_copies_alone(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    desk.customer("Anna Becker")
    series = desk.draft()
    desk.do("schedule", series, plan=plan("2026-10-21T09:00", zone="UTC", repeat={"every": "day"}))
    desk.time[0] = utc("2026-10-21T09:00")
    (copy,) = desk.tick()
    desk.do("cancel", series)
    desk.send_all()
    desk.tick()
    assert desk.look(copy).state is State.FINISHED
    desk.later(days=1)
    assert desk.tick() == []


@pytest.mark.parametrize(
    "passed",
    [
        {"at": "2026-10-20T11:00Z"},
        {"at": "2026-10-19T09:00", "zone": BERLIN, "local": True},
        {"at": "2026-10-10T09:00", "zone": BERLIN, "repeat": {"every": "day", "times": 3}},
    ],
)
def test_a_plan_of_which_every_moment_has_passed_is_refused(
    desk: Desk, passed: dict[str, Any]
) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    campaign_id = desk.draft()
    with pytest.raises(MomentPassed):
        desk.do("schedule", campaign_id, plan=Plan.model_validate(passed))


def test_a_repetition_that_began_in_the_past_goes_on_with_its_next_day(desk: Desk) -> None:
    desk.time[0] = utc("2026-10-20T12:00")
    series = desk.draft()
    monthly = plan("2026-01-31T09:00", zone=BERLIN, repeat={"every": "month"})
    scheduled = desk.do("schedule", series, plan=monthly)
    assert (scheduled.occurrence, scheduled.scheduled_for) == (10, utc("2026-10-31T08:00"))
