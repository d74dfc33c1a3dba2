"""A sender that waited so long for its database that its batch was given up meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import text
from sqlmodel import Session

from mailer import delivery
from mailer.database import Database
from mailer.permission import Change
from mailer.vocabulary import Door, Lane, Reason
from tests.delivery.conftest import Road
from tests.open_window import OpenWindow
from tests.people_of_tests import TestPerson

STOP = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
IN_HAND = text("SELECT count(*) FROM delivery_batch WHERE state = 'handing'")


class SlowDatabase(Database):
    """Keeps who wants to write waiting once, while a batch is in hand."""

    def __init__(self, url: str, meanwhile: Callable[[], None]) -> None:
        super().__init__(url)
        self._meanwhile: Callable[[], None] | None = meanwhile

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with super().transaction() as session:
            is_in_hand = bool(session.execute(IN_HAND).scalar_one())
        if is_in_hand and self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        with super().transaction() as session:
            yield session


def give_up(road: Road) -> None:
    """Let so much time pass that the batch in hand is given up."""
    assert road.give_up() == 1


def deliver_slowly(road: Road, lane: Lane) -> None:
    """Deliver a batch that is given up between the gate's decision and its refusals."""

    slow = SlowDatabase(road.database.url, lambda: give_up(road))
    try:
        road.worker(database=slow).deliver_one(lane)
    finally:
        slow.close()


def deliver_the_rest(road: Road, lane: Lane) -> None:
    road.press.after_printing = lambda: None
    road.later(minutes=5)
    while road.sender.deliver_one(lane):
        pass


def erase(road: Road, who: TestPerson) -> None:
    with road.database.transaction() as session:
        session.execute(
            text("UPDATE people_customer SET erased_at = :now WHERE id = :id"),
            {"now": road.now, "id": who.person_id},
        )


def stop(road: Road, who: TestPerson) -> None:
    road.opt_outs.change(who.person_id, STOP)


def test_who_was_refused_by_a_gate_that_came_too_late_is_refused_and_the_others_get_it(
    road: Road,
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.press.after_printing = lambda: stop(road, anna)
    deliver_slowly(road, Lane.PROMOTIONAL)
    deliver_the_rest(road, Lane.PROMOTIONAL)
    assert road.got() == [jo.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (1, 0)
    assert sum(books.refused.values()) == 1


def test_an_order_update_whose_gate_came_too_late_is_refused_once(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.press.after_printing = lambda: erase(road, anna)
    deliver_slowly(road, Lane.ORDERS)
    deliver_the_rest(road, Lane.ORDERS)
    assert road.got() == []
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert books.refused == {Reason.NOT_GONE: 1}


class ShutWindow(OpenWindow):
    """A window that is over when the gate has decided; what came of it is told by a hook."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def arm(self) -> bool:
        self._meanwhile()
        return False


def test_a_late_sender_whose_order_update_has_left_by_a_copy_has_nothing_to_say(
    road: Road,
) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)

    def left_by_a_copy() -> None:
        give_up(road)
        assert road.sender.deliver_one(Lane.ORDERS)

    late = road.worker(window=lambda: nullcontext(ShutWindow(left_by_a_copy)))
    assert late.deliver_one(Lane.ORDERS)
    deliver_the_rest(road, Lane.ORDERS)
    assert road.got() == [anna.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.to_go) == (1, 0)
