"""Batches that were left in the middle, and mail of which nobody knows whether it went."""

import threading
import uuid
from datetime import timedelta
from time import sleep

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from mailer import delivery
from mailer.delivery import BatchNotUnknown, Books, InHand, News
from mailer.delivery.batches import claim
from mailer.delivery.settle import NotOurs, Result, settle
from mailer.failpoints import Failpoint, acting
from mailer.providers import Answer, Later, NotBegun, Unknown
from mailer.vocabulary import BatchId, Heard, Lane, MailingId
from tests.delivery.conftest import Road, is_anybody_waiting


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


PUT_OFF = Later(451, "4.7.1 greylisted, come back later")


@pytest.mark.clause("C05")
@pytest.mark.parametrize("put_off", [2, 7])
def test_an_order_update_that_was_put_off_often_survives_a_doubt(road: Road, put_off: int) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.provider.answer_for(
        anna.email, *[PUT_OFF] * put_off, Unknown("no answer to the final dot")
    )
    deliver_hour_by_hour(road)
    assert road.got() == [anna.email]
    assert books_of(road, mailing).accepted == 1


@pytest.mark.clause("C05")
def test_an_order_update_that_was_put_off_survives_a_sender_that_dies(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, PUT_OFF, PUT_OFF)
    for _ in range(2):
        road.sender.deliver_one(Lane.ORDERS)
        road.later(hours=1)

    def die(point: Failpoint) -> None:
        if point is Failpoint.IN_HAND:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), acting(die):
        road.sender.deliver_one(Lane.ORDERS)
    road.give_up()
    deliver_hour_by_hour(road)
    assert road.got() == [anna.email]
    assert books_of(road, mailing).accepted == 1


@pytest.mark.clause("C05")
def test_an_order_update_that_is_put_off_between_doubts_is_in_doubt_three_times_at_most(
    road: Road,
) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    by_turns: list[Answer] = [Unknown("no answer to the final dot"), PUT_OFF]
    road.provider.answer_for(anna.email, *by_turns * 5)
    deliver_hour_by_hour(road)
    assert len(road.provider.doubtful) == 3
    assert books_of(road, mailing).unknown == 1


