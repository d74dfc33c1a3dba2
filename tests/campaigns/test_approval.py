"""A second pair of eyes on large campaigns, and copies that start without any."""

from datetime import timedelta

import pytest

from mailer import campaigns, ledger
from mailer.campaigns import (
    CampaignId,
    CannotDo,
    CannotSend,
    Check,
    NewCampaign,
    OwnApproval,
    ReasonUnfit,
    Rules,
    State,
)
from mailer.campaigns.audience.rules import LivesIn
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
    assert desk.do("approve", campaign_id, by="command_line:Li Wei").approved_by is not None


def test_the_first_of_two_approvals_stands(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by=ANNA)
    desk.later(hours=1)
    again = desk.do("approve", campaign_id, by="api_key:8")
    assert (again.approved_by, again.approved_at) == (ANNA, desk.now - timedelta(hours=1))


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
