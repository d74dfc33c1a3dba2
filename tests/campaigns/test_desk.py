"""Campaigns from the draft to the end: every act is checked, done once, and on record."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from mailer import campaigns, ledger
from mailer.campaigns import (
    Act,
    CampaignId,
    CampaignNotFound,
    CannotDo,
    CannotSend,
    Check,
    ContentRefused,
    MomentPassed,
    NewCampaign,
    State,
)
from mailer.campaigns.audience.rules import CustomerSince, LivesIn, Ordered
from mailer.letters import PromotionalContent
from mailer.permission import Change
from mailer.vocabulary import Door, Reason, Topic
from mailer.wiring import build
from tests.campaigns.conftest import BY, Desk, new_campaign
from tests.web.house import settings_for


def test_a_draft_is_found_again_as_it_was_written(desk: Desk) -> None:
    campaign = desk.look(desk.draft(rule=Ordered(product="POS-PRO")))
    assert campaign.state is State.DRAFT
    assert campaign.content == PromotionalContent.sample()
    assert campaign.audience == new_campaign(rule=Ordered(product="POS-PRO")).audience
    assert (campaign.created_by, campaign.created_at) == (BY, desk.now)


def test_a_number_without_a_campaign_is_not_found(desk: Desk) -> None:
    with pytest.raises(CampaignNotFound):
        desk.look(CampaignId(99))
    with pytest.raises(CampaignNotFound):
        desk.do("pause", CampaignId(99))


def test_content_that_cannot_be_sent_is_refused_when_it_is_saved(desk: Desk) -> None:
    content = PromotionalContent.sample().model_copy(
        update={"button_url": "https://elsewhere.example.org/", "subject": "Hi {{ password }}"}
    )
    bad = NewCampaign("Bad", Topic.COMPANY_NEWS, content, new_campaign().audience)
    with pytest.raises(ContentRefused) as refused, desk.database.transaction() as session:
        campaigns.create(session, bad, brand=desk.parts.brand, by=BY, now=desk.now)
    assert {each.field for each in refused.value.problems} == {"subject", "button_url"}


def test_a_draft_can_be_edited_and_a_scheduled_campaign_cannot(desk: Desk) -> None:
    campaign_id = desk.draft()

    def edit(name: str) -> None:
        new = new_campaign()
        with desk.database.transaction() as session:
            campaigns.edit(
                session,
                campaign_id,
                NewCampaign(name, new.topic, new.content, new.audience),
                brand=desk.parts.brand,
                by=BY,
                now=desk.now,
            )

    edit("Winter release")
    assert desk.look(campaign_id).name == "Winter release"
    desk.do("schedule", campaign_id, at=desk.now + timedelta(days=1))
    with pytest.raises(CannotDo) as told:
        edit("Spring release")
    assert told.value.possible == (
        Act.SCHEDULE,
        Act.UNSCHEDULE,
        Act.START,
        Act.CANCEL,
        Act.APPROVE,
        Act.TEST,
        Act.CLONE,
        Act.PACE,
        Act.BRAKE,
    )
    desk.do("unschedule", campaign_id)
    edit("Spring release")
    assert desk.look(campaign_id).name == "Spring release"


def test_a_second_click_on_taking_back_is_agreed_with_and_not_told(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, at=desk.now + timedelta(days=1))
    for _ in range(2):
        assert desk.do("unschedule", campaign_id).state is State.DRAFT
    with desk.database.reading() as session:
        kinds = session.execute(text("SELECT kind FROM ledger_entry ORDER BY id")).scalars().all()
    assert kinds == ["campaign.created", "campaign.scheduled", "campaign.unscheduled"]


@pytest.mark.clause("C27")
def test_without_a_postal_address_no_campaign_is_scheduled_or_started(
    desk: Desk, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = settings_for(database_url, tmp_path_factory.mktemp("bare"), postal_address="")
    bare = Desk(build(settings, process="bare"), desk.provider, desk.time)
    campaign_id = bare.draft()
    with pytest.raises(CannotSend) as told:
        bare.do("schedule", campaign_id, at=desk.now + timedelta(days=1))
    assert [(each.check, each.clause) for each in told.value.findings] == [
        (Check.POSTAL_ADDRESS, "C27")
    ]
    with pytest.raises(CannotSend):
        bare.do("start", campaign_id)
    assert desk.look(campaign_id).state is State.DRAFT
    bare.parts.close()


def test_a_campaign_goes_to_its_audience_and_finishes(desk: Desk) -> None:
    jo = desk.customer("Jo Example")
    anna = desk.customer("Anna Becker", topics=())
    campaign_id = desk.draft()
    assert desk.do("start", campaign_id).state is State.SENDING
    desk.send_all()
    desk.tick()
    report = desk.report(campaign_id)
    assert report.campaign.state is State.FINISHED
    assert report.campaign.ended_at == desk.now
    assert report.books.balance
    assert (report.books.audience, report.books.accepted) == (2, 1)
    assert report.books.refused == {Reason.NOT_NEVER: 1}
    assert [each.recipient for each in desk.provider.accepted] == [jo.email]
    assert anna.email != jo.email


def test_two_clicks_on_start_make_one_mailing(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    first = desk.do("start", campaign_id)
    second = desk.do("start", campaign_id)
    assert (first.mailing_id, first.started_at) == (second.mailing_id, second.started_at)
    assert desk.report(campaign_id).books.audience == 1


def test_a_scheduled_campaign_starts_at_its_moment_and_no_earlier(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, at=desk.now + timedelta(hours=2))
    assert desk.tick() == []
    desk.later(hours=2)
    assert desk.tick() == [campaign_id]
    assert desk.look(campaign_id).state is State.SENDING
    assert desk.tick() == []


def test_two_clocks_at_once_start_a_campaign_once(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, at=desk.now + timedelta(minutes=1))
    desk.later(minutes=1)
    started: list[CampaignId] = []
    together = threading.Barrier(4)

    def tick() -> None:
        together.wait()
        with desk.database.transaction() as session:
            started.extend(campaigns.start_due(session, brand=desk.parts.brand, now=desk.now))

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert started == [campaign_id]
    assert desk.report(campaign_id).books.audience == 1


def test_a_moment_that_has_passed_cannot_be_scheduled(desk: Desk) -> None:
    campaign_id = desk.draft()
    with pytest.raises(MomentPassed):
        desk.do("schedule", campaign_id, at=desk.now)


def test_a_campaign_that_became_unfit_goes_back_to_the_drafts(
    desk: Desk, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, at=desk.now + timedelta(hours=1))
    desk.later(hours=1)
    settings = settings_for(database_url, tmp_path_factory.mktemp("bare"), postal_address="")
    bare = Desk(build(settings, process="bare"), desk.provider, desk.time)
    assert bare.tick() == []
    assert desk.look(campaign_id).state is State.DRAFT
    bare.parts.close()


def test_a_paused_campaign_sends_nothing_until_it_is_resumed(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("start", campaign_id)
    assert desk.do("pause", campaign_id).state is State.PAUSED
    desk.send_all()
    desk.tick()
    assert desk.provider.accepted == []
    assert desk.look(campaign_id).state is State.PAUSED
    assert desk.do("resume", campaign_id).state is State.SENDING
    desk.send_all()
    assert len(desk.provider.accepted) == 1


def test_a_cancelled_campaign_never_sends_and_its_books_balance(desk: Desk) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("start", campaign_id)
    assert desk.do("cancel", campaign_id).state is State.CANCELLED
    desk.send_all()
    desk.tick()
    report = desk.report(campaign_id)
    assert report.campaign.state is State.CANCELLED
    assert (report.books.cancelled, report.books.to_go) == (1, 0)
    assert report.books.balance
    assert desk.provider.accepted == []
    with pytest.raises(CannotDo):
        desk.do("resume", campaign_id)


def test_a_campaign_to_nobody_finishes_at_the_next_tick(desk: Desk) -> None:
    campaign_id = desk.draft(rule=LivesIn(any_of=("IS",)))
    desk.do("start", campaign_id)
    desk.tick()
    assert desk.look(campaign_id).state is State.FINISHED
    assert desk.report(campaign_id).books.audience == 0


def test_every_act_stands_in_the_ledger_with_who_did_it(desk: Desk) -> None:
    campaign_id = desk.draft()
    mailing_id = desk.do("start", campaign_id).mailing_id
    desk.do("pause", campaign_id)
    desk.do("resume", campaign_id)
    desk.do("resume", campaign_id)
    desk.do("cancel", campaign_id)
    assert mailing_id is not None
    with desk.database.reading() as session:
        story = ledger.entries_of_mailing(session, mailing_id, limit=10)
    assert [each.kind for each in reversed(story)] == [
        "campaign.started",
        "campaign.paused",
        "campaign.sending",
        "campaign.cancelled",
    ]
    assert {each.actor for each in story} == {BY}


def test_a_preview_counts_by_reason_what_the_sender_then_does(desk: Desk) -> None:
    desk.customer("Jo Example")
    desk.customer("Bo Example")
    stopped = desk.customer("Anna Becker")
    desk.customer("Li Wei", topics=())
    desk.parts.opt_outs.change(
        stopped.person_id,
        Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True),
    )
    campaign_id = desk.draft()
    with desk.database.reading() as session:
        counted = campaigns.preview(session, campaign_id, now=desk.now)
    assert (counted.audience, counted.allowed) == (4, 2)
    assert counted.refused == {Reason.NOT_ALL: 1, Reason.NOT_NEVER: 1}
    assert desk.report(campaign_id).books.audience == 0
    desk.do("start", campaign_id)
    desk.send_all()
    books = desk.report(campaign_id).books
    assert (books.accepted, books.refused) == (counted.allowed, counted.refused)


def test_pages_of_campaigns_go_on_behind_the_last_one(desk: Desk) -> None:
    made = [desk.draft() for _ in range(3)]
    with desk.database.reading() as session:
        first = campaigns.campaigns_page(session, limit=2)
        rest = campaigns.campaigns_page(session, after=first[-1].campaign_id, limit=2)
    assert [each.campaign_id for each in first + rest] == made


@pytest.mark.parametrize(
    ("kept", "read"),
    [
        ("0001-01-01T00:00:00+14:00", datetime(2000, 1, 1, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59-12:00", datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_rule_that_an_earlier_version_took_keeps_no_campaign_from_a_pause_or_its_end(
    desk: Desk, kept: str, read: datetime
) -> None:
    desk.customer("Jo Example")
    under_way, draft = desk.draft(), desk.draft()
    desk.do("start", under_way)
    rule = {"kind": "customer_since", "since": kept}
    with desk.database.transaction() as session:
        session.execute(
            text("UPDATE campaigns_campaign SET audience = CAST(:audience AS jsonb)"),
            {"audience": json.dumps({"rule": rule})},
        )
    assert desk.look(under_way).audience.rule == CustomerSince(since=read)
    assert desk.do("pause", under_way).state is State.PAUSED
    assert desk.do("cancel", under_way).state is State.CANCELLED
    assert desk.do("start", draft).state is State.SENDING
