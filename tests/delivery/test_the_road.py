"""A batch from due to done, against real PostgreSQL and the fake provider."""

import pytest
from sqlmodel import Session

from mailer import delivery, people, permission
from mailer.delivery import MailingState, News
from mailer.people import AudienceFilter, audience_of
from mailer.permission import Change
from mailer.providers import AboutUs, Later, NotBegun, Rejected
from mailer.vocabulary import (
    Door,
    Frequency,
    Heard,
    Lane,
    MailingId,
    Outcome,
    PersonId,
    Reason,
    Stream,
    Topic,
)
from tests.delivery.conftest import Road

STOP = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)


def test_a_campaign_reaches_everybody_once_and_the_books_balance(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    road.customer("Never Asked", topics=())
    mailing = road.campaign()
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email, jo.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.audience, books.accepted, books.to_go) == (3, 2, 0)
    assert books.refused == {Reason.NOT_NEVER: 1}


@pytest.mark.clause("C08")
def test_an_opt_out_between_claim_and_gate_drops_the_person(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.press.after_printing = lambda: _opt_out(road, jo.person_id)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert books.refused == {Reason.NOT_ALL: 1}


def _opt_out(road: Road, person_id: PersonId) -> None:
    answer = road.opt_outs.change(person_id, STOP)
    assert answer.left == ()
    assert not answer.may_still_arrive


@pytest.mark.clause("C08")
def test_two_customers_with_one_mailbox_get_a_campaign_once(road: Road) -> None:
    road.customer("Anna Becker", email="home@example.com")
    with road.database.transaction() as session:
        _second_account(road, session)
    mailing = road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == ["home@example.com"]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert books.refused == {Reason.NOT_SAME: 1}


def _second_account(road: Road, session: Session) -> None:
    made = people.upsert(
        session,
        road.vault,
        people.NewProfile(
            email="home@example.com", name="Ben Becker", source="shop", external_id="S-2"
        ),
        now=road.now,
    )
    twin = people.upsert(
        session,
        road.vault,
        people.NewProfile(
            email="home@example.com", name="Cleo Becker", source="shop", external_id="S-3"
        ),
        now=road.now,
    )
    for person_id in {made.person_id, twin.person_id}:
        permission.admit(session, [person_id], now=road.now)
    permission.import_permissions(
        session,
        [
            permission.ImportedYes(twin.person_id, frozenset({Topic.COMPANY_NEWS}), "shop"),
        ],
        policy_version="2026-11",
        reference="P-TEST-0009",
        now=road.now,
    )


def test_an_answer_of_later_puts_only_that_person_in_line_again(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.provider.answer_for(jo.email, Later(451, "4.7.1 try again"))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)
    road.later(minutes=1)
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email, jo.email]
    with road.database.reading() as session:
        assert delivery.books(session, mailing).balance


def test_who_was_not_begun_in_time_goes_with_the_next_batch(road: Road) -> None:
    anna = road.customer("Anna Becker")
    road.campaign()
    road.provider.answer_for(anna.email, NotBegun())
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email]


@pytest.mark.clause("C05")
def test_an_order_update_leaves_whatever_the_promotional_opt_out_says(road: Road) -> None:
    anna = road.customer("Anna Becker")
    road.opt_outs.change(anna.person_id, STOP)
    road.order_update(anna)
    road.sender.deliver_one(Lane.ORDERS)
    assert road.got() == [anna.email]


def test_a_hard_refusal_suppresses_the_address_for_all_mail(road: Road) -> None:
    anna = road.customer("Anna Becker")
    road.campaign()
    road.provider.answer_for(anna.email, Rejected(550, "5.1.1 no such user", about_person=True))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    order = road.order_update(anna)
    road.sender.deliver_one(Lane.ORDERS)
    assert road.got() == []
    with road.database.reading() as session:
        assert delivery.books(session, order).refused == {Reason.NOT_BOUNCE: 1}


