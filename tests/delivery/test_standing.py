"""Why a mailing stands where it stands: its turn, who asked for less, who waits, its brake."""

from datetime import timedelta

from mailer.delivery import (
    Brake,
    Limits,
    MailingState,
    Pace,
    Standing,
    set_mailing_state,
    standing_of,
)
from mailer.delivery.brake import Tally
from mailer.delivery.slowing import go_slower
from mailer.providers import Later, Rejected
from mailer.vocabulary import Lane, MailingId
from tests.delivery.conftest import Road


def standing(road: Road, mailing: MailingId, pace: Pace | None = None) -> Standing:
    with road.database.reading() as session:
        return standing_of(session, mailing, pace=pace or Pace(), now=road.now)


def test_the_next_turn_is_told_until_it_has_come_and_only_of_what_is_sending(road: Road) -> None:
    for name in ("Anna Becker", "Jo Example", "Ada Novak"):
        road.customer(name)
    mailing = road.campaign(pace=Limits(per_day=2))
    assert standing(road, mailing).next_turn is None
    road.sender.deliver_one(Lane.PROMOTIONAL)
    tomorrow = road.now + timedelta(days=1)
    road.later(hours=20)
    assert standing(road, mailing).next_turn == tomorrow
    with road.database.transaction() as session:
        set_mailing_state(session, mailing, MailingState.PAUSED)
    assert standing(road, mailing).next_turn is None
    with road.database.transaction() as session:
        set_mailing_state(session, mailing, MailingState.SENDING)
    road.later(hours=4)
    assert standing(road, mailing).next_turn is None


def test_the_installations_pace_and_a_slowdown_put_the_turn_off_too(road: Road) -> None:
    for name in ("Anna Becker", "Jo Example"):
        road.customer(name)
    pace = Pace(limits=Limits(per_hour=1))
    road.sender = road.worker(pace=pace)
    mailing = road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    turn = standing(road, mailing, pace).next_turn
    assert turn is not None
    assert timedelta(hours=1) <= turn - road.now <= timedelta(minutes=62)
    with road.database.transaction() as session:
        go_slower(session, {"gmail.com": 8, "*": 4}, now=road.now)
    assert standing(road, mailing).slowed == {"*": 2.0, "gmail.com": 4.0}


def test_who_is_tried_again_waits_in_sight(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    for each in (anna, jo):
        road.provider.answer_for(each.email, Later(450, "4.2.1 later"))
    mailing = road.campaign()
    assert standing(road, mailing).waiting == 0
    road.sender.deliver_one(Lane.PROMOTIONAL)
    stands = standing(road, mailing)
    assert stands.waiting == 2
    assert stands.waiting_from == stands.waiting_until
    assert stands.waiting_until is not None
    assert stands.waiting_until > road.now


def test_the_brakes_figures_are_told_beside_its_limits(road: Road) -> None:
    anna = road.customer("Anna Becker")
    road.customer("Jo Example")
    road.provider.answer_for(anna.email, Rejected(550, "5.1.1 no such user", about_person=True))
    mailing = road.campaign(brake=Brake(after=50))
    assert standing(road, mailing).tally == Tally()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    stands = standing(road, mailing)
    assert stands.brake == Brake(after=50)
    assert stands.tally == Tally(accepted=1, rejected=1, hard_bounces=1)
