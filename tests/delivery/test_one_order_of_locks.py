"""Whoever moves or merges a customer locks the customer first, then their standing: no ring of waits."""

import threading
from collections.abc import Callable
from time import monotonic, sleep

import pytest
from sqlmodel import Session

from mailer import people, permission
from mailer.people import NewProfile, Upserted
from mailer.vocabulary import PersonId
from tests.delivery.conftest import Road, is_anybody_waiting

Joins = Callable[[Road, PersonId, PersonId], object]


def told_by_the_shop(session: Session, road: Road, email: str) -> Upserted:
    """Jo as the shop knows her, at this address."""
    jo = NewProfile(email=email, name="Jo Example", source="shop", external_id="C-1042")
    return people.upsert(session, road.vault, jo, now=road.now)


def move(road: Road, jo: PersonId, _: PersonId) -> object:
    return road.opt_outs.change_address(jo, "jo@new.example.com")


def merge_into(road: Road, jo: PersonId, anna: PersonId) -> object:
    return road.opt_outs.merge(survivor=anna, merged=jo)


def merge_with(road: Road, jo: PersonId, anna: PersonId) -> object:
    return road.opt_outs.merge(survivor=jo, merged=anna)


@pytest.mark.parametrize("join", [move, merge_into, merge_with])
def test_a_move_by_the_shop_and_another_at_once_wait_in_one_order(road: Road, join: Joins) -> None:
    anna = road.customer("Anna Becker")
    with road.database.transaction() as session:
        jo = told_by_the_shop(session, road, "jo@example.com")
        permission.admit(session, [jo.person_id], now=road.now)
    done: list[object] = []
    other = threading.Thread(
        target=lambda: done.append(join(road, jo.person_id, anna.person_id)), daemon=True
    )
    with road.database.transaction() as session:
        moved = told_by_the_shop(session, road, "jo@moved.example.com")
        other.start()
        give_up = monotonic() + 10
        while not is_anybody_waiting(road) and monotonic() < give_up:
            sleep(0.01)
        permission.follow(
            session, person_id=moved.person_id, address_id=moved.address_id, now=road.now
        )
    other.join(10)
    assert len(done) == 1
