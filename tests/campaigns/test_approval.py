"""A second pair of eyes on large campaigns, and copies that start without any."""

import runpy
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text

from mailer import campaigns, ledger, migrations
from mailer.campaigns import (
    CampaignId,
    CannotDo,
    CannotSend,
    Check,
    NewCampaign,
    OwnApproval,
    Plan,
    ReasonUnfit,
    RevisionStale,
    Rules,
    State,
    audience,
)
from mailer.campaigns.audience import lists
from mailer.campaigns.audience.rules import LivesIn, OnList
from mailer.delivery import Brake
from mailer.vocabulary import Topic
from tests.campaigns.conftest import BY, Desk, new_campaign

ALWAYS = Rules(approval_above=0)
ANNA = "api_key:7"


def edit(desk: Desk, campaign_id: CampaignId, *, by: str) -> None:
    new = new_campaign()
    with desk.database.transaction() as session:
        campaigns.edit(
            session,
            campaign_id,
            NewCampaign("Winter release", Topic.COMPANY_NEWS, new.content, new.audience),
            brand=desk.parts.brand,
            by=by,
            now=desk.now,
        )


def test_a_large_campaign_leaves_only_when_somebody_else_approved_it(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    for what, more in (("start", {}), ("schedule", {"at": desk.now + timedelta(days=1)})):
        with pytest.raises(CannotSend) as told:
            desk.do(what, campaign_id, rules=ALWAYS, **more)
        assert [each.check for each in told.value.findings] == [Check.APPROVAL]
    with pytest.raises(OwnApproval):
        desk.do("approve", campaign_id)
    approved = desk.do("approve", campaign_id, by=ANNA)
    assert (approved.approved_by, approved.approved_at) == (ANNA, desk.now)
    assert desk.do("start", campaign_id, rules=ALWAYS).state is State.SENDING


def test_up_to_the_set_size_nobody_is_asked(desk: Desk) -> None:
    desk.customer("Jo Example")
    desk.customer("Bo Example")
    campaign_id = desk.draft()
    with pytest.raises(CannotSend):
        desk.do("start", campaign_id, rules=Rules(approval_above=1))
    assert desk.do("start", campaign_id, rules=Rules(approval_above=2)).state is State.SENDING


def test_an_edit_takes_the_approval_away_and_makes_its_editor_an_author(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by=ANNA)
    edit(desk, campaign_id, by=ANNA)
    assert desk.look(campaign_id).approved_by is None
    with pytest.raises(OwnApproval):
        desk.do("approve", campaign_id, by=ANNA)
    with pytest.raises(OwnApproval):
        desk.do("approve", campaign_id, by=BY)
    approved = desk.do("approve", campaign_id, by="command_line:Li Wei")
    assert approved.approved_by == "command_line:Li Wei"


def test_the_first_of_two_approvals_stands(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by=ANNA)
    desk.later(hours=1)
    again = desk.do("approve", campaign_id, by="api_key:8")
    assert (again.approved_by, again.approved_at) == (ANNA, desk.now - timedelta(hours=1))


def test_an_approval_names_what_was_seen_and_is_refused_for_anything_else(desk: Desk) -> None:
    campaign_id = desk.draft()
    seen = desk.look(campaign_id).revision
    edit(desk, campaign_id, by=BY)
    desk.do("schedule", campaign_id, at=desk.now + timedelta(days=1))
    desk.do("unschedule", campaign_id)
    assert desk.look(campaign_id).revision == seen  # the name alone was edited
    desk.do("schedule", campaign_id, at=desk.now + timedelta(days=1))
    with pytest.raises(RevisionStale):
        desk.do("approve", campaign_id, by=ANNA, revision=seen)
    now = desk.look(campaign_id).revision
    assert desk.do("approve", campaign_id, by=ANNA, revision=now).approved_by == ANNA


def test_an_approval_covers_the_first_schedule_and_no_other(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by=ANNA)
    moment = desk.now + timedelta(days=1)
    scheduled = desk.do("schedule", campaign_id, rules=ALWAYS, at=moment)
    assert scheduled.approved_by == ANNA
    for what, more in (("schedule", {"at": moment + timedelta(hours=1)}), ("start", {})):
        with pytest.raises(CannotSend, match="changed after its approval"):
            desk.do(what, campaign_id, rules=ALWAYS, **more)
    again = desk.do("schedule", campaign_id, rules=ALWAYS, at=moment)
    assert (again.approved_by, again.scheduled_for) == (ANNA, moment)
    assert desk.do("unschedule", campaign_id).approved_by is None
    desk.do("approve", campaign_id, by=ANNA)
    assert desk.do("start", campaign_id, rules=ALWAYS).state is State.SENDING


def test_an_approval_ends_with_a_change_of_a_list_that_the_rule_names(desk: Desk) -> None:
    people = [desk.customer(name).person_id for name in ("Jo Example", "Bo Example")]
    with desk.database.transaction() as session:
        fair = lists.create_list(session, name="Fair", by=BY, now=desk.now).list_id
        lists.put_on_list(session, fair, people[:1], by=BY, now=desk.now)
    campaign_id, other = desk.draft(rule=OnList(id=fair)), desk.draft()
    for each in (campaign_id, other):
        desk.do("approve", each, by=ANNA)
    for change, ends in ((people[:1], False), (people, True)):  # the first one was on it before
        with desk.database.transaction() as session:
            lists.put_on_list(session, fair, change, by=BY, now=desk.now)
        assert (desk.look(campaign_id).approved_by is None) is ends
    assert desk.look(other).approved_by == ANNA
    desk.do("approve", campaign_id, by=ANNA)
    with desk.database.transaction() as session:
        lists.take_off_list(session, fair, people[1:], by=BY, now=desk.now)
    assert desk.look(campaign_id).approved_by is None


def test_a_saved_audience_that_changes_changes_no_campaign_and_no_approval(desk: Desk) -> None:
    irish = LivesIn(any_of=("IE",))
    with desk.database.transaction() as session:
        kept = audience.save(session, name="Irish", rule=irish, by=BY, now=desk.now)
    campaign_id = desk.draft(saved=kept.audience_id)
    approved = desk.do("approve", campaign_id, by=ANNA)
    with desk.database.transaction() as session:
        everybody = LivesIn(any_of=("IE", "US"))
        audience.change(session, kept.audience_id, name="All", rule=everybody, by=BY, now=desk.now)
    after = desk.look(campaign_id)
    assert (after.audience.rule, after.approved_by) == (irish, ANNA)
    assert after.revision == approved.revision


@pytest.mark.parametrize(("more", "starts"), [(1, True), (2, False)])
def test_an_approval_covers_a_tenth_more_people_and_no_further(
    desk: Desk, more: int, starts: bool
) -> None:
    for n in range(10):
        desk.customer(f"Jo{n} Example")
    campaign_id = desk.draft()
    assert desk.do("approve", campaign_id, by=ANNA).approved_size == 10
    rules = Rules(approval_above=5)
    moment = desk.now + timedelta(hours=1)
    desk.do("schedule", campaign_id, rules=rules, at=moment)
    for n in range(more):
        desk.customer(f"Bo{n} Example")
    desk.time[0] = moment
    with desk.database.transaction() as session:
        campaigns.start_due(session, brand=desk.parts.brand, rules=rules, now=desk.now)
    after = desk.look(campaign_id)
    if starts:
        assert (after.state, after.taken_back) == (State.SENDING, None)
        return
    why = (
        "It goes to 12 people; 10 were there at its approval."
        " Somebody who neither wrote, edited nor planned it approves it as it stands now."
    )
    assert (after.state, after.taken_back, after.mailing_id) == (State.DRAFT, why, None)
    anew = desk.do("approve", campaign_id, by="api_key:8")
    assert (anew.approved_by, anew.approved_size) == ("api_key:8", 12)
    again = desk.do("schedule", campaign_id, rules=rules, at=moment + timedelta(hours=1))
    assert again.taken_back is None


def test_a_start_that_is_refused_once_its_audience_is_cut_leaves_nothing(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by=ANNA)
    desk.customer("Bo Example")
    with pytest.raises(CannotSend, match="It goes to fewer than 10 people; fewer than 10 were"):
        desk.do("start", campaign_id, rules=ALWAYS)
    assert desk.look(campaign_id).mailing_id is None
    with desk.database.reading() as session:
        for table in ("mailing", "batch", "roster"):
            kept = session.execute(text(f"SELECT count(*) FROM delivery_{table}")).scalar_one()
            assert (table, kept) == (table, 0)


def test_below_the_limit_an_approved_audience_may_grow_as_it_likes(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by=ANNA)
    desk.customer("Bo Example")
    assert desk.do("start", campaign_id, rules=Rules(approval_above=2)).state is State.SENDING


def test_what_was_scheduled_before_approvals_were_asked_for_says_why_it_did_not_start(
    desk: Desk,
) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, at=desk.now + timedelta(hours=1))
    desk.later(hours=1)
    with desk.database.transaction() as session:
        campaigns.start_due(session, brand=desk.parts.brand, rules=ALWAYS, now=desk.now)
    why = (
        "It goes to fewer than 10 people and nobody else has approved it."
        " Somebody who neither wrote, edited nor planned it approves it as it stands now."
    )
    after = desk.look(campaign_id)
    assert (after.state, after.scheduled_for, after.taken_back) == (State.DRAFT, None, why)
    with desk.database.reading() as session:
        noted = session.execute(
            text("SELECT detail FROM ledger_entry WHERE kind = 'campaign.start_refused'")
        ).scalar_one()
    assert noted == {
        "campaign": campaign_id,
        "why": why,
        "fault": "CannotSend",
        "checks": ["approval"],
    }


