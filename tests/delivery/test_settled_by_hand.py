"""People of unknown fate in a batch whose other people are known, settled by a person."""

import pytest
from sqlalchemy import text

from mailer import delivery
from mailer.delivery import BatchNotUnknown, News
from mailer.providers import Unknown
from mailer.vocabulary import BatchId, Heard, Lane, MailingId
from tests.delivery.conftest import Road
from tests.people_of_tests import TestPerson


@pytest.fixture
def anna(road: Road) -> TestPerson:
    return road.customer("Anna Becker")


@pytest.fixture
def mailing(road: Road, anna: TestPerson) -> MailingId:
    """A campaign to two, of whom the provider took one and never answered about Anna."""
    road.customer("Jo Example")
    mailing = road.campaign()
    road.provider.answer_for(anna.email, Unknown("no answer to the final dot"))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    return mailing


def batch_in_doubt(road: Road) -> BatchId:
    with road.database.reading() as session:
        (found,) = delivery.unknown_batches(session)
    assert found.unknown == 1
    return found.batch_id


def settle(road: Road, batch: BatchId, *, was_accepted: bool) -> int:
    with road.database.transaction() as session:
        return delivery.settle_unknown(session, batch, was_accepted=was_accepted, now=road.now)


@pytest.mark.clause("C04")
@pytest.mark.parametrize("was_accepted", [True, False])
def test_whom_the_provider_never_answered_can_be_settled_by_hand(
    road: Road, anna: TestPerson, mailing: MailingId, was_accepted: bool
) -> None:
    batch = batch_in_doubt(road)
    assert settle(road, batch, was_accepted=was_accepted) == 1
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
        gauges = delivery.gauges(session, now=road.now)
        still_unknown = delivery.unknown_batches(session)
        noted = "SELECT person_id, outcome, reason, detail FROM delivery_exception"
        notes = [tuple(row) for row in session.execute(text(noted))]
    assert books.balance
    assert (books.accepted, books.rejected) == ((2, 0) if was_accepted else (1, 1))
    assert (gauges.unknown, still_unknown) == (0, [])
    assert notes == [
        (anna.person_id, "accepted", "sent.topic", "settled by hand: taken")
        if was_accepted
        else (anna.person_id, "rejected", "not.refused", "settled by hand: not taken")
    ]
    with pytest.raises(BatchNotUnknown):
        settle(road, batch, was_accepted=was_accepted)


def test_what_is_heard_after_a_person_has_settled_counts_nobody_twice(
    road: Road, anna: TestPerson, mailing: MailingId
) -> None:
    settle(road, batch_in_doubt(road), was_accepted=True)
    road.opt_outs.hear(News(mailing, anna.person_id, Heard.DELIVERED, road.now))
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (2, 0)


def test_a_settled_batch_of_which_all_is_known_cannot_be_settled_by_hand(road: Road) -> None:
    road.customer("Anna Becker")
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        batch = BatchId(session.execute(text("SELECT id FROM delivery_batch")).scalar_one())
    with pytest.raises(BatchNotUnknown):
        settle(road, batch, was_accepted=True)


def test_an_order_update_in_doubt_to_the_last_can_be_settled_by_hand(
    road: Road, anna: TestPerson
) -> None:
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, *[Unknown("no answer to the final dot")] * 3)
    for _ in range(3):
        road.sender.deliver_one(Lane.ORDERS)
        road.later(hours=1)
    settle(road, batch_in_doubt(road), was_accepted=True)
    with road.database.reading() as session:
        assert delivery.books(session, mailing).accepted == 1
        noted = "SELECT outcome, reason FROM delivery_exception"
        assert tuple(session.execute(text(noted)).one()) == ("accepted", "sent.order")
