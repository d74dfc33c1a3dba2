"""A batch from due to done, against real PostgreSQL and the fake provider."""

import pytest
from sqlalchemy import text

from mailer import delivery
from mailer.delivery import MailingState
from mailer.permission import Change
from mailer.providers import AboutUs, Later, NotBegun, Rejected, Unknown
from mailer.vocabulary import Door, Lane, MailingId, Outcome, Reason, Topic
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


def _opt_out(road: Road, person_id: object) -> None:
    answer = road.opt_outs.change(person_id, STOP)  # type: ignore[arg-type]
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


def _second_account(road: Road, session: object) -> None:
    from mailer import people, permission

    made = people.upsert(
        session,  # type: ignore[arg-type]
        road.vault,
        people.NewProfile(
            email="home@example.com", name="Ben Becker", source="shop", external_id="S-2"
        ),
        now=road.now,
    )
    twin = people.upsert(
        session,  # type: ignore[arg-type]
        road.vault,
        people.NewProfile(
            email="home@example.com", name="Cleo Becker", source="shop", external_id="S-3"
        ),
        now=road.now,
    )
    for person_id in {made.person_id, twin.person_id}:
        permission.admit(session, [person_id], now=road.now)  # type: ignore[arg-type]
    permission.import_permissions(
        session,  # type: ignore[arg-type]
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


def test_a_promotional_mail_of_unknown_fate_is_never_sent_again(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    road.provider.answer_for(anna.email, Unknown("no answer to the final dot"))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    road.later(days=1)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert books.unknown == 1


@pytest.mark.clause("C05")
def test_an_order_update_of_unknown_fate_is_tried_three_times_in_all(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, *[Unknown("no answer to the final dot")] * 5)
    for _ in range(5):
        road.sender.deliver_one(Lane.ORDERS)
        road.later(hours=1)
    assert len(road.provider.doubtful) == 3
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert books.unknown == 1


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


def _set(road: Road, mailing: object, state: MailingState) -> None:
    with road.database.transaction() as session:
        delivery.set_mailing_state(session, mailing, state)  # type: ignore[arg-type]


def test_a_batch_whose_lease_is_over_is_taken_again_and_loses_nobody(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()

    def die() -> None:
        raise KeyboardInterrupt

    road.press.after_printing = die
    with pytest.raises(KeyboardInterrupt):
        road.sender.deliver_one(Lane.PROMOTIONAL)
    road.press.after_printing = lambda: None
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)
    road.later(seconds=31)
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email, jo.email]
    with road.database.reading() as session:
        assert delivery.books(session, mailing).accepted == 2


def test_the_gate_lets_nobody_through_for_a_batch_that_is_not_in_hand(road: Road) -> None:
    road.customer("Anna Becker")
    road.campaign()

    def steal() -> None:
        with road.database.transaction() as session:
            session.execute(text("UPDATE delivery_batch SET token = gen_random_uuid()"))

    road.press.after_printing = steal
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []


def test_a_batch_left_in_hand_becomes_unknown_and_stays_so(road: Road) -> None:
    from datetime import timedelta

    road.customer("Anna Becker")
    mailing = road.campaign()

    def die(_: object) -> None:
        raise KeyboardInterrupt

    road.provider._before_each = die
    with pytest.raises(KeyboardInterrupt):
        road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.transaction() as session:
        assert delivery.reap(session, reply_timeout=timedelta(seconds=5), now=road.now) == 0
    road.later(seconds=9)
    with road.database.transaction() as session:
        assert delivery.reap(session, reply_timeout=timedelta(seconds=5), now=road.now) == 1
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert books.unknown == 1


def test_a_dry_run_agrees_with_what_then_happens(road: Road) -> None:
    from mailer.people import AudienceFilter, audience_of
    from mailer.vocabulary import Stream

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
    from mailer.vocabulary import Frequency

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


def test_what_is_heard_of_an_unknown_mail_settles_it(road: Road) -> None:
    from mailer.delivery import News
    from mailer.vocabulary import Heard

    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    road.provider.answer_for(anna.email, Unknown("no answer to the final dot"))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    news = News(mailing, anna.person_id, Heard.DELIVERED, road.now)
    for _ in range(2):
        with road.database.transaction() as session:
            delivery.hear(session, news, now=road.now)
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (1, 0)


@pytest.mark.clause("C08")
def test_a_complaint_stops_all_promotional_mail_and_a_delivery_lifts_nothing(road: Road) -> None:
    from mailer.delivery import News
    from mailer.vocabulary import Heard

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
    from mailer.delivery import News
    from mailer.vocabulary import Heard

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


@pytest.mark.parametrize("was_accepted", [True, False])
def test_a_person_may_settle_an_unknown_batch_by_hand(road: Road, was_accepted: bool) -> None:
    from datetime import timedelta

    road.customer("Anna Becker")
    mailing = road.campaign()
    with road.database.transaction() as session:
        session.execute(
            text(
                "UPDATE delivery_batch SET state = 'handing', token = gen_random_uuid(),"
                " handing_at = :then"
            ),
            {"then": road.now - timedelta(hours=1)},
        )
        delivery.reap(session, reply_timeout=timedelta(seconds=1), now=road.now)
        [batch] = session.execute(text("SELECT id FROM delivery_batch")).scalars()
        delivery.settle_unknown(session, batch, was_accepted=was_accepted, now=road.now)
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.rejected) == ((1, 0) if was_accepted else (0, 1))
