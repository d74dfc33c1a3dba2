"""When a split test's parts leave, as it is told ahead and as it goes, by the zones of its people."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from mailer.campaigns import CampaignId, ChoiceTooLate, ContentRefused, Plan, State
from tests.campaigns.conftest import Desk
from tests.campaigns.split import SAMPLE, TWO, a_split, draft

LATER = [TWO[0], {**TWO[1], "later_minutes": 480}]
NEW_YORK = "America/New_York"


def plan(at: str, zone: str, **more: Any) -> Plan:
    return Plan.model_validate({"at": at, "zone": zone, **more})


def utc(at: str) -> datetime:
    return datetime.fromisoformat(at).replace(tzinfo=UTC)


def planned(desk: Desk) -> datetime:
    """The last moment for which the remainder is planned."""
    with desk.database.reading() as session:
        last = session.execute(text("SELECT max(planned) FROM delivery_batch")).scalar_one()
    assert isinstance(last, datetime)
    return last


def started(desk: Desk, campaign_id: CampaignId) -> None:
    moment = desk.look(campaign_id).scheduled_for
    assert moment is not None
    desk.time[0] = moment
    assert desk.tick() == [campaign_id]


def test_a_later_variant_and_the_remainder_are_in_the_last_moment(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = draft(desk, a_split(variants=LATER, sample=SAMPLE))
    ahead = desk.foresee(campaign_id, plan("2026-11-24T10:00", NEW_YORK))
    assert ahead.first == utc("2026-11-24T15:00")
    assert ahead.choice == ahead.last == utc("2026-11-25T03:00")
    without_sample = draft(desk, a_split(variants=LATER))
    ahead = desk.foresee(without_sample, plan("2026-11-24T10:00", NEW_YORK))
    assert (ahead.last, ahead.choice) == (utc("2026-11-24T23:00"), None)


def test_who_waits_past_the_deadline_is_told_as_late_by_their_share(desk: Desk) -> None:
    desk.crowd(40)
    campaign_id = draft(desk, a_split(variants=LATER, holdout_percent=20))
    late = plan("2026-11-24T10:00", "UTC", use_by="2026-11-24T12:00")
    ahead = desk.foresee(campaign_id, late)
    assert [(each.is_late, each.late) for each in ahead.zones] == [(True, 16)]
    assert (ahead.audience, ahead.late) == (40, 16)


def test_the_remainder_is_told_for_its_morning_under_quiet_hours(desk: Desk) -> None:
    desk.customer("Jo Example", timezone=NEW_YORK)
    campaign_id = draft(desk, a_split(sample={"percent": 50, "wait_minutes": 600}))
    ahead = desk.foresee(campaign_id, plan("2026-11-24T15:00", NEW_YORK, quiet_hours={}))
    assert (ahead.choice, ahead.last) == (utc("2026-11-25T06:00"), utc("2026-11-25T13:00"))


def test_a_choice_is_too_late_by_the_zones_of_the_people_alone(desk: Desk) -> None:
    desk.customer("Jo Example", timezone=NEW_YORK)
    campaign_id = draft(desk, a_split(sample=SAMPLE))
    quiet = plan("2026-11-24T10:00", NEW_YORK, quiet_hours={}, use_by="2026-11-24T18:00")
    desk.do("schedule", campaign_id, plan=quiet)
    desk.customer("Kenji Sato", timezone="Asia/Tokyo")  # asleep then
    with pytest.raises(ChoiceTooLate):
        desk.do("schedule", campaign_id, plan=quiet)
    desk.time[0] = utc("2026-11-24T15:00")
    assert desk.tick() == []
    taken = desk.look(campaign_id)
    assert (taken.state, taken.taken_back) == (State.DRAFT, str(ChoiceTooLate()))


def test_the_remainder_has_its_hour_on_the_first_day_after_the_choice(desk: Desk) -> None:
    for zone in ("Europe/London", "Asia/Dubai"):
        desk.crowd(20, timezones=[zone], name=zone[:4] + " {}", email=zone[:4] + "{}@example.com")
    campaign_id = draft(desk, a_split(sample={"percent": 50, "wait_minutes": 1080}))
    local = plan("2026-11-24T09:00", "Europe/London", local=True)
    ahead = desk.foresee(campaign_id, local)
    desk.do("schedule", campaign_id, plan=local)
    started(desk, campaign_id)
    assert ahead.choice == desk.look(campaign_id).choose_at == utc("2026-11-25T03:00")
    assert ahead.last == planned(desk) == utc("2026-11-25T09:00")
    again = desk.foresee(campaign_id)
    assert (again.last, again.choice) == (ahead.last, ahead.choice)


def test_a_hold_out_that_would_hold_out_nobody_is_refused(desk: Desk) -> None:
    with pytest.raises(ContentRefused, match=r"split\.holdout_percent"):
        draft(desk, a_split(holdout_percent=0.004))
    draft(desk, a_split(holdout_percent=0.01))
