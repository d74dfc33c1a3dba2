"""Places are taken many at once, and one by one where two batches want the same."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from time import sleep

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer.delivery.batches import claim
from mailer.delivery.claimed import Claimed
from mailer.delivery.places import take_places
from mailer.vocabulary import Lane, PersonId
from tests.delivery.conftest import Road, is_anybody_waiting

ANOTHERS = text(
    """
    INSERT INTO delivery_place (address_id, mailing_id, person_id, batch_id, taken_at)
    VALUES (:address, :mailing, 99, 0, :now)
    """
)


def claimed(road: Road, session: Session) -> Claimed:
    token, lease = uuid.uuid4(), timedelta(minutes=5)
    batch = claim(session, lane=Lane.PROMOTIONAL, token=token, lease=lease, now=road.now)
    assert batch is not None
    return batch


def take_another(road: Road, session: Session, batch: Claimed, who: PersonId) -> None:
    """Take the place of somebody's mailbox for a batch that is not there."""
    given = {"address": batch.people[who], "mailing": batch.mailing.id, "now": road.now}
    session.execute(ANOTHERS, given)


def holders(road: Road) -> dict[int, int]:
    """Who has a place, and by which batch."""
    with road.database.reading() as session:
        rows = session.execute(text("SELECT person_id, batch_id FROM delivery_place"))
        return {row.person_id: row.batch_id for row in rows}


def test_a_batch_that_is_claimed_again_has_its_places_and_takes_those_that_are_left(
    road: Road,
) -> None:
    crowd = {each.person_id for each in road.crowd(5)}
    road.campaign()
    with road.database.transaction() as session:
        batch = claimed(road, session)
        some = list(batch.people)[:2]
        assert take_places(session, batch, some, now=road.now) == set(some)
    with road.database.transaction() as session:
        assert take_places(session, batch, list(crowd), now=road.now) == crowd
        assert take_places(session, batch, [], now=road.now) == set()
    assert holders(road) == dict.fromkeys(crowd, batch.id)


def test_a_place_that_another_batch_has_stays_theirs(road: Road) -> None:
    crowd = [each.person_id for each in road.crowd(3)]
    road.campaign()
    with road.database.transaction() as session:
        batch = claimed(road, session)
        take_another(road, session, batch, crowd[1])
        placed = take_places(session, batch, crowd, now=road.now)
    assert placed == {crowd[0], crowd[2]}
    assert holders(road) == {crowd[0]: batch.id, crowd[2]: batch.id, 99: 0}


def test_of_two_in_a_batch_who_share_a_mailbox_one_has_the_place(road: Road) -> None:
    anna, ben = (each.person_id for each in road.crowd(2))
    road.campaign()
    with road.database.transaction() as session:
        whole = claimed(road, session)
        batch = replace(whole, people={**whole.people, ben: whole.people[anna]})
        assert take_places(session, batch, [anna, ben], now=road.now) == {anna}
        assert take_places(session, batch, [ben, anna], now=road.now) == {anna}


@pytest.mark.parametrize("other_commits", [True, False])
def test_a_place_that_is_being_taken_at_the_moment_is_waited_for(
    road: Road, other_commits: bool
) -> None:
    crowd = [each.person_id for each in road.crowd(3)]
    road.campaign()
    with road.database.transaction() as session:
        batch = claimed(road, session)
    placed: list[set[PersonId]] = []

    def take() -> None:
        with road.database.transaction() as session:
            placed.append(take_places(session, batch, crowd, now=road.now))

    _meanwhile(road, take, lambda session: take_another(road, session, batch, crowd[1]),
               commits=other_commits)  # fmt: skip
    mine = {crowd[0], crowd[2]} if other_commits else set(crowd)
    assert placed == [mine]
    assert {who for who, at in holders(road).items() if at == batch.id} == mine


def test_a_place_that_is_being_given_up_at_the_moment_is_waited_for(road: Road) -> None:
    crowd = [each.person_id for each in road.crowd(3)]
    road.campaign()
    with road.database.transaction() as session:
        batch = claimed(road, session)
        take_another(road, session, batch, crowd[1])
    placed: list[set[PersonId]] = []

    def take() -> None:
        with road.database.transaction() as session:
            placed.append(take_places(session, batch, crowd, now=road.now))

    def give_up(session: Session) -> None:
        session.execute(text("DELETE FROM delivery_place"))

    _meanwhile(road, take, give_up, commits=True)
    assert placed == [set(crowd)]


def _meanwhile(
    road: Road, take: Callable[[], None], other: Callable[[Session], None], *, commits: bool
) -> None:
    """Let `other` be done and not committed while `take` begins and waits for it."""
    taking = threading.Thread(target=take)
    with Session(road.database.engine) as session:
        other(session)
        taking.start()
        while not is_anybody_waiting(road):
            assert taking.is_alive()
            sleep(0.01)
        session.commit() if commits else session.rollback()
    taking.join()
