"""The pace is one budget for all workers, held in the database."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from mailer import delivery
from mailer.database import Database
from mailer.delivery import Pace
from mailer.delivery.pace import reserve
from mailer.vocabulary import Lane
from tests.delivery.conftest import Road


def test_each_reservation_waits_for_the_ones_before_it(session: Session, now: datetime) -> None:
    def wait(messages: int, at: datetime = now) -> float:
        return reserve(
            session, budget="*", messages=messages, per_second=10, now=at
        ).total_seconds()

    assert wait(10) == 0
    assert wait(10) == 1
    assert wait(5) == 2
    assert wait(1, now + timedelta(seconds=60)) == 0


def test_a_restart_does_not_refill_the_budget(database: Database, now: datetime) -> None:
    with database.transaction() as session:
        reserve(session, budget="*", messages=100, per_second=10, now=now)
    with database.transaction() as session:
        assert reserve(session, budget="*", messages=1, per_second=10, now=now) == timedelta(
            seconds=10
        )


def test_a_slow_domain_gets_a_seconds_worth_and_the_rest_waits(road: Road) -> None:
    for n in range(4):
        road.customer(f"Slow {n}", email=f"slow{n}@slow.example.com")
    road.customer("Quick One", email="quick@example.org")
    road.sender = road.worker(pace=Pace(per_domain={"slow.example.com": 2}))
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert sorted(road.got()) == [
        "quick@example.org",
        "slow0@slow.example.com",
        "slow1@slow.example.com",
    ]
    road.later(seconds=2)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert len(road.got()) == 5


def test_an_order_update_never_waits_for_a_campaigns_pace(road: Road) -> None:
    slept: list[float] = []
    anna = road.customer("Anna Becker")
    road.sender = road.worker(pace=Pace(0.01), sleep=slept.append)
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    road.order_update(anna)
    road.sender.deliver_one(Lane.ORDERS)
    assert road.got() == [anna.email, anna.email]
    assert sum(slept) == 0


def test_an_older_campaign_goes_on_before_a_younger_one(road: Road) -> None:
    for n in range(4):
        road.customer(f"Customer {n}")
    road.sender = road.worker(pace=Pace(2))
    older = road.campaign("campaign:1")
    road.later(seconds=5)
    road.campaign("campaign:2")
    for _ in range(2):
        road.sender.deliver_one(Lane.PROMOTIONAL)
        road.later(seconds=5)
    with road.database.reading() as session:
        assert delivery.books(session, older).to_go == 0


def test_a_batch_is_cut_to_what_begins_within_a_second(road: Road) -> None:
    for n in range(5):
        road.customer(f"Customer {n}")
    road.sender = road.worker(pace=Pace(2))
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert len(road.got()) == 2


@pytest.mark.parametrize("per_second", [2, 0.5, 0.1])
def test_an_order_update_never_waits_for_a_slow_domain(road: Road, per_second: float) -> None:
    slept: list[float] = []
    crowd = [road.customer(f"Slow {n}", email=f"slow{n}@slow.example.com") for n in range(200)]
    pace = Pace(per_domain={"slow.example.com": per_second})
    road.sender = road.worker(pace=pace, sleep=slept.append)
    road.campaign()
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    before = len(road.got())
    slept.clear()
    road.order_update(crowd[0])
    road.sender.deliver_one(Lane.ORDERS)
    assert road.got()[before:] == [crowd[0].email]
    assert sum(slept) == 0


def test_campaigns_to_a_slow_domain_go_slower_by_what_order_updates_took(road: Road) -> None:
    slept: list[float] = []
    anna = road.customer("Anna Becker", email="anna@slow.example.com")
    pace = Pace(per_domain={"slow.example.com": 2})
    road.sender = road.worker(pace=pace, sleep=slept.append)
    for number in range(8):
        road.order_update(anna, f"order:{number}:shipped:1")
        road.sender.deliver_one(Lane.ORDERS)
    assert len(road.got()) == 8
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert sum(slept) == 4
