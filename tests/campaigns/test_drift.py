"""The count before a campaign left agrees with what became of it, to the person; the rest is told."""

import pytest

from mailer import campaigns
from mailer.campaigns import CampaignId, Count, Drift, NewCampaign, published_drift
from mailer.campaigns.audience import count_step
from mailer.permission import Change
from mailer.vocabulary import Door, PersonId, Reason, Topic
from tests.campaigns.conftest import Desk, new_campaign

ANNA = "staff:anna"


def opt_out(desk: Desk, person_id: PersonId) -> None:
    desk.parts.opt_outs.change(
        person_id, Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
    )


def previewed(desk: Desk, campaign_id: CampaignId) -> Count:
    with desk.database.transaction() as session:
        return campaigns.preview_step(session, campaign_id, now=desk.now)


def counted(desk: Desk, new: NewCampaign) -> Count:
    with desk.database.transaction() as session:
        return count_step(session, new.audience.rule, topic=new.topic, now=desk.now)


def drift(desk: Desk, campaign_id: CampaignId) -> Drift:
    told = desk.report(campaign_id).drift
    assert told is not None
    parts = told.rejected + told.unknown + told.cancelled + told.to_go
    assert told.audience == told.accepted + sum(told.refused.values()) + parts
    return told


def test_preview_dry_run_and_campaign_agree_to_the_person(desk: Desk) -> None:
    people = desk.crowd(12)
    desk.customer("Li Wei", topics=())
    for person in people[:3]:
        opt_out(desk, person.person_id)
    campaign_id = desk.draft()
    before = previewed(desk, campaign_id)
    assert before == counted(desk, new_campaign())
    desk.do("start", campaign_id)
    desk.send_all()
    report = desk.report(campaign_id)
    assert report.campaign.counted == before
    assert (report.books.accepted, report.books.refused) == (before.allowed, before.refused)
    told = drift(desk, campaign_id)
    assert (told.audience, told.accepted, told.since) == (0, 0, before.as_at)
    assert told.refused == {Reason.NOT_ALL: 0, Reason.NOT_NEVER: 0}


def test_what_changed_since_the_approval_is_told_by_reason(desk: Desk) -> None:
    people = desk.crowd(8)
    opt_out(desk, people[0].person_id)
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by=ANNA)
    assert desk.report(campaign_id).drift is None
    for person in people[1:4]:
        opt_out(desk, person.person_id)
    desk.customer("Jo Example")
    desk.customer("Bo Example", topics=(Topic.PARTNER_OFFERS,))
    desk.do("start", campaign_id)
    at_start = drift(desk, campaign_id)
    assert (at_start.audience, at_start.to_go) == (2, 10)
    desk.send_all()
    told = drift(desk, campaign_id)
    assert (told.audience, told.accepted, told.to_go) == (2, -2, 0)
    assert told.refused == {Reason.NOT_ALL: 3, Reason.NOT_NEVER: 1}


def test_an_edit_takes_the_count_away_and_the_start_counts_anew(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("approve", campaign_id, by=ANNA)
    desk.do("edit", campaign_id, new=new_campaign(), brand=desk.parts.brand)
    assert desk.look(campaign_id).counted is None
    anna = desk.customer("Anna Becker")
    opt_out(desk, anna.person_id)
    desk.do("start", campaign_id)
    kept = desk.look(campaign_id).counted
    assert kept is not None
    assert (kept.audience, kept.allowed, kept.refused) == (2, 1, {Reason.NOT_ALL: 1})


@pytest.mark.clause("C15")
def test_a_change_by_few_people_is_withheld_with_what_would_give_it_away(desk: Desk) -> None:
    few = "fewer than 10"
    changes = {Reason.NOT_ALL: 30, Reason.NOT_TOPIC: 12, Reason.NOT_NEVER: 0}
    told = published_drift(Drift(desk.now, -3, -45, changes, 0, 0, 0, 0))
    assert (told.audience, told.accepted) == (few, -45)
    assert told.refused == {
        Reason.NOT_ALL: 30,
        Reason.NOT_TOPIC: few,
        Reason.NOT_NEVER: few,
    }
