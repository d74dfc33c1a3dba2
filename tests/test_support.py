"""What customer care is told: the sender's own decision, in the catalogue's words (C04)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailer import campaigns, ledger, orders, people, permission, support
from mailer.database import Database
from mailer.letters import PromotionalContent
from mailer.orders import EventKind, NewOrder, OrderEvent
from mailer.permission import Change, NewSuppression
from mailer.support import Removal, Remover, TopicMissing
from mailer.vocabulary import (
    Door,
    Frequency,
    Lane,
    Outcome,
    PersonId,
    Reason,
    Scope,
    SuppressionReason,
    Topic,
)
from mailer.wiring import Parts, build, build_sender
from tests.open_window import open_window
from tests.people_of_tests import TestPerson, a_customer
from tests.web.house import settings_for


@pytest.fixture
def parts(database: Database, database_url: str, tmp_path: Path, now: datetime) -> Iterator[Parts]:
    """Real parts at a fixed moment."""
    parts = build(
        settings_for(database_url, tmp_path), process="test", window=open_window, clock=lambda: now
    )
    yield parts
    parts.close()


@pytest.fixture
def jo(parts: Parts, now: datetime) -> TestPerson:
    """Jo Example, who wants company news."""
    with parts.database.transaction() as session:
        return a_customer(session, parts.vault, "Jo Example", now=now)


def explained(parts: Parts, email: str, now: datetime) -> support.Explanation:
    with parts.database.transaction() as session:
        return support.explain(session, parts.vault, email, actor="staff:7", now=now)


def why(parts: Parts, email: str, topic: Topic | None, now: datetime) -> tuple[bool, str]:
    story = explained(parts, email, now).customers[0]
    found = next(each for each in story.now if each.topic is topic)
    return found.allowed, found.sentence


@pytest.mark.clause("C04")
def test_each_kind_of_mail_is_explained_with_its_reason(
    parts: Parts, jo: TestPerson, now: datetime
) -> None:
    assert why(parts, jo.email, None, now) == (True, "Mail about their own orders is sent.")
    allowed, words = why(parts, jo.email, Topic.COMPANY_NEWS, now)
    assert allowed
    assert words == (
        "Because “Company news” has been on since 22 November 2026, by the preference page. "
        "You agreed to: “Send me these by e-mail.”."
    )
    assert why(parts, jo.email, Topic.PARTNER_OFFERS, now) == (
        False,
        "You never turned “Partner offers” on.",
    )


def test_a_pause_and_an_opt_out_are_told_with_their_moments(
    parts: Parts, jo: TestPerson, now: datetime
) -> None:
    def wish(**wanted: Any) -> None:
        change = Change(door=Door.UNSUBSCRIBE_PAGE, policy_version="2026-11", **wanted)
        parts.opt_outs.change(jo.person_id, change)

    wish(paused_until=now + timedelta(days=9), frequency=Frequency.WEEKLY)
    assert why(parts, jo.email, Topic.COMPANY_NEWS, now) == (
        False,
        "You paused promotional mail until 1 December 2026 at 10:00:00 UTC.",
    )
    wish(topics_off=frozenset({Topic.COMPANY_NEWS}))
    assert why(parts, jo.email, Topic.COMPANY_NEWS, now) == (
        False,
        "“Company news” has been off since 22 November 2026 at 10:00:00 UTC.",
    )
    wish(stop_all=True)
    assert why(parts, jo.email, Topic.COMPANY_NEWS, now) == (
        False,
        "You stopped all promotional mail on 22 November 2026 at 10:00:00 UTC, "
        "by the link in a message.",
    )


@pytest.mark.parametrize(
    "no",
    [{"stop_all": True}, {"topics_off": frozenset({Topic.COMPANY_NEWS})}],
    ids=["all mail", "its topic"],
)
@pytest.mark.clause("C04")
def test_what_was_sent_before_a_stop_keeps_its_own_reason(
    parts: Parts, jo: TestPerson, now: datetime, no: dict[str, Any]
) -> None:
    new = campaigns.NewCampaign(
        "Autumn", Topic.COMPANY_NEWS, PromotionalContent.sample(), campaigns.Audience()
    )
    with parts.database.transaction() as session:
        made = campaigns.create(session, new, brand=parts.brand, by="staff:7", now=now)
        campaigns.start(session, made.campaign_id, brand=parts.brand, by="staff:7", now=now)
    sender = build_sender(parts)
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    sender.close()
    stop = Change(door=Door.ONE_CLICK, policy_version="2026-11", **no)
    parts.opt_outs.change(jo.person_id, stop)
    (told,) = explained(parts, jo.email, now).customers[0].messages
    assert (told.outcome, told.sentence) == (
        Outcome.ACCEPTED,
        "Because “Company news” has been on since 22 November 2026, by the preference page. "
        "You agreed to: “Send me these by e-mail.”.",
    )


def test_a_bounce_says_when_mail_came_back(parts: Parts, jo: TestPerson, now: datetime) -> None:
    later = now + timedelta(days=3)
    bounced = NewSuppression(
        Scope.ALL, SuppressionReason.HARD_BOUNCE, Door.BOUNCE, address_id=jo.address_id
    )
    with parts.database.transaction() as session:
        permission.suppress(session, bounced, now=later)
    for topic in (None, Topic.COMPANY_NEWS):
        allowed, words = why(parts, jo.email, topic, later)
        assert (
            allowed,
            words.startswith("Mail to this address came back on 25 November 2026"),
        ) == (
            False,
            True,
        )


def test_what_was_cancelled_says_when(parts: Parts, jo: TestPerson, now: datetime) -> None:
    new = campaigns.NewCampaign(
        "Autumn", Topic.COMPANY_NEWS, PromotionalContent.sample(), campaigns.Audience()
    )
    later = now + timedelta(hours=2)
    with parts.database.transaction() as session:
        made = campaigns.create(session, new, brand=parts.brand, by="staff:7", now=now)
        campaigns.start(session, made.campaign_id, brand=parts.brand, by="staff:7", now=now)
        campaigns.cancel(session, made.campaign_id, by="staff:7", now=later)
    (told,) = explained(parts, jo.email, later).customers[0].messages
    assert (told.outcome, told.sentence) == (
        Outcome.CANCELLED,
        "The campaign was cancelled on 22 November 2026 at 12:00:00 UTC, before your turn.",
    )


def test_order_updates_name_their_order_and_bills_their_plan(
    parts: Parts, jo: TestPerson, now: datetime
) -> None:
    money = {"amount": 13_800, "currency": "USD"}
    plan = {"plan": "POS Pro", "amount": money}
    with parts.database.transaction() as session:
        order = NewOrder("10482", jo.person_id, "USD", (), 100, now)
        orders.place(session, parts.vault, order, now=now)
        for event in (
            OrderEvent(kind=EventKind.PAID, occurred_at=now, number="10482"),
            OrderEvent(
                kind=EventKind.PAYMENT_FAILED, occurred_at=now, person_id=jo.person_id, fields=plan
            ),
        ):
            orders.accept_event(session, parts.vault, event, brand=parts.brand, now=now)
    messages = explained(parts, jo.email, now).customers[0].messages
    leaves = "Its turn has not come; as things stand it would leave. "
    assert [(each.outcome, each.subject, each.sentence) for each in messages] == [
        (
            Outcome.TO_GO,
            "Payment failed",
            f"{leaves}Because your plan was left unpaid on 22 November 2026.",
        ),
        (
            Outcome.TO_GO,
            "Order 10482 paid",
            f"{leaves}Because your order 10482 was paid on 22 November 2026.",
        ),
    ]


@pytest.mark.clause("C08")
def test_what_is_still_to_go_is_told_as_things_stand_now(
    parts: Parts, jo: TestPerson, now: datetime
) -> None:
    content = PromotionalContent.sample().model_copy(update={"subject": "Hello, {{ first_name }}"})
    new = campaigns.NewCampaign("Autumn", Topic.COMPANY_NEWS, content, campaigns.Audience())
    with parts.database.transaction() as session:
        made = campaigns.create(session, new, brand=parts.brand, by="staff:7", now=now)
        begun = campaigns.start(session, made.campaign_id, brand=parts.brand, by="staff:7", now=now)
    (told,) = explained(parts, jo.email, now).customers[0].messages
    assert (told.outcome, told.reason) == (Outcome.TO_GO, Reason.SENT_TOPIC)
    assert told.subject == "Hello, Jo"
    assert told.sentence.startswith(
        "Its turn has not come; as things stand it would leave. Because"
    )
    change = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
    parts.opt_outs.change(jo.person_id, change)
    (told,) = explained(parts, jo.email, now).customers[0].messages
    assert (told.outcome, told.reason) == (Outcome.TO_GO, Reason.NOT_ALL)
    assert told.sentence == (
        "Its turn has not come; as things stand it would not leave: You stopped all promotional "
        "mail on 22 November 2026 at 10:00:00 UTC, by the unsubscribe button in your mail program."
    )
    assert begun.mailing_id is not None
    with parts.database.reading() as session:
        rolled = support.roll_told(session, begun.mailing_id, after=PersonId(0), limit=5, now=now)
    assert rolled == (replace(told, subject="Hello, there"),), "only who is looked up is named"


def test_every_event_has_a_word_in_both_sentences() -> None:
    for kind in EventKind:
        for words in (orders.EVENT_WORDS, orders.PLAN_WORDS):
            assert words[kind]
            assert "_" not in words[kind] or kind.is_of_account


@pytest.mark.clause("C09")
def test_a_look_is_on_record(parts: Parts, jo: TestPerson, now: datetime) -> None:
    explained(parts, jo.email, now)
    with parts.database.reading() as session:
        story = ledger.story_of(session, jo.person_id, limit=5)
    assert ("support.look", "staff:7") in {(each.kind, each.actor) for each in story}


def test_nothing_is_known_of_an_address_that_never_came(parts: Parts, now: datetime) -> None:
    told = explained(parts, "anna@example.com", now)
    assert told == support.Explanation(customers=(), address_known=False, suppressions=())


@pytest.mark.clause("C08")
def test_a_removal_from_all_mail_stops_order_updates_too(
    parts: Parts, jo: TestPerson, now: datetime
) -> None:
    done = support.remove(
        parts.database,
        parts.vault,
        parts.opt_outs,
        jo.email,
        Removal(Scope.ALL),
        by=Remover(Door.SUPPORT, "staff:7", now),
    )
    assert [person_id for person_id, _ in done.acknowledgements] == [jo.person_id]
    assert done.suppression_id is not None
    story = explained(parts, jo.email, now).customers[0]
    assert {each.reason for each in story.now} == {Reason.NOT_SUPPRESSED}


@pytest.mark.clause("C08")
def test_a_removal_of_an_address_that_two_share_reaches_both(
    parts: Parts, jo: TestPerson, now: datetime
) -> None:
    with parts.database.transaction() as session:
        anna = a_customer(session, parts.vault, "Anna Becker", now=now)
    parts.opt_outs.change_address(anna.person_id, jo.email)
    with parts.database.reading() as session:
        assert len(people.find_by_email(session, parts.vault, jo.email)) == 2
    done = support.remove(
        parts.database,
        parts.vault,
        parts.opt_outs,
        jo.email,
        Removal(Scope.TOPIC, Topic.COMPANY_NEWS),
        by=Remover(Door.SUPPORT, "staff:7", now),
    )
    assert {person_id for person_id, _ in done.acknowledgements} == {jo.person_id, anna.person_id}
    assert done.suppression_id is None


def test_a_removal_from_a_topic_names_it_and_no_other_does() -> None:
    for scope, topic in ((Scope.TOPIC, None), (Scope.ALL, Topic.COMPANY_NEWS)):
        with pytest.raises(TopicMissing):
            Removal(scope, topic)


def test_who_is_asleep_is_told_until_when_their_mail_is_held(parts: Parts, now: datetime) -> None:
    content = PromotionalContent.sample()
    new = campaigns.NewCampaign("Autumn", Topic.COMPANY_NEWS, content, campaigns.Audience())
    plan = campaigns.Plan(at=now + timedelta(hours=1), zone="UTC", quiet_hours=campaigns.Hours())
    by: dict[str, Any] = {"brand": parts.brand, "by": "staff:7", "now": now}
    with parts.database.transaction() as session:
        jo = a_customer(session, parts.vault, timezone="America/Los_Angeles", now=now)
        made = campaigns.create(session, new, **by)
        campaigns.schedule(session, made.campaign_id, plan=plan, **by)
        campaigns.start(session, made.campaign_id, **by)
    (told,) = explained(parts, jo.email, now).customers[0].messages
    assert (told.outcome, told.reason) == (Outcome.TO_GO, Reason.HELD_QUIET)
    assert told.sentence == (
        "Its turn has not come. "
        "Held until 22 November 2026 at 16:00:00 UTC, outside your quiet hours."
    )
