"""A move is marked until it is settled: the last one of each person, and by nobody twice at once."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import people, permission
from mailer.database import Database
from mailer.permission import LEFT_AFTER
from mailer.vault import Vault
from mailer.vocabulary import AddressId
from tests.people_of_tests import TestPerson, a_customer

SECOND = timedelta(seconds=1)


@pytest.fixture
def jo(session: Session, vault: Vault, now: datetime) -> TestPerson:
    return a_customer(session, vault, now=now)


def moved(session: Session, jo: TestPerson, to: int, now: datetime) -> permission.Move:
    return permission.move(session, person_id=jo.person_id, address_id=AddressId(to), now=now)


def test_a_move_is_marked_until_it_is_settled(
    session: Session, jo: TestPerson, now: datetime
) -> None:
    assert permission.unsettled_move(session, jo.person_id) is None
    move = moved(session, jo, 77, now)
    assert permission.unsettled_move(session, jo.person_id) == move
    permission.forget_move(session, move)
    assert permission.unsettled_move(session, jo.person_id) is None


def test_to_settle_an_earlier_move_leaves_the_mark_of_a_later_one(
    session: Session, jo: TestPerson, now: datetime
) -> None:
    first = moved(session, jo, 77, now)
    moved(session, jo, 78, now)
    third = moved(session, jo, 77, now)
    permission.forget_move(session, first)
    assert permission.unsettled_move(session, jo.person_id) == third


def test_who_spoke_since_is_settled_by_the_mark_of_their_move(
    session: Session, jo: TestPerson, now: datetime
) -> None:
    move = moved(session, jo, 77, now)
    permission.follow(session, person_id=jo.person_id, address_id=AddressId(77), now=now)
    assert permission.move_to(session, jo.person_id, AddressId(77)) == move
    permission.forget_move(session, move)
    again = permission.move_to(session, jo.person_id, AddressId(77))
    assert again.version == move.version + 1


def test_a_move_is_left_after_a_minute_and_given_to_one_at_a_time(
    session: Session, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    anna = a_customer(session, vault, "Anna Becker", now=now)
    first, second = moved(session, jo, 77, now), moved(session, anna, 78, now + SECOND)
    assert permission.take_left_move(session, now=now + LEFT_AFTER - SECOND) is None
    late = now + LEFT_AFTER + SECOND
    assert permission.take_left_move(session, now=late) == first
    assert permission.take_left_move(session, now=late) == second
    assert permission.take_left_move(session, now=late) is None
    assert permission.take_left_move(session, now=late + LEFT_AFTER) == first


def test_nothing_is_left_of_a_move_by_who_is_erased(
    session: Session, jo: TestPerson, now: datetime
) -> None:
    moved(session, jo, 77, now)
    permission.forget(session, jo.person_id)
    assert permission.unsettled_move(session, jo.person_id) is None


@pytest.mark.parametrize("erased_first", [True, False])
def test_nothing_is_left_of_a_move_by_who_was_merged_into_somebody_erased(
    session: Session, vault: Vault, jo: TestPerson, now: datetime, *, erased_first: bool
) -> None:
    anna = a_customer(session, vault, "Anna Becker", now=now)
    moved(session, jo, 77, now)
    permission.merge(session, survivor=anna.person_id, merged=jo.person_id, now=now)
    people.merge(session, survivor=anna.person_id, merged=jo.person_id, now=now)
    if erased_first:
        people.erase(session, vault, anna.person_id, now=now)
    permission.forget(session, anna.person_id)
    assert permission.take_left_move(session, now=now + 2 * LEFT_AFTER) is None
    for each in (jo, anna):
        assert permission.standing_of(session, each.person_id) is None


def test_the_move_that_was_left_longest_ago_is_taken_first_whatever_row_is_older(
    session: Session, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    anna = a_customer(session, vault, "Anna Becker", now=now)
    later, sooner = moved(session, anna, 78, now + SECOND), moved(session, jo, 77, now)
    late = now + LEFT_AFTER + SECOND
    assert permission.take_left_move(session, now=late) == sooner
    assert permission.take_left_move(session, now=late) == later


def test_two_who_take_a_move_at_once_take_different_ones_without_a_wait(
    database: Database, vault: Vault, now: datetime
) -> None:
    with database.transaction() as session:
        crowd = [a_customer(session, vault, name, now=now) for name in ("Jo Reed", "Anna Becker")]
        left = [moved(session, each, 77, now) for each in crowd]
    late = now + LEFT_AFTER
    with database.transaction() as one, database.transaction() as other:
        other.execute(text("SET LOCAL lock_timeout = '2s'"))
        first = permission.take_left_move(one, now=late)
        second = permission.take_left_move(other, now=late)
    assert {first, second} == {*left}
