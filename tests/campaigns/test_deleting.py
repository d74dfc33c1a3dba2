"""Drafts are deleted; what was ever planned, begun or is named by a rule is refused with its way out."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from mailer.campaigns import (
    CampaignId,
    CampaignNotFound,
    CannotDelete,
    ReasonUnfit,
    State,
    audience,
)
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience.rules import All, Engaged, Everybody, Not
from mailer.ledger._tables import LedgerEntry
from tests.campaigns.conftest import BY, Desk


def story(desk: Desk, campaign_id: CampaignId) -> list[LedgerEntry]:
    with desk.database.reading() as session:
        every = session.exec(select(LedgerEntry).order_by(col(LedgerEntry.id))).all()
        session.expunge_all()
    return [each for each in every if each.detail.get("campaign") == campaign_id]


def test_a_draft_is_gone_and_the_ledger_says_by_whom_and_why(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("delete", campaign_id, reason="Written twice.")
    with pytest.raises(CampaignNotFound):
        desk.look(campaign_id)
    *_, last = story(desk, campaign_id)
    assert (last.kind, last.actor, last.detail["why"]) == (
        "campaign.deleted",
        BY,
        "Written twice.",
    )
    assert "Autumn" not in str(last.detail), "the ledger keeps nothing of what it said"


def test_the_number_of_a_deleted_draft_is_given_to_no_other(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("delete", campaign_id)
    assert desk.draft() > campaign_id


def test_a_second_click_finds_nothing_to_delete(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("delete", campaign_id)
    with pytest.raises(CampaignNotFound):
        desk.do("delete", campaign_id)


def test_an_approved_draft_may_go_and_so_may_one_that_was_copied(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by="api_key:7")
    copy = desk.do("clone", campaign_id).campaign_id
    desk.do("delete", campaign_id)
    assert desk.look(copy).copied_from == campaign_id


def test_what_was_scheduled_or_begun_is_to_be_cancelled_instead(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    assert not desk.look(campaign_id).was_planned
    desk.do("schedule", campaign_id, at=desk.now + timedelta(days=1))
    with pytest.raises(CannotDelete, match=r"scheduled. Cancel it instead"):
        desk.do("delete", campaign_id)
    desk.do("unschedule", campaign_id)
    with pytest.raises(CannotDelete, match=r"scheduled before.* Cancel it instead"):
        desk.do("delete", campaign_id)
    assert desk.look(campaign_id).was_planned
    desk.do("start", campaign_id)
    with pytest.raises(CannotDelete, match=r"is sending. Cancel it instead"):
        desk.do("delete", campaign_id)
    desk.do("cancel", campaign_id)
    with pytest.raises(CannotDelete, match="stays on record"):
        desk.do("delete", campaign_id)
    assert desk.look(campaign_id).state is State.CANCELLED
    assert "campaign.deleted" not in [each.kind for each in story(desk, campaign_id)]


def test_a_draft_that_may_have_begun_before_a_restore_stays(desk: Desk) -> None:
    campaign_id = desk.draft()
    with desk.database.transaction() as session:
        row = session.get(CampaignRow, campaign_id)
        assert row is not None
        row.taken_back = "The journal says that campaigns had begun since."
        session.add(row)
    with pytest.raises(CannotDelete, match="before the database was restored"):
        desk.do("delete", campaign_id)


def test_a_draft_that_a_rule_names_stays_until_it_does_no_more(desk: Desk) -> None:
    campaign_id = desk.draft()
    rule = All(of=(Everybody(), Not(of=Engaged(campaign=campaign_id))))
    with desk.database.transaction() as session:
        saved = audience.save(session, name="Others", rule=rule, by=BY, now=desk.now)
    number = saved.audience_id
    with pytest.raises(CannotDelete, match=f"saved audience {number} names this campaign"):
        desk.do("delete", campaign_id)
    with desk.database.transaction() as session:
        audience.forget(session, number, by=BY, now=desk.now)
    other = desk.draft(rule=rule)
    with pytest.raises(CannotDelete, match=f"campaign {other} names this campaign"):
        desk.do("delete", campaign_id)
    desk.do("delete", other)
    desk.do("delete", campaign_id)


def test_a_reason_with_an_address_is_refused_and_the_draft_stays(desk: Desk) -> None:
    campaign_id = desk.draft()
    with pytest.raises(ReasonUnfit):
        desk.do("delete", campaign_id, reason="jo@example.com asked for it")
    assert desk.look(campaign_id).state is State.DRAFT
