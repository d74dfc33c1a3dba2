"""A provider that asks for less gets half, and more again step by step while nobody asks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text

from mailer import delivery
from mailer.delivery import Limits, Pace
from mailer.delivery.slowing import forget_recovered, go_slower, slow_scopes
from mailer.delivery.throttle import (
    EVERYWHERE,
    SLOWEST,
    STEP,
    Throttle,
    asks_for_less,
    slowed,
    who_asks,
)
from mailer.providers import (
    AboutUs,
    Accepted,
    Answer,
    HandOver,
    Later,
    NotBegun,
    Outgoing,
    Rejected,
)
from mailer.vocabulary import Lane, PersonId
from tests.delivery.conftest import Road
from tests.delivery.test_turns import work

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
BUSY = Later(450, "4.7.1 too many messages")


@pytest.mark.parametrize(
    ("code", "told", "asks"),
    [
        (421, "4.7.28 unusual rate of mail", True),
        (429, "too many requests", True),
        (451, "4.7.650 the mail server has been temporarily rate limited", True),
        (452, "4.3.1 insufficient system storage", True),
        (450, "Too many connections, slow down", True),
        (451, "4.7.1 Greylisting in action, please come back later", False),
        (452, "4.2.2 mailbox full", False),
        (450, "4.2.1 this user gets mail too fast", False),
        (451, "local error in processing", False),
        (554, "5.7.1 too many messages", False),
        (0, "the connection ended", False),
    ],
)
def test_what_asks_for_less_is_told_from_what_is_about_one_person(
    code: int, told: str, asks: bool
) -> None:
    assert asks_for_less(code, told) is asks


@given(st.integers(1, 500), st.lists(st.floats(0, 3600), max_size=40))
def test_a_rate_is_halved_at_most_and_recovers_on_its_own(begun: int, waits: list[float]) -> None:
    throttle, now = None, NOW
    for wait in waits:
        now += timedelta(seconds=wait)
        before = throttle.rate_at(now) if throttle is not None else None
        throttle = slowed(throttle, "gmail.com", begun, now=now)
        rate = throttle.rate_at(now)
        assert rate is not None
        assert SLOWEST <= rate < throttle.top
        assert rate >= min((before or throttle.top) / 2, SLOWEST)
    if throttle is not None:
        rates = [throttle.rate_at(now + number * STEP) or throttle.top for number in range(12)]
        assert rates == sorted(rates)
        assert throttle.rate_at(now + 11 * STEP) is None


def test_several_workers_that_meet_one_trouble_halve_the_rate_once() -> None:
    first = slowed(None, "gmail.com", 100, now=NOW)
    assert first == Throttle("gmail.com", 50, 100, NOW)
    assert slowed(first, "gmail.com", 100, now=NOW + timedelta(seconds=5)) == first
    again = slowed(first, "gmail.com", 100, now=NOW + timedelta(seconds=20))
    assert again.rate == 25


def a_slice(*answers: tuple[str, Answer], about_us: AboutUs | None = None) -> dict[str, int]:
    messages = [
        Outgoing(PersonId(number), "news@example.org", f"reader@{domain}", [b""])
        for number, (domain, _) in enumerate(answers)
    ]
    given = {PersonId(number): answer for number, (_, answer) in enumerate(answers)}
    known = {"gmail.com", "yahoo.com", "web.de"}
    return who_asks(messages, HandOver(given, about_us), known=known)


def test_a_known_domain_asks_for_itself_and_another_is_not_written_down() -> None:
    fine = Accepted("1")
    assert a_slice(("gmail.com", BUSY), ("gmail.com", fine), ("yahoo.com", fine)) == {
        "gmail.com": 2
    }
    assert a_slice(("smith.example", BUSY), ("gmail.com", fine)) == {}
    assert a_slice(("gmail.com", Rejected(550, "5.1.1", about_person=True))) == {}


def test_an_answer_about_us_or_from_everybody_asks_for_all_mail() -> None:
    everybody = [(domain, BUSY) for domain in ("gmail.com", "yahoo.com", "smith.example")]
    assert a_slice(*everybody) == {EVERYWHERE: 3}
    told = AboutUs(421, "4.7.0 try again later")
    assert a_slice(("gmail.com", Accepted("1")), ("web.de", NotBegun()), about_us=told) == {
        EVERYWHERE: 1
    }
    assert a_slice(*[("gmail.com", NotBegun())] * 40, about_us=told) == {EVERYWHERE: 40}
    assert a_slice(about_us=AboutUs(535, "authentication failed")) == {}


def crowd_at(road: Road, domain: str, size: int) -> list[str]:
    emails = [f"reader{number}@{domain}" for number in range(size)]
    for number, email in enumerate(emails):
        road.customer(f"Reader {number} {domain}", email=email)
    return emails


def test_a_domain_that_asks_is_slowed_for_all_workers_and_the_others_are_not(road: Road) -> None:
    slow = crowd_at(road, "gmail.com", 20)
    crowd_at(road, "example.org", 20)
    road.provider.answer_for(slow[0], BUSY)
    road.sender._begun_per_second = 10.0
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        assert slow_scopes(session, now=road.now) == {"gmail.com": 5.0}
        assert delivery.gauges(session, now=road.now).slowed == {"gmail.com": 5.0}
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    assert sum(email.endswith("example.org") for email in road.got()) == 20
    assert sum(email.endswith("gmail.com") for email in road.got()) < 20
    work(road, [road.sender], seconds=120)
    assert len(set(road.got())) == 40


def test_a_domain_with_a_pace_of_its_own_is_slowed_below_it(road: Road) -> None:
    crowd = [road.customer(f"Slow {n}", email=f"slow{n}@slow.example.com") for n in range(20)]
    road.provider.answer_for(crowd[0].email, BUSY)
    road.sender = road.worker(pace=Pace(per_domain={"slow.example.com": 10}))
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        assert slow_scopes(session, now=road.now) == {"slow.example.com": 5.0}


def test_an_answer_about_us_slows_campaigns_and_never_order_updates(road: Road) -> None:
    emails = crowd_at(road, "example.org", 30)
    ada = road.customer("Ada Novak")
    road.provider.answer_for(emails[9], AboutUs(421, "4.7.0 too many messages"))
    road.sender._begun_per_second = 10.0
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    road.later(seconds=15)
    with road.database.reading() as session:
        assert slow_scopes(session, now=road.now) == {EVERYWHERE: 5.0}
    before = len(road.got())
    work(road, [road.sender], seconds=3, tick=1)
    assert 0 < len(road.got()) - before <= 5 * (3 + 2)
    for number in range(8):
        road.order_update(ada, f"order:{number}:shipped:1")
        assert road.sender.deliver_one(Lane.ORDERS)
    work(road, [road.sender], seconds=60)
    assert len(set(road.got())) == 31


def test_a_lane_that_cannot_even_connect_for_rate_is_slowed_too(road: Road) -> None:
    crowd_at(road, "example.org", 20)
    road.provider.refuse_us(AboutUs(421, "4.7.0 too many connections"))
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    with road.database.reading() as session:
        # Half of the slice that was to leave: one refused connection is no reason to crawl.
        assert slow_scopes(session, now=road.now) == {EVERYWHERE: 10.0}


def test_who_waits_for_a_slow_domain_comes_back_one_after_the_other(road: Road) -> None:
    crowd_at(road, "gmail.com", 80)
    with road.database.transaction() as session:
        go_slower(session, {"gmail.com": 1}, now=road.now)
        session.execute(text("UPDATE delivery_throttle SET rate = 0.05, top = 0.1"))
    road.sender._begun_per_second = 10.0
    road.campaign()
    tries = 0
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        tries += 1
    assert len(road.got()) == 1
    assert tries <= 8
    with road.database.reading() as session:
        due = session.execute(
            text("SELECT count(DISTINCT not_before) FROM delivery_batch WHERE state = 'prepared'")
        ).scalar_one()
    assert due >= 3


def test_a_throttle_outlives_a_restart_and_is_forgotten_once_recovered(road: Road) -> None:
    with road.database.transaction() as session:
        go_slower(session, {"gmail.com": 10, EVERYWHERE: 100}, now=road.now)
    road.later(minutes=5)
    with road.database.transaction() as session:
        go_slower(session, {"gmail.com": 10}, now=road.now)
        assert slow_scopes(session, now=road.now) == {"gmail.com": 3.5, EVERYWHERE: 70.0}
    road.later(minutes=6)
    with road.database.transaction() as session:
        forget_recovered(session, now=road.now)
    with road.database.reading() as session:
        kept = session.execute(text("SELECT scope FROM delivery_throttle")).scalars().all()
    assert kept == ["gmail.com"]


def test_a_domain_that_asks_again_while_the_recovered_are_forgotten_stays_slow(road: Road) -> None:
    with road.database.transaction() as session:
        go_slower(session, {"gmail.com": 10}, now=road.now)
    road.later(hours=1)
    asked: list[str] = []

    def ask_again(*told: object) -> None:
        if "FOR UPDATE" in str(told[2]) and not asked:
            asked.append("gmail.com")
            with road.database.transaction() as other:
                go_slower(other, {"gmail.com": 10}, now=road.now)

    with road.database.transaction() as session:
        event.listen(session.connection(), "before_cursor_execute", ask_again)
        forget_recovered(session, now=road.now)
    assert asked == ["gmail.com"]
    with road.database.reading() as session:
        assert slow_scopes(session, now=road.now) == {"gmail.com": 5.0}


def test_a_slowed_pace_is_never_faster_than_the_one_that_is_set() -> None:
    pace = Pace(per_domain={"gmail.com": 2.0}, limits=Limits(per_day=5))
    slow = pace.slowed_by({"gmail.com": 7.0, "web.de": 1.0, EVERYWHERE: 3.0})
    assert slow.per_domain == {"gmail.com": 2.0, "web.de": 1.0}
    assert (slow.everywhere, slow.limits) == (3.0, pace.limits)
