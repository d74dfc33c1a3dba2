"""Batches that were left in the middle, and mail of which nobody knows whether it went."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from mailer import delivery
from mailer.delivery import News
from mailer.providers import Unknown
from mailer.vocabulary import Heard, Lane
from tests.delivery.conftest import Road


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
    road.customer("Anna Becker")
    mailing = road.campaign()

    def die(_: object) -> None:
        raise KeyboardInterrupt

    road.provider.before_each(die)
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


def test_what_is_heard_of_an_unknown_mail_settles_it(road: Road) -> None:
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


@pytest.mark.parametrize("was_accepted", [True, False])
def test_a_person_may_settle_an_unknown_batch_by_hand(road: Road, was_accepted: bool) -> None:
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
