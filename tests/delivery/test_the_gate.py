"""The gate stands: whatever happens before it holds for whoever comes to it.

These run before all other tests (`make test`): without the gate nothing else is worth its while.
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from mailer import delivery, people
from mailer.database import Database
from mailer.delivery import MailingState, NewMailing, create_mailing, prepare_audience
from mailer.delivery.batches import claim
from mailer.failpoints import Failpoint, acting
from mailer.people import AudienceFilter, audience_of
from mailer.permission import Change, NewSuppression
from mailer.vocabulary import (
    Door,
    Lane,
    MailingId,
    Reason,
    Scope,
    Stream,
    SuppressionReason,
    Topic,
)
from tests.delivery.conftest import Road
from tests.people_of_tests import TestPerson

STOP = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
BEFORE_THE_BATCH_IS_IN_HAND = (
    Failpoint.CLAIMED,
    Failpoint.PRINTED,
    Failpoint.READY,
    Failpoint.TURN_TAKEN,
    Failpoint.WINDOW_OPEN,
)


class Once:
    """Does something at one point, the first time that it is reached."""

    def __init__(self, point: Failpoint, act: Callable[[], object]) -> None:
        self._point = point
        self._act = act
        self.was_done = False

    def __call__(self, point: Failpoint) -> None:
        if point is self._point and not self.was_done:
            self.was_done = True
            self._act()


def deliver(road: Road, point: Failpoint, act: Callable[[], object]) -> None:
    """Deliver a batch while something happens at a point of it."""
    once = Once(point, act)
    with acting(once):
        assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert once.was_done


def books_of(road: Road, mailing: MailingId) -> delivery.Books:
    with road.database.reading() as session:
        return delivery.books(session, mailing)


@pytest.mark.clause("C08")
@pytest.mark.parametrize("point", BEFORE_THE_BATCH_IS_IN_HAND)
def test_a_no_that_is_acknowledged_before_the_gate_drops_the_person(
    road: Road, point: Failpoint
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    deliver(road, point, lambda: opt_out(road, jo))
    assert road.got() == [anna.email]
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.refused) == (1, {Reason.NOT_ALL: 1})


@pytest.mark.clause("C08")
@pytest.mark.parametrize("point", [None, *BEFORE_THE_BATCH_IS_IN_HAND])
def test_a_no_that_names_an_address_and_nobody_is_met_at_the_claim_and_at_the_gate(
    road: Road, point: Failpoint | None
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    if point is None:
        suppress(road, jo)
        assert road.sender.deliver_one(Lane.PROMOTIONAL)
    else:
        deliver(road, point, lambda: suppress(road, jo))
    assert road.got() == [anna.email]
    assert sum(books_of(road, mailing).refused.values()) == 1


def suppress(road: Road, person: TestPerson) -> None:
    no = NewSuppression(Scope.PROMOTIONAL, SuppressionReason.MANUAL, Door.API)
    _, answer = road.opt_outs.suppress(replace(no, address_id=person.address_id))
    assert (answer.left, answer.unsure) == ((), ())


@pytest.mark.clause("C08")
def test_the_gate_sees_the_last_no_where_a_transaction_is_told_to_see_one_moment_only(
    road: Road,
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    name = road.database.engine.url.database
    told = f'ALTER DATABASE "{name}" {{}} default_transaction_isolation {{}}'
    with road.database.transaction() as session:
        session.execute(text(told.format("SET", "= 'repeatable read'")))
    rigid = Database(road.database.url)
    try:
        road.sender = road.worker(database=rigid)
        deliver(road, Failpoint.WINDOW_OPEN, lambda: opt_out(road, jo))
    finally:
        rigid.close()
        with road.database.transaction() as session:
            session.execute(text(told.format("RESET", "")))
    assert road.got() == [anna.email]
    assert books_of(road, mailing).refused == {Reason.NOT_ALL: 1}


def opt_out(road: Road, person: TestPerson) -> None:
    answer = road.opt_outs.change(person.person_id, STOP)
    assert (answer.left, answer.unsure) == ((), ())


def test_what_the_gate_refuses_is_committed_before_anybody_is_handed_over(road: Road) -> None:
    road.customer("Anna Becker")
    jo = road.customer("Jo Example")
    mailing = road.campaign()
    refused: list[int] = []
    road.press.after_printing = lambda: opt_out(road, jo)
    road.provider.before_each(
        lambda _: refused.append(books_of(road, mailing).refused.get(Reason.NOT_ALL, 0))
    )
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert refused == [1]


def test_a_pause_that_comes_after_the_batch_was_taken_in_hand_stops_it(road: Road) -> None:
    road.customer("Anna Becker")
    mailing = road.campaign()

    def pause() -> None:
        with road.database.transaction() as session:
            delivery.set_mailing_state(session, mailing, MailingState.PAUSED)

    deliver(road, Failpoint.IN_HAND, pause)
    assert road.got() == []
    assert books_of(road, mailing).to_go == 1


def test_a_letter_whose_reader_has_changed_since_is_printed_anew(road: Road) -> None:
    anna = road.customer("Anna Becker")
    road.campaign()
    deliver(road, Failpoint.READY, lambda: rename(road, anna, "Anna Vogel"))
    assert road.got() == []
    road.later(minutes=5)
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert [list(each.pieces) for each in road.provider.accepted] == [[b"Anna Vogel"]]


def rename(road: Road, person: TestPerson, name: str) -> None:
    with road.database.transaction() as session:
        people.upsert(
            session,
            road.vault,
            people.NewProfile(email=person.email, name=name, source="shop"),
            now=road.now,
        )


def test_what_has_grown_too_late_since_it_was_claimed_is_refused_at_the_gate(road: Road) -> None:
    road.customer("Anna Becker")
    mailing = campaign_until(road, minutes=10)
    deliver(road, Failpoint.IN_HAND, lambda: road.later(minutes=11))
    assert road.got() == []
    assert books_of(road, mailing).refused == {Reason.NOT_LATE: 1}


def campaign_until(road: Road, *, minutes: float) -> MailingId:
    new = NewMailing(
        "campaign:7",
        "promotional",
        Stream.PROMOTIONAL,
        Topic.COMPANY_NEWS,
        content={},
        use_by=road.now + timedelta(minutes=minutes),
    )
    with road.database.transaction() as session:
        mailing = create_mailing(session, new, now=road.now)
        assert mailing is not None
        prepare_audience(session, mailing, audience_of(AudienceFilter()), now=road.now)
    return mailing


def test_the_gate_lets_nobody_through_for_a_batch_that_is_in_another_hand(road: Road) -> None:
    road.customer("Anna Becker")
    road.campaign()

    def take_over() -> None:
        with road.database.transaction() as session:
            session.execute(text("UPDATE delivery_batch SET token = gen_random_uuid()"))

    deliver(road, Failpoint.IN_HAND, take_over)
    assert road.got() == []


def test_a_sender_whose_batch_another_has_claimed_takes_nothing_in_hand(road: Road) -> None:
    road.customer("Anna Becker")
    road.campaign()
    other = uuid.uuid4()

    def claim_by_another() -> None:
        road.later(seconds=31)  # the lease is over
        with road.database.transaction() as session:
            assert claim(
                session,
                lane=Lane.PROMOTIONAL,
                token=other,
                lease=timedelta(seconds=30),
                now=road.now,
            )

    deliver(road, Failpoint.READY, claim_by_another)
    assert road.got() == []
    with road.database.reading() as session:
        held = session.execute(text("SELECT state, token FROM delivery_batch")).all()
    assert [tuple(row) for row in held] == [("claimed", other)]