def test_an_answer_about_us_stops_the_lane_and_costs_nobody_anything(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    road.provider.refuse_us(AboutUs(421, "busy"))
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)
    road.provider.refuse_us(None)
    road.later(seconds=11)
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email]
    with road.database.reading() as session:
        assert delivery.books(session, mailing).accepted == 1


def test_a_paused_mailing_hands_nobody_over_and_goes_on_when_resumed(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    road.press.after_printing = lambda: _set(road, mailing, MailingState.PAUSED)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    road.press.after_printing = lambda: None
    road.later(minutes=5)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []
    _set(road, mailing, MailingState.SENDING)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email]


def test_a_cancelled_mailing_hands_nobody_over_and_everybody_is_accounted_for(road: Road) -> None:
    road.customer("Anna Becker")
    mailing = road.campaign()
    road.press.after_printing = lambda: _set(road, mailing, MailingState.CANCELLED)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    road.later(minutes=5)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert road.got() == []
    assert books.balance
    assert books.cancelled == 1


def _set(road: Road, mailing: MailingId, state: MailingState) -> None:
    with road.database.transaction() as session:
        delivery.set_mailing_state(session, mailing, state)


def test_a_dry_run_agrees_with_what_then_happens(road: Road) -> None:
    road.customer("Anna Becker")
    jo = road.customer("Jo Example")
    road.customer("Never Asked", topics=())
    road.opt_outs.change(jo.person_id, STOP)
    with road.database.reading() as session:
        dry = delivery.dry_run(
            session,
            stream=Stream.PROMOTIONAL,
            topic=Topic.COMPANY_NEWS,
            audience=audience_of(AudienceFilter()),
            now=road.now,
        )
    mailing = road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert (dry.audience, dry.allowed, dry.refused) == (3, books.accepted, books.refused)


def test_each_persons_part_in_a_mailing_can_be_told_with_its_reason(road: Road) -> None:
    anna = road.customer("Anna Becker")
    jo = road.customer("Jo Example")
    road.opt_outs.change(jo.person_id, STOP)
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        [sent] = delivery.messages_of(session, anna.person_id)
        [refused] = delivery.messages_of(session, jo.person_id)
    assert (sent.outcome, sent.reason) == (Outcome.ACCEPTED, Reason.SENT_TOPIC)
    assert (refused.outcome, refused.reason) == (Outcome.REFUSED, Reason.NOT_ALL)


def test_a_weekly_customer_gets_one_of_two_campaigns_and_is_told_why(road: Road) -> None:
    anna = road.customer("Anna Becker")
    weekly = Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", frequency=Frequency.WEEKLY)
    road.opt_outs.change(anna.person_id, weekly)
    road.campaign("campaign:1")
    second = road.campaign("campaign:2")
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    assert len(road.got()) == 1
    with road.database.reading() as session:
        assert delivery.books(session, second).refused == {Reason.NOT_OFTEN: 1}
    road.later(days=7)
    road.campaign("campaign:3")
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert len(road.got()) == 2


def test_somebody_whose_message_cannot_be_printed_is_refused_and_the_others_go(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.press.unprintable = {jo.person_id: Reason.NOT_DATA}
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert books.refused == {Reason.NOT_DATA: 1}


@pytest.mark.clause("C08")
def test_a_complaint_stops_all_promotional_mail_and_a_delivery_lifts_nothing(road: Road) -> None:
    anna = road.customer("Anna Becker")
    first = road.campaign("campaign:1")
    road.sender.deliver_one(Lane.PROMOTIONAL)
    for heard in (Heard.COMPLAINED, Heard.DELIVERED):
        with road.database.transaction() as session:
            delivery.hear(session, News(first, anna.person_id, heard, road.now), now=road.now)
    second = road.campaign("campaign:2")
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        assert delivery.books(session, second).refused == {Reason.NOT_COMPLAINT: 1}


def test_news_of_a_mail_that_was_never_sent_changes_nothing(road: Road) -> None:
    anna = road.customer("Anna Becker")
    with road.database.transaction() as session:
        delivery.hear(
            session,
            News(MailingId(77), anna.person_id, Heard.COMPLAINED, road.now),
            now=road.now,
        )
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email]
