"""The pace of a mailing: one budget for all workers, held by every window, in nobody's way."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, time, timedelta
from typing import NoReturn

import pytest
from sqlalchemy import text

from mailer import delivery
from mailer.delivery import (
    Limits,
    MailingNotFound,
    MailingState,
    Pace,
    Sender,
    forget_ended,
    set_mailing_state,
    set_pace,
)
from mailer.delivery.window import Window
from mailer.providers import Later, NotBegun, Outgoing
from mailer.vocabulary import Lane, MailingId
from tests.delivery.conftest import Road
from tests.delivery.test_the_barrier import STOP
from tests.open_window import open_window


def senders(road: Road, count: int, pace: Pace | None = None) -> list[Sender]:
    """Several workers on one clock."""
    return [road.worker(pace=pace) for _ in range(count)]


def begun_at(road: Road) -> list[datetime]:
    """Note when the provider is given each message from now on."""
    begun: list[datetime] = []

    def note(_: Outgoing) -> None:
        begun.append(road.now)

    road.provider.before_each(note)
    return begun


def work(road: Road, workers: list[Sender], *, seconds: float, tick: float = 2.0) -> None:
    """Let each worker deliver what is due at every tick."""
    end = road.now + timedelta(seconds=seconds)
    while road.now < end:
        for each in workers:
            while each.deliver_one(Lane.PROMOTIONAL):
                pass
        road.later(seconds=tick)


def most_in_a_minute(begun: list[datetime]) -> int:
    minute = timedelta(seconds=60)
    return max(sum(at <= other <= at + minute for other in begun) for at in begun)


def test_several_senders_share_one_pace_and_no_minute_has_more(road: Road) -> None:
    road.crowd(100)
    mailing = road.campaign(pace=Limits(per_minute=30))
    begun = begun_at(road)
    work(road, senders(road, 2), seconds=110)
    # The workers are replaced by others: what has begun stays counted.
    work(road, senders(road, 3), seconds=150)
    assert most_in_a_minute(begun) <= 30
    assert max(Counter(begun).values()) <= 5
    assert len(begun) == len(set(road.got())) == 100
    with road.database.reading() as session:
        assert delivery.books(session, mailing).accepted == 100


def test_a_slow_campaign_holds_up_no_other_and_no_worker(road: Road) -> None:
    slept: list[float] = []
    road.crowd(20)
    slow = road.campaign("campaign:slow", pace=Limits(per_hour=5))
    road.later(seconds=1)
    fast = road.campaign("campaign:fast")
    road.sender = road.worker(sleep=slept.append)
    tries = 0
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        tries += 1
    with road.database.reading() as session:
        assert delivery.books(session, fast).accepted == 20
        assert delivery.books(session, slow).accepted == 5
        assert delivery.due_lanes(session, now=road.now) == []
        assert delivery.gauges(session, now=road.now).due == {}
    assert tries == 2
    assert slept == [0.0] * len(slept)
    road.later(seconds=3700)
    with road.database.reading() as session:
        assert delivery.due_lanes(session, now=road.now) == ["promotional"]
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        assert delivery.books(session, slow).accepted == 10


def test_a_warm_up_lets_so_many_leave_on_each_of_its_days(road: Road) -> None:
    road.crowd(12)
    mailing = road.campaign(pace=Limits(warm_up=(2, 4)))
    for accepted in (2, 6, 12):
        for _ in range(3):
            work(road, [road.sender], seconds=2)
            road.later(hours=7)
        with road.database.reading() as session:
            assert delivery.books(session, mailing).accepted == accepted
        road.later(hours=4)


def test_a_worker_that_dies_after_its_turn_has_wasted_it_and_no_minute_has_more(
    road: Road,
) -> None:
    class KillError(Exception):
        """Stands for kill -9 between the turn and the hand-over."""

    road.crowd(10)
    road.campaign(pace=Limits(per_minute=60))
    begun = begun_at(road)

    def die() -> NoReturn:
        raise KillError

    doomed, heir = road.worker(window=die), road.worker()
    with pytest.raises(KillError):
        doomed.deliver_one(Lane.PROMOTIONAL)
    assert not heir.deliver_one(Lane.PROMOTIONAL)
    work(road, [heir], seconds=60)
    assert len(begun) == len(set(road.got())) == 10
    assert most_in_a_minute(begun) <= 60


def test_a_turn_that_is_used_too_late_is_wasted(road: Road) -> None:
    road.crowd(3)
    road.campaign(pace=Limits(per_minute=600))
    now = road.now

    def frozen() -> AbstractContextManager[Window]:
        road.later(seconds=2)
        return open_window()

    road.worker(window=frozen).deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []
    work(road, [road.sender], seconds=40)
    assert len(road.got()) == 3
    assert road.now > now + timedelta(seconds=30)  # the lease


def test_who_is_tried_again_counts_again(road: Road) -> None:
    ada = road.customer("Ada Novak")
    road.provider.answer_for(ada.email, Later(450, "4.2.0 try later"))
    road.campaign(pace=Limits(per_day=1))
    work(road, [road.sender], seconds=3600, tick=60)
    assert road.got() == []
    road.later(hours=24)
    work(road, [road.sender], seconds=4)
    assert road.got() == [ada.email]


def test_a_pace_that_is_changed_holds_at_once_and_counts_what_began(road: Road) -> None:
    road.crowd(20)
    mailing = road.campaign(pace=Limits(per_day=4))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.transaction() as session:
        set_pace(session, mailing, Limits(per_day=10))
    work(road, [road.sender], seconds=2)
    assert len(road.got()) == 10
    with road.database.transaction() as session:
        set_pace(session, mailing, Limits(per_day=5))
    work(road, [road.sender], seconds=2)
    assert len(road.got()) == 10
    with road.database.transaction() as session:
        set_pace(session, mailing, None)
    work(road, [road.sender], seconds=2)
    assert len(road.got()) == 20
    with road.database.transaction() as session, pytest.raises(MailingNotFound):
        set_pace(session, MailingId(77), None)


def test_a_mailing_that_is_slowed_down_between_claim_and_turn_is_slow_already(road: Road) -> None:
    road.crowd(5)
    mailing = road.campaign(pace=Limits(per_minute=6000))

    def slow_down() -> None:
        road.press.after_printing = lambda: None
        with road.database.transaction() as session:
            set_pace(session, mailing, Limits(per_hour=2))

    road.press.after_printing = slow_down
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert len(road.got()) == 2


def test_a_first_pace_under_way_counts_what_began_without_one(road: Road) -> None:
    road.crowd(20)
    mailing = road.campaign()
    slow = road.worker(pace=Pace(per_second=7))
    slow.deliver_one(Lane.PROMOTIONAL)
    assert len(road.got()) == 7
    road.later(hours=1)
    with road.database.transaction() as session:
        set_pace(session, mailing, Limits(per_day=9, per_minute=600))
    work(road, [road.sender], seconds=30)
    assert len(road.got()) == 9
    road.later(hours=23)
    work(road, [road.sender], seconds=30)
    assert len(road.got()) == 18


def test_a_first_pace_between_claim_and_hand_over_holds_for_that_batch(road: Road) -> None:
    road.crowd(5)
    mailing = road.campaign()

    def slow_down() -> None:
        road.press.after_printing = lambda: None
        with road.database.transaction() as session:
            set_pace(session, mailing, Limits(per_hour=2))

    road.press.after_printing = slow_down
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []
    work(road, [road.sender], seconds=10)
    assert len(road.got()) == 2, "it waits for no lease"


def test_a_first_pace_counts_what_is_in_hand(road: Road) -> None:
    crowd = road.crowd(5)
    mailing = road.campaign()

    def slow_down(message: Outgoing) -> None:
        if message.person_id == crowd[0].person_id:
            with road.database.transaction() as session:
                set_pace(session, mailing, Limits(per_day=4))

    road.provider.before_each(slow_down)
    road.worker(pace=Pace(per_second=3)).deliver_one(Lane.PROMOTIONAL)
    assert len(road.got()) == 3
    work(road, [road.sender], seconds=10)
    assert len(road.got()) == 4


def test_a_batch_that_was_cancelled_takes_no_turn(road: Road) -> None:
    road.crowd(3)
    mailing = road.campaign(pace=Limits(per_day=2))

    def cancel() -> None:
        with road.database.transaction() as session:
            delivery.set_mailing_state(session, mailing, MailingState.CANCELLED)

    road.press.after_printing = cancel
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []
    with road.database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM delivery_pace")).scalar_one() == 0


def test_the_installations_pace_holds_over_all_campaigns_and_order_updates_never_wait(
    road: Road,
) -> None:
    road.crowd(6)
    ada = road.customer("Ada Novak")
    pace = Pace(limits=Limits(per_hour=10))
    workers = senders(road, 2, pace)
    for number in range(9):
        road.order_update(ada, f"order:{number}:shipped:1")
        assert workers[0].deliver_one(Lane.ORDERS)
    for key in ("campaign:1", "campaign:2"):
        road.campaign(key)
    work(road, workers, seconds=10)
    assert len(road.got()) == 10
    road.later(minutes=30)
    for number in range(20, 23):
        road.order_update(ada, f"order:{number}:shipped:1")
        assert workers[0].deliver_one(Lane.ORDERS)
    assert len(road.got()) == 13
    road.later(minutes=32)
    work(road, workers, seconds=120, tick=60)
    assert len(road.got()) == 20  # what the order updates took beyond it the campaigns leave out


def test_a_sending_domain_is_warmed_up_from_its_day_on(road: Road) -> None:
    road.crowd(8)
    tomorrow = (road.now + timedelta(days=1)).date()
    workers = senders(road, 1, Pace(limits=Limits(warm_up=(2, 3)), warm_up_from=tomorrow))
    road.campaign("campaign:1")
    work(road, workers, seconds=2)
    assert len(road.got()) == 8
    road.later(days=1)
    road.campaign("campaign:2")
    for accepted in (10, 13, 16):
        work(road, workers, seconds=2)
        assert len(road.got()) == accepted
        road.later(days=1)


def test_workers_that_take_turns_at_the_same_moment_share_them(road: Road) -> None:
    road.crowd(60)
    mailing = road.campaign(pace=Limits(per_hour=25))
    at_once = threading.Barrier(4)

    def rush(sender: Sender) -> None:
        at_once.wait()
        while sender.deliver_one(Lane.PROMOTIONAL):
            pass

    workers = senders(road, 4)
    for each in workers:
        each._begun_per_second = 4.0
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(rush, workers))
    assert len(road.got()) == len(set(road.got())) == 25
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert (books.accepted, books.to_go) == (25, 35)
    assert books.balance


def test_no_minute_has_more_because_a_warm_up_begins_in_it(road: Road) -> None:
    road.crowd(60)
    tomorrow = (road.now + timedelta(days=1)).date()
    limits = Limits(per_minute=30, per_hour=40, warm_up=(100,))
    road.campaign()
    begun = begun_at(road)
    road.time[0] = datetime.combine(tomorrow, time(), UTC) - timedelta(seconds=56)
    work(road, senders(road, 1, Pace(limits=limits, warm_up_from=tomorrow)), seconds=240)
    assert most_in_a_minute(begun) <= 30
    assert len(begun) <= 40


def test_the_budget_of_a_mailing_that_has_ended_is_not_kept(road: Road) -> None:
    road.crowd(2)
    ended = road.campaign("campaign:1", pace=Limits(per_day=1000))
    work(road, senders(road, 1), seconds=4)
    cancelled = road.campaign("campaign:2", pace=Limits(per_day=1))
    going = road.campaign("campaign:3", pace=Limits(per_day=1))
    work(road, senders(road, 1), seconds=4)

    def budgets() -> set[int]:
        with road.database.reading() as session:
            found = text("SELECT mailing_id FROM delivery_pace WHERE mailing_id > 0")
            return set(session.execute(found).scalars())

    assert budgets() == {ended, cancelled, going}
    with road.database.transaction() as session:
        set_mailing_state(session, cancelled, MailingState.CANCELLED)
        forget_ended(session)
    assert budgets() == {going}


def test_who_is_stopped_at_the_gate_leaves_their_turn_to_others(road: Road) -> None:
    crowd = road.crowd(7)
    road.campaign(pace=Limits(per_day=4))
    sender = senders(road, 1)[0]
    late = [each.person_id for each in crowd[:2]]

    def say_no() -> None:
        while late:
            road.opt_outs.change(late.pop(), STOP)

    road.press.after_printing = say_no
    sender.deliver_one(Lane.PROMOTIONAL)
    assert len(road.got()) == 2
    work(road, [sender], seconds=30)
    assert len(road.got()) == 4, "as many as the day has, and at once"
    work(road, [sender], seconds=30)
    assert len(road.got()) == 4


def test_who_was_not_begun_in_time_leaves_their_turn_to_others(road: Road) -> None:
    crowd = road.crowd(3)
    road.provider.answer_for(crowd[0].email, NotBegun())
    road.campaign(pace=Limits(per_day=2))
    work(road, senders(road, 1), seconds=30)
    assert len(road.got()) == 2
