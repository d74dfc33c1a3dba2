"""Two customers who become one while a campaign is on its way get it once."""

import pytest

from mailer import delivery
from mailer.delivery.settle import SOON
from mailer.providers import NotBegun
from mailer.vocabulary import Lane, Reason
from tests.delivery.conftest import Road
from tests.people_of_tests import TestPerson


def merge(road: Road, *, survivor: TestPerson, merged: TestPerson) -> None:
    road.press.after_printing = lambda: None
    road.opt_outs.merge(survivor=survivor.person_id, merged=merged.person_id)


def deliver_the_rest(road: Road) -> None:
    for _ in range(3):
        road.later(seconds=2 * SOON.total_seconds())
        while road.sender.deliver_one(Lane.PROMOTIONAL):
            pass


@pytest.mark.parametrize("is_printed", [False, True])
@pytest.mark.parametrize("has_moved", [False, True])
def test_who_got_a_campaign_as_a_customer_that_was_merged_into_them_does_not_get_it_again(
    road: Road, is_printed: bool, has_moved: bool
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.provider.answer_for(jo.email, NotBegun())
    road.sender.deliver_one(Lane.PROMOTIONAL)
    if has_moved:
        road.opt_outs.change_address(anna.person_id, "anna@elsewhere.example")
    if is_printed:
        road.press.after_printing = lambda: merge(road, survivor=jo, merged=anna)
    else:
        merge(road, survivor=jo, merged=anna)
    deliver_the_rest(road)
    assert road.got() == [anna.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.refused) == (1, {Reason.NOT_SAME: 1})


def test_who_was_merged_before_their_turn_leaves_the_campaign_to_the_survivor(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.provider.answer_for(anna.email, NotBegun())
    road.provider.answer_for(jo.email, NotBegun())
    road.sender.deliver_one(Lane.PROMOTIONAL)
    merge(road, survivor=jo, merged=anna)
    deliver_the_rest(road)
    assert road.got() == [jo.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.refused) == (1, {Reason.NOT_GONE: 1})