def test_every_time_of_a_repetition_is_covered_by_its_approval(desk: Desk) -> None:
    desk.customer("Jo Example")
    series = desk.draft()
    desk.do("approve", series, by=ANNA)
    daily = {"at": "2030-01-01T09:00", "zone": "UTC", "repeat": {"every": "day", "times": 2}}
    plan = Plan.model_validate(daily)
    desk.do("schedule", series, plan=plan, rules=ALWAYS)
    for moment in plan.beginnings(0):
        desk.time[0] = moment
        with desk.database.transaction() as session:
            [begun] = campaigns.start_due(
                session, brand=desk.parts.brand, rules=ALWAYS, now=desk.now
            )
        assert desk.look(begun).approved_by == ANNA


def test_whoever_made_a_campaign_cannot_approve_it_whatever_its_authors_say(desk: Desk) -> None:
    campaign_id = desk.draft()
    with desk.database.transaction() as session:  # as a version without authors wrote it
        session.execute(text("UPDATE campaigns_campaign SET authors = '[]'"))
    with pytest.raises(OwnApproval):
        desk.do("approve", campaign_id, by=BY)


def test_what_was_approved_before_revisions_were_kept_stays_approved(desk: Desk) -> None:
    for name in ("Jo Example", "Bo Example"):
        desk.customer(name)
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, at=desk.now + timedelta(days=1))
    approved = desk.do("approve", campaign_id, by=ANNA)
    [path] = Path(migrations.__file__).parent.glob("versions/*_revisions.py")
    with desk.database.transaction() as session:
        session.execute(
            text("UPDATE campaigns_campaign SET approved_revision = NULL, approved_size = NULL")
        )
        with Operations.context(MigrationContext.configure(session.connection())):
            runpy.run_path(str(path))["_name_what_is_approved"]()
    assert desk.look(campaign_id) == approved


