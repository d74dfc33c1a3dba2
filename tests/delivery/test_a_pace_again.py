"""A pace that is taken off a mailing and given again goes on where it was."""

import pytest

from mailer.delivery import Limits, Pace, set_pace
from mailer.providers import Later, Outgoing
from mailer.vocabulary import Lane, MailingId
from tests.delivery.conftest import Road
from tests.delivery.test_turns import work


def off_and_on(road: Road, mailing: MailingId, limits: Limits) -> None:
    for each in (None, limits):
        with road.database.transaction() as session:
            set_pace(session, mailing, each)


def test_a_pace_that_is_taken_off_and_given_again_counts_tries_that_came_to_nothing(
    road: Road,
) -> None:
    begun: list[Outgoing] = []
    road.provider.before_each(begun.append)
    for person in road.crowd(40)[1::2]:
        road.provider.answer_for(person.email, Later(452, "4.2.2 mailbox full"))
    limits = Limits(per_day=10)
    mailing = road.campaign(pace=limits)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert len(begun) == 10
    off_and_on(road, mailing, limits)
    work(road, [road.sender], seconds=10)
    assert len(begun) == 10


def test_a_pace_that_is_taken_off_and_given_again_keeps_the_day_of_its_warm_up(road: Road) -> None:
    road.crowd(60)
    limits = Limits(warm_up=(2, 5, 50))
    mailing = road.campaign(pace=limits)
    for _ in range(2):
        work(road, [road.sender], seconds=10)
        road.later(hours=25)
    assert len(road.got()) == 7
    off_and_on(road, mailing, limits)
    work(road, [road.sender], seconds=10)
    assert len(road.got()) == 57


@pytest.mark.parametrize("hours", [0, 1])
def test_what_began_between_two_paces_is_added_to_the_first_ones(road: Road, hours: int) -> None:
    road.crowd(30)
    limits = Limits(per_day=12)
    mailing = road.campaign(pace=Limits(per_day=4))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.transaction() as session:
        set_pace(session, mailing, None)
    road.later(hours=hours)
    road.worker(pace=Pace(per_second=5)).deliver_one(Lane.PROMOTIONAL)
    assert len(road.got()) == 9
    off_and_on(road, mailing, limits)
    off_and_on(road, mailing, limits)
    work(road, [road.sender], seconds=10)
    assert len(road.got()) == 12
