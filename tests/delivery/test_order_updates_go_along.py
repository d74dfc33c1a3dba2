"""An order update leaves at least once, wherever its reader went before its turn."""

from collections.abc import Callable

import pytest
from sqlmodel import Session

from mailer import delivery, people
from mailer.delivery import Books
from mailer.failpoints import Failpoint, acting
from mailer.providers import Later
from mailer.vocabulary import Lane, MailingId, Reason
from tests.delivery.conftest import Road
from tests.people_of_tests import TestPerson

NEW = "anna.new@example.com"


def move(road: Road, who: TestPerson, email: str = NEW) -> None:
    road.opt_outs.change_address(who.person_id, email)


def let_leave(road: Road, hours: int = 6) -> None:
    """Let a sender do what is due, for hours."""
    for _ in range(hours):
        while road.sender.deliver_one(Lane.ORDERS):
            pass
        road.later(hours=1)


def books_of(road: Road, mailing: MailingId) -> Books:
    with road.database.reading() as session:
        return delivery.books(session, mailing)


@pytest.mark.clause("C05")
def test_who_moves_before_its_turn_gets_it_at_the_new_address(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    move(road, anna)
    let_leave(road)
    assert road.got() == [NEW]
    assert books_of(road, mailing).balance


@pytest.mark.clause("C05")
def test_a_mistyped_address_that_is_corrected_between_two_tries_is_reached(road: Road) -> None:
    anna = road.customer("Anna Becker")
    road.order_update(anna)
    road.provider.answer_for(anna.email, Later(451, "later"))
    assert road.sender.deliver_one(Lane.ORDERS)
    move(road, anna)
    let_leave(road)
    assert road.got() == [NEW]


def test_who_moves_there_and_back_between_tries_is_reached(road: Road) -> None:
    anna = road.customer("Anna Becker")
    road.order_update(anna)
    for email in (NEW, anna.email):
        road.provider.answer_for(anna.email, Later(451, "later"))
        road.provider.answer_for(NEW, Later(451, "later"))
        road.sender.deliver_one(Lane.ORDERS)
        move(road, anna, email)
        road.later(hours=1)
    road.provider.forget_script(anna.email)
    let_leave(road)
    assert road.got() == [anna.email]


@pytest.mark.clause("C05")
@pytest.mark.parametrize("shared", [False, True])
def test_who_is_merged_before_its_turn_gets_it_as_whoever_they_are_by_then(
    road: Road, shared: bool
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    if shared:
        move(road, jo, anna.email)
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, Later(451, "later"))
    road.sender.deliver_one(Lane.ORDERS)
    road.opt_outs.merge(survivor=jo.person_id, merged=anna.person_id)
    let_leave(road)
    assert road.got() == [anna.email if shared else jo.email]
    assert books_of(road, mailing).balance


@pytest.mark.parametrize(
    "point", [Failpoint.CLAIMED, Failpoint.PRINTED, Failpoint.TURN_TAKEN, Failpoint.IN_HAND]
)
@pytest.mark.parametrize("is_merged", [False, True])
def test_who_goes_while_it_is_on_its_way_gets_it_where_they_are(
    road: Road, point: Failpoint, is_merged: bool
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.order_update(anna)

    def go() -> None:
        if is_merged:
            road.opt_outs.merge(survivor=jo.person_id, merged=anna.person_id)
        else:
            move(road, anna)

    with acting(once_at(point, go)):
        road.sender.deliver_one(Lane.ORDERS)
    let_leave(road)
    assert road.got() == [jo.email if is_merged else NEW]
    assert books_of(road, mailing).balance


def once_at(point: Failpoint, act: Callable[[], None]) -> Callable[[Failpoint], None]:
    done: list[Failpoint] = []

    def at(reached: Failpoint) -> None:
        if reached is point and not done:
            done.append(reached)
            act()

    return at


def test_who_is_erased_before_its_turn_is_refused_and_asked_about_no_more(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    with road.database.transaction() as session:
        people.erase(session, road.vault, anna.person_id, now=road.now)
    let_leave(road)
    books = books_of(road, mailing)
    assert (road.got(), books.balance, books.to_go) == ([], True, 0)


def test_promotional_mail_follows_nobody(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    move(road, anna)
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    assert road.got() == []
    assert books_of(road, mailing).refused == {Reason.NOT_MOVED: 1}


def test_a_merge_is_done_with_all_that_goes_along_or_not_at_all(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")

    def fail(session: Session) -> None:
        raise RuntimeError("the orders did not come along")

    with pytest.raises(RuntimeError):
        road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id, also=fail)
    with road.database.reading() as session:
        assert people.survivors_of(session, [jo.person_id]) == {}