def test_what_is_on_its_way_is_not_approved_any_more(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("start", campaign_id)
    with pytest.raises(CannotDo):
        desk.do("approve", campaign_id, by=ANNA)


def test_what_another_check_stops_is_not_approved(desk: Desk) -> None:
    with pytest.raises(CannotSend) as told:
        desk.do("approve", desk.draft(), by=ANNA, rules=Rules(sender="nobody", approval_above=0))
    assert [each.check for each in told.value.findings] == [Check.SENDER]


def test_a_copy_of_any_campaign_is_a_draft_without_a_past(desk: Desk) -> None:
    desk.customer("Jo Example")
    first = desk.draft(rule=LivesIn(any_of=("US",)))
    desk.do("approve", first, by=ANNA)
    desk.do("start", first)
    desk.do("cancel", first)
    with desk.database.transaction() as session:
        made = campaigns.clone(session, first, name="Second try", by=ANNA, now=desk.now)
    copy, source = desk.look(made.campaign_id), desk.look(first)
    assert (copy.name, copy.state, copy.copied_from) == ("Second try", State.DRAFT, first)
    assert (copy.content, copy.topic, copy.audience) == (
        source.content,
        source.topic,
        source.audience,
    )
    assert (copy.mailing_id, copy.started_at, copy.approved_by) == (None, None, None)
    with pytest.raises(OwnApproval):
        desk.do("approve", made.campaign_id, by=ANNA)


def test_the_reasons_of_every_turn_stand_in_the_ledger(desk: Desk) -> None:
    campaign_id = desk.draft()
    mailing_id = desk.do("start", campaign_id).mailing_id
    assert mailing_id is not None
    desk.do("pause", campaign_id, reason="Complaints rose.")
    desk.do("resume", campaign_id, reason="They were about another mail.")
    desk.do("cancel", campaign_id, reason="The price was wrong.")
    with desk.database.reading() as session:
        story = ledger.entries_of_mailing(session, mailing_id, limit=10)
    assert [each.detail.get("why") for each in story] == [
        "The price was wrong.",
        "They were about another mail.",
        "Complaints rose.",
        None,
    ]


@pytest.mark.parametrize("reason", ["asked by jo@example.com", "two\nlines"])
def test_a_reason_that_the_ledger_could_never_forget_is_refused(desk: Desk, reason: str) -> None:
    campaign_id = desk.draft()
    desk.do("start", campaign_id)
    with pytest.raises(ReasonUnfit):
        desk.do("pause", campaign_id, reason=reason)
    assert desk.look(campaign_id).state is State.SENDING


def on_a_list(desk: Desk) -> tuple[lists.ListId, CampaignId]:
    with desk.database.transaction() as session:
        fair = lists.create_list(session, name="Fair", by=ANNA, now=desk.now).list_id
    return fair, desk.draft(rule=OnList(id=fair))


def test_whoever_changes_a_list_of_a_waiting_campaign_has_a_hand_in_it(desk: Desk) -> None:
    person = desk.customer("Jo Example").person_id
    fair, campaign_id = on_a_list(desk)
    with desk.database.transaction() as session:
        lists.take_off_list(session, fair, [person], by=ANNA, now=desk.now)  # was not on it
    desk.do("approve", campaign_id, by=ANNA)
    for change in (lists.put_on_list, lists.take_off_list):
        with desk.database.transaction() as session:
            change(session, fair, [person], by=ANNA, now=desk.now)
    with pytest.raises(OwnApproval):
        desk.do("approve", campaign_id, by=ANNA)
    assert desk.do("approve", campaign_id, by="api_key:8").approved_by == "api_key:8"


def test_whoever_plans_a_campaign_does_not_approve_it(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, by=ANNA, at=desk.now + timedelta(hours=1))
    with pytest.raises(OwnApproval):
        desk.do("approve", campaign_id, by=ANNA)


def test_an_approval_ends_with_another_brake_before_the_start(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id, never = desk.draft(), Brake(complaints=100)
    desk.do("approve", campaign_id, by=ANNA)
    brake = {"installation": desk.parts.rules.brake, "by": ANNA}
    desk.do("set_brake", campaign_id, own=None, **brake)  # as it was
    assert desk.look(campaign_id).approved_by == ANNA
    desk.do("set_brake", campaign_id, own=never, **brake)
    with pytest.raises(CannotSend, match="changed after its approval"):
        desk.do("start", campaign_id, rules=ALWAYS)
    with pytest.raises(OwnApproval):
        desk.do("approve", campaign_id, by=ANNA)


def test_under_way_another_brake_takes_no_approval_away(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by=ANNA)
    desk.do("start", campaign_id, rules=ALWAYS)
    own = Brake(complaints=0.05)
    desk.do("set_brake", campaign_id, own=own, installation=desk.parts.rules.brake)
    assert desk.look(campaign_id).approved_by == ANNA


def test_a_typed_name_is_the_same_in_other_capitals(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, by="command_line:anna", at=desk.now + timedelta(hours=1))
    with pytest.raises(OwnApproval):
        desk.do("approve", campaign_id, by="command_line:Anna")
