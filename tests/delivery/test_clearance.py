"""Promotional mail is claimed by who has looked at the journal, in the database they looked at."""

import uuid
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from mailer.delivery import Halt, Sender, clear, halt, lift_halt
from mailer.vocabulary import Lane
from tests.delivery.conftest import Road


@dataclass
class Looked:
    """A clearance whose token the test sets."""

    holds: uuid.UUID | None = None
    asked: list[uuid.UUID | None] = field(default_factory=list)

    def token(self) -> uuid.UUID | None:
        self.asked.append(self.holds)
        return self.holds


@pytest.fixture
def looked(road: Road) -> Looked:
    with road.database.transaction() as session:
        return Looked(clear(session, before=None))


def sender_of(road: Road, looked: Looked) -> Sender:
    return road.worker(clearance=looked)


@pytest.mark.clause("C08")
def test_a_token_that_the_database_lacks_claims_nothing_promotional(
    road: Road, looked: Looked
) -> None:
    jo = road.customer("Jo Example")
    road.campaign()
    looked.holds = uuid.uuid4()
    assert not sender_of(road, looked).deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []
    road.order_update(jo)
    assert sender_of(road, looked).deliver_one(Lane.ORDERS)
    assert road.got() == [jo.email]


def test_who_has_no_token_asks_the_database_for_nothing(road: Road, looked: Looked) -> None:
    road.customer("Jo Example")
    road.campaign()
    looked.holds = None
    assert not sender_of(road, looked).deliver_one(Lane.PROMOTIONAL)


def test_the_token_of_a_look_claims_and_hands_over(road: Road, looked: Looked) -> None:
    jo = road.customer("Jo Example")
    road.campaign()
    assert sender_of(road, looked).deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [jo.email]


@pytest.mark.clause("C08")
def test_a_database_restored_between_claim_and_hand_over_takes_nothing_in_hand(
    road: Road, looked: Looked
) -> None:
    road.customer("Jo Example")
    road.campaign()

    def restore() -> None:
        with road.database.transaction() as session:
            session.execute(text("DELETE FROM delivery_clearance"))

    road.press.after_printing = restore
    assert sender_of(road, looked).deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []


def test_a_halt_stops_campaigns_in_every_process_and_order_updates_in_none(
    road: Road, looked: Looked
) -> None:
    jo = road.customer("Jo Example")
    road.campaign()
    with road.database.transaction() as session:
        halt(session, Halt("a1b2", "the database is older than the journal", road.now))
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)
    assert not sender_of(road, looked).deliver_one(Lane.PROMOTIONAL)
    road.order_update(jo)
    assert road.sender.deliver_one(Lane.ORDERS)
    with road.database.transaction() as session:
        lift_halt(session, "a1b2")
    assert sender_of(road, looked).deliver_one(Lane.PROMOTIONAL)


def test_a_new_token_takes_the_place_of_the_one_before(road: Road, looked: Looked) -> None:
    with road.database.transaction() as session:
        token = clear(session, before=looked.holds)
    with road.database.reading() as session:
        held = session.execute(text("SELECT token FROM delivery_clearance")).scalars().all()
    assert held == [token]
