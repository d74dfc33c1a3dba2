"""A campaign whose deadline is past reaches nobody: it is stopped before, and is not used up."""

from datetime import timedelta

import pytest

from mailer.campaigns import CampaignId, CannotSend, Check, Plan, State
from tests.campaigns.conftest import Desk

HOUR = timedelta(hours=1)


def scheduled(desk: Desk) -> CampaignId:
    """A campaign for an hour from now, of use for an hour."""
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    plan = Plan(at=desk.now + HOUR, use_by=desk.now + 2 * HOUR)
    desk.do("schedule", campaign_id, plan=plan)
    return campaign_id


def test_a_plan_of_now_whose_deadline_is_past_is_refused(desk: Desk) -> None:
    campaign_id = desk.draft()
    plan = Plan.model_validate({"at": "now", "use_by": "2020-01-01T00:00:00Z"})
    with pytest.raises(CannotSend, match="is past") as told:
        desk.do("schedule", campaign_id, plan=plan)
    assert [each.check for each in told.value.findings] == [Check.PLAN]
    assert desk.look(campaign_id).state is State.DRAFT


def test_the_clock_takes_back_what_it_comes_to_after_the_deadline(desk: Desk) -> None:
    campaign_id = scheduled(desk)
    desk.later(hours=2)
    assert desk.tick() == []
    taken = desk.look(campaign_id)
    assert (taken.state, taken.mailing_id) == (State.DRAFT, None)
    assert "Its deadline, " in (taken.taken_back or "")
    assert desk.do("start", campaign_id).state is State.SENDING  # as a draft it has no deadline


def test_it_is_not_started_by_hand_after_its_deadline_either(desk: Desk) -> None:
    campaign_id = scheduled(desk)
    desk.later(hours=2, seconds=-1)
    assert desk.check(campaign_id).stops == []
    desk.later(seconds=1)
    assert [each.check for each in desk.check(campaign_id).stops] == [Check.PLAN]
    with pytest.raises(CannotSend, match="is past"):
        desk.do("start", campaign_id)


def test_a_time_of_a_repetition_is_looked_at_by_its_own_deadline(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    first = desk.now.replace(tzinfo=None) - timedelta(days=3) + HOUR
    said = {"at": first.isoformat(), "use_by": (first + HOUR).isoformat(), "zone": "UTC"}
    plan = Plan.model_validate({**said, "repeat": {"every": "day"}})
    assert desk.do("schedule", campaign_id, plan=plan).occurrence == 4


def test_what_has_begun_is_not_stopped_for_a_deadline_that_passed_since(desk: Desk) -> None:
    campaign_id = scheduled(desk)
    desk.later(hours=1)
    assert desk.tick() == [campaign_id]
    desk.later(hours=2)
    assert desk.check(campaign_id).stops == []