def test_doubts_use_up_none_of_the_tries_of_a_mail_that_is_put_off(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    doubts = [Unknown("no answer to the final dot")] * 2
    road.provider.answer_for(anna.email, *doubts, *[PUT_OFF] * 8)
    deliver_hour_by_hour(road)
    assert road.got() == [anna.email]
    assert books_of(road, mailing).accepted == 1


def deliver_hour_by_hour(road: Road) -> None:
    for _ in range(24):
        while road.sender.deliver_one(Lane.ORDERS):
            pass
        road.later(hours=1)


def books_of(road: Road, mailing: MailingId) -> Books:
    """Return how a mailing stands, balanced."""
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    return books


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


def deliver_and_die(road: Road) -> None:
    """Leave a batch in hand."""

    def die(_: object) -> None:
        raise KeyboardInterrupt

    road.provider.before_each(die)
    with pytest.raises(KeyboardInterrupt):
        road.sender.deliver_one(Lane.PROMOTIONAL)
    road.provider.before_each(None)


def test_a_batch_left_in_hand_becomes_unknown_and_stays_so(road: Road) -> None:
    road.customer("Anna Becker")
    mailing = road.campaign()
    deliver_and_die(road)
    assert road.sweep() == 0
    road.later(seconds=62)
    assert road.sweep() == 0
    road.later(seconds=2)
    assert road.sweep() == 1
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert books.unknown == 1


@pytest.mark.parametrize("ahead", [timedelta(days=1), -timedelta(days=1)])
def test_a_batch_is_given_up_by_how_long_it_was_seen_in_hand_whatever_the_time_of_day(
    road: Road, ahead: timedelta
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    given_up: list[int] = []
    road.provider.before_each(lambda _: given_up.append(road.sweep(ahead=ahead)))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert (given_up, road.got()) == ([0, 0], [anna.email, jo.email])
    with road.database.reading() as session:
        assert delivery.books(session, mailing).accepted == 2
    road.campaign("campaign:2")
    deliver_and_die(road)
    road.sweep(ahead=ahead)
    road.later(seconds=64)
    assert road.sweep(ahead=ahead) == 1


def test_who_sweeps_for_the_first_time_has_seen_nothing_yet(road: Road) -> None:
    road.customer("Anna Becker")
    road.campaign()
    deliver_and_die(road)
    road.later(hours=1)
    assert road.sweep() == 0


def test_who_was_stopped_on_the_way_to_its_look_has_seen_nothing_in_that_time(road: Road) -> None:
    road.customer("Anna Becker")
    road.campaign()
    deliver_and_die(road)
    stopped = [100.0]

    def stop(*_: object) -> None:
        road.later(seconds=stopped.pop() if stopped else 0.0)

    event.listen(road.database.engine, "before_cursor_execute", stop)
    try:
        assert (road.sweep(), road.sweep()) == (0, 0)
    finally:
        event.remove(road.database.engine, "before_cursor_execute", stop)
    road.later(seconds=64)
    assert road.sweep() == 1


def test_a_batch_left_in_hand_is_claimed_by_nobody(road: Road) -> None:
    road.customer("Anna Becker")
    road.campaign()
    deliver_and_die(road)
    road.later(hours=1)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []


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


@pytest.mark.parametrize("state", ["prepared", "handing", "cancelled"])
def test_no_test_sees_a_batch_go_where_the_table_of_states_does_not_lead(
    road: Road, state: str
) -> None:
    road.customer("Anna Becker")
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    again = text("UPDATE delivery_batch SET state = :state")
    with (
        pytest.raises(DBAPIError, match=f"from settled to {state}"),
        road.database.transaction() as session,
    ):
        session.execute(again, {"state": state})


@pytest.mark.parametrize("was_accepted", [True, False])
def test_a_person_may_settle_an_unknown_batch_by_hand(road: Road, was_accepted: bool) -> None:
    road.customer("Anna Becker")
    mailing = road.campaign()
    deliver_and_die(road)
    road.give_up()
    with road.database.transaction() as session:
        (found,) = delivery.unknown_batches(session)
        delivery.settle_unknown(session, found.batch_id, was_accepted=was_accepted, now=road.now)
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.rejected) == ((1, 0) if was_accepted else (0, 1))


@pytest.mark.parametrize("was_accepted", [True, False])
def test_what_a_person_has_settled_stands_whatever_the_sender_says_later(
    road: Road, was_accepted: bool
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()

    def settle_by_hand(_: object) -> None:
        road.provider.before_each(None)
        road.give_up()
        with road.database.transaction() as session:
            (found,) = delivery.unknown_batches(session)
            delivery.settle_unknown(
                session, found.batch_id, was_accepted=was_accepted, now=road.now
            )

    road.provider.before_each(settle_by_hand)
    road.provider.answer_for(jo.email, NotBegun())
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    road.later(hours=1)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL), "nobody in it is mailed again"
    assert road.got() == [anna.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.rejected) == ((2, 0) if was_accepted else (0, 2))


def test_what_the_sender_has_said_is_settled_by_nobody_else(road: Road) -> None:
    """At the same moment, too: who comes second waits, and finds it done."""
    road.customer("Anna Becker")
    mailing = road.campaign()
    refused: list[BaseException] = []

    def by_hand(batch: BatchId) -> None:
        try:
            with road.database.transaction() as session:
                delivery.settle_unknown(session, batch, was_accepted=False, now=road.now)
        except BatchNotUnknown as error:
            refused.append(error)

    def while_the_word_is_written(point: Failpoint) -> None:
        if point is Failpoint.SETTLING:
            thread.start()
            while not is_anybody_waiting(road):
                sleep(0.01)

    road.provider.before_each(lambda _: road.give_up())
    batch = only_batch(road)
    thread = threading.Thread(target=by_hand, args=(batch,))
    with acting(while_the_word_is_written):
        road.sender.deliver_one(Lane.PROMOTIONAL)
    thread.join(10)
    assert len(refused) == 1
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.rejected, books.unknown) == (1, 0, 0)


def only_batch(road: Road) -> BatchId:
    with road.database.reading() as session:
        return BatchId(session.execute(text("SELECT id FROM delivery_batch")).scalar_one())


def test_a_batch_whose_people_go_again_is_settled_by_nobody(road: Road) -> None:
    """A word about nobody would keep the sender's own from recalling the copy."""
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)

    def settle_by_hand(_: object) -> None:
        road.give_up()
        with road.database.transaction() as session:
            first = BatchId(
                session.execute(text("SELECT min(id) FROM delivery_batch")).scalar_one()
            )
            with pytest.raises(BatchNotUnknown):
                delivery.settle_unknown(session, first, was_accepted=True, now=road.now)

    road.provider.before_each(settle_by_hand)
    assert road.sender.deliver_one(Lane.ORDERS)
    road.provider.before_each(None)
    road.later(hours=1)
    assert not road.sender.deliver_one(Lane.ORDERS)
    assert road.got() == [anna.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (1, 0)


def test_a_sender_of_a_time_that_was_lost_settles_nothing_that_was_given_up_for_it(
    road: Road,
) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    with road.database.transaction() as session:
        batch = claim(
            session,
            lane=Lane.PROMOTIONAL,
            token=uuid.uuid4(),
            lease=timedelta(hours=1),
            now=road.now,
        )
        assert batch is not None
        handed = InHand(batch.id, batch.root_id, mailing, road.now)
        delivery.give_up_handed(session, mailing, [handed], now=road.now)
    with pytest.raises(NotOurs), road.database.transaction() as session:
        settle(session, batch, Result(accepted=[anna.person_id]), now=road.now)
    with road.database.reading() as session:
        assert delivery.books(session, mailing).unknown == 1
