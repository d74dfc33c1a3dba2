"""What a sweep does with a move that its door left: it tells the journal, and holds nobody up."""

from datetime import timedelta
from typing import NoReturn

import pytest

from mailer import people, permission
from mailer.delivery import Clocks, OptOuts
from mailer.journal import JournalLine, read_journal
from mailer.permission import LEFT_AFTER
from mailer.providers import Outgoing
from mailer.vocabulary import Lane
from tests.delivery.conftest import Road
from tests.people_of_tests import TestPerson

pytestmark = pytest.mark.clause("C08")


def moved_and_left(road: Road, person: TestPerson, email: str) -> None:
    """A door commits a move of this customer and dies."""
    with road.database.transaction() as session:
        address_id = people.change_address(
            session, road.vault, person.person_id, email=email, now=road.now
        )
        permission.move(session, person_id=person.person_id, address_id=address_id, now=road.now)


def sweeper_ahead(road: Road, ahead: timedelta) -> OptOuts:
    """The opt-outs of a host whose time of day is ahead, and which may wait for nothing."""

    def held(seconds: float) -> NoReturn:
        raise AssertionError(f"a worker is held for {seconds} s")

    clocks = Clocks(now=lambda: road.now + ahead, sleep=held)
    return OptOuts(road.database, road.vault, road.journal, clocks, lambda: "P-SWEEP-0001")


def moves_told(road: Road) -> int:
    lines = read_journal(road.journal.folder)
    return sum(isinstance(line, JournalLine) and line.ids.get("acts") == "move" for line in lines)


def is_marked(road: Road, person: TestPerson) -> bool:
    with road.database.reading() as session:
        return permission.unsettled_move(session, person.person_id) is not None


def test_a_sweep_waits_for_no_mail_in_hand_and_leaves_the_mark_while_there_is_some(
    road: Road,
) -> None:
    """By a clock that is ahead a mark is taken at once, while mail of before is in hand."""
    jo = road.customer("Jo Example")
    road.campaign()
    settled: list[int] = []

    def move_and_sweep(_: Outgoing) -> None:
        moved_and_left(road, jo, "jo@new.example.com")
        sweeper = sweeper_ahead(road, LEFT_AFTER)
        settled.append(sweeper.settle_left_moves(seconds=10))

    road.provider.before_each(move_and_sweep)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert settled == [1]
    assert moves_told(road) == 1
    assert is_marked(road, jo), "who asks again is answered after a wait"
    road.later(minutes=2)
    assert road.opt_outs.settle_left_moves(seconds=10) == 1
    assert moves_told(road) == 2
    assert not is_marked(road, jo)
