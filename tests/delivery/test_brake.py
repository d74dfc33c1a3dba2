"""The safety brake: figures past a limit stop a mailing in the commit that brought them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mailer import delivery
from mailer.database import DatabaseAway
from mailer.delivery import (
    Brake,
    Braked,
    Cause,
    MailingState,
    News,
    Sender,
    braked_of,
    release_brake,
    set_mailing_state,
)
from mailer.delivery.brake import FEWEST, Tally, judge
from mailer.providers import Later, Outgoing, Rejected, Unknown
from mailer.vocabulary import Heard, Lane, MailingId, PersonId
from tests.delivery.conftest import Road, is_anybody_waiting
from tests.delivery.test_turns import senders
from tests.people_of_tests import TestPerson

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
counts = st.integers(0, 5000)
tallies = st.builds(Tally, counts, counts, counts, counts, counts, counts)


@given(tallies)
def test_what_is_judged_is_past_a_limit_of_enough_people(tally: Tally) -> None:
    braked = judge(Brake(), tally, now=NOW)
    if braked is not None:
        assert braked.count * 100 > braked.limit * braked.of
        assert braked.of >= Brake().after
        assert braked.count >= FEWEST
        assert Braked.read(braked.stored()) == braked


@given(tallies)
def test_a_brake_that_is_off_never_stops(tally: Tally) -> None:
    off = Brake(complaints=100, hard_bounces=100, rejected=100, unknown=100)
    worst = Tally(tally.accepted, tally.rejected, tally.unknown)
    assert judge(off, worst, now=NOW) is None


def test_a_brake_that_is_off_never_stops_for_what_was_heard_of_earlier_mails() -> None:
    off = Brake(complaints=100, hard_bounces=100, rejected=100, unknown=100)
    late = Tally(accepted=200, hard_bounces=300, refused_later=300, complaints=300)
    assert judge(off, late, now=NOW) is None


@pytest.mark.parametrize(
    ("tally", "cause"),
    [
        (Tally(accepted=3000, complaints=3), None),
        (Tally(accepted=3000, complaints=4), Cause.COMPLAINTS),
        (Tally(accepted=199, complaints=50), None),
        (Tally(accepted=200, complaints=2), None),
        (Tally(accepted=950, rejected=50, hard_bounces=50), None),
        (Tally(accepted=949, rejected=51, hard_bounces=51), Cause.HARD_BOUNCES),
        (Tally(accepted=900, rejected=50, refused_later=51), Cause.REJECTED),
        (Tally(accepted=940, unknown=60), Cause.UNKNOWN),
        (Tally(accepted=-3, unknown=3), None),
    ],
)
def test_each_cause_has_its_limit(tally: Tally, cause: Cause | None) -> None:
    braked = judge(Brake(), tally, now=NOW)
    assert (braked and braked.cause) == cause


def test_a_campaigns_own_limits_go_before_the_installations() -> None:
    installation = Brake(complaints=0.2, after=1000)
    own = Brake.model_validate({"after": 50})
    assert installation.but_for(own) == Brake(complaints=0.2, after=50)
    assert installation.but_for(None) == installation


BRAKE = Brake(complaints=10, hard_bounces=20, rejected=30, unknown=20, after=10)


def a_mailing(road: Road, brake: Brake | None = BRAKE, key: str = "campaign:1") -> MailingId:
    return road.campaign(key, brake=brake)


def send(road: Road) -> None:
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass


def hear(road: Road, *news: News) -> None:
    with road.database.transaction() as session:
        delivery.hear(session, *news, now=road.now)


def complaints(road: Road, mailing: MailingId, people: list[TestPerson]) -> list[News]:
    return [News(mailing, each.person_id, Heard.COMPLAINED, road.now) for each in people]


def stopped(road: Road, mailing: MailingId) -> Braked | None:
    with road.database.reading() as session:
        braked = braked_of(session, mailing)
        state = delivery.mailing_of(session, mailing).state
    assert (state is MailingState.PAUSED) == (braked is not None)
    return braked


def tally_of(road: Road, mailing: MailingId) -> tuple[int, ...]:
    """What the brake counts, and the same counted from the books and what was heard."""
    with road.database.reading() as session:
        kept = session.execute(
            text("SELECT accepted, rejected, unknown FROM delivery_tally WHERE mailing_id = :id"),
            {"id": mailing},
        ).one()
        books = delivery.books(session, mailing)
    assert tuple(kept) == (books.accepted, books.rejected, books.unknown)
    return tuple(kept)


def test_complaints_past_the_limit_stop_what_is_still_to_go(road: Road) -> None:
    crowd = road.crowd(12)
    for late in crowd[:2]:
        road.provider.answer_for(late.email, Later(450, "4.2.1 later"))
    mailing = a_mailing(road)
    send(road)
    hear(road, *complaints(road, mailing, crowd[2:4]))
    assert stopped(road, mailing) is None  # two of ten are unlucky
    hear(road, *complaints(road, mailing, crowd[4:5]))
    assert stopped(road, mailing) == Braked(Cause.COMPLAINTS, 3, 10, 10.0, road.now)
    road.later(hours=1)
    send(road)
    assert len(road.got()) == 10
    with road.database.reading() as session:
        assert delivery.books(session, mailing).to_go == 2
        assert delivery.due_lanes(session, now=road.now) == []


def test_a_batch_that_went_badly_stops_the_next_in_its_own_commit(road: Road) -> None:
    for each in road.crowd(12):
        road.provider.answer_for(each.email, Rejected(550, "5.1.1 no such user", about_person=True))
    road.sender._begun_per_second = 10.0
    mailing = a_mailing(road)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert stopped(road, mailing) == Braked(Cause.HARD_BOUNCES, 10, 10, 20.0, road.now)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Rejected(554, "5.7.1 blocked", about_person=False), Cause.REJECTED),
        (Unknown("no answer to the final dot"), Cause.UNKNOWN),
    ],
)
def test_refusals_and_unknowns_stop_it_too(
    road: Road, answer: Rejected | Unknown, cause: Cause
) -> None:
    for each in road.crowd(12)[:4]:
        road.provider.answer_for(each.email, answer)
    mailing = a_mailing(road)
    send(road)
    braked = stopped(road, mailing)
    assert braked is not None
    assert (braked.cause, braked.count, braked.of) == (cause, 4, 12)


@pytest.mark.parametrize(
    ("code", "detail", "cause"),
    [
        (550, "5.1.1 no such user", Cause.HARD_BOUNCES),
        (554, "5.7.1 message refused", Cause.REJECTED),
        (0, "out of office", None),
        (452, "4.2.2 full", None),
    ],
)
def test_bounces_that_come_later_count_by_what_they_say(
    road: Road, code: int, detail: str, cause: Cause | None
) -> None:
    crowd = road.crowd(12)
    mailing = a_mailing(road)
    send(road)
    hear(
        road,
        *(
            News(mailing, each.person_id, Heard.BOUNCED, road.now, code, detail)
            for each in crowd[:4]
        ),
    )
    braked = stopped(road, mailing)
    assert (braked and braked.cause) == cause


def test_once_released_only_what_comes_after_it_is_judged(road: Road) -> None:
    crowd = road.crowd(12)
    mailing = a_mailing(road)
    send(road)
    hear(road, *complaints(road, mailing, crowd[:3]))
    with road.database.transaction() as session:
        set_mailing_state(session, mailing, MailingState.SENDING)
    assert stopped(road, mailing) is not None  # resuming alone does not release it
    with road.database.transaction() as session:
        release_brake(session, mailing)
        set_mailing_state(session, mailing, MailingState.SENDING)
    hear(road, *complaints(road, mailing, crowd[3:]))
    assert stopped(road, mailing) is None  # nothing has been accepted since


def test_news_that_comes_twice_late_or_about_nobody_counts_once_or_not_at_all(road: Road) -> None:
    crowd = road.crowd(12)
    stranger = a_mailing(road, None, key="campaign:0")
    mailing = a_mailing(road)
    send(road)
    told = complaints(road, mailing, crowd[:2])
    nobody = [
        News(MailingId(77), crowd[5].person_id, Heard.COMPLAINED, road.now),
        News(mailing, PersonId(10**9), Heard.COMPLAINED, road.now),
        News(mailing, PersonId(10**9), Heard.BOUNCED, road.now, 550, "5.1.1"),
    ]
    delivered = [News(mailing, each.person_id, Heard.DELIVERED, road.now) for each in crowd]
    for batch in ([*told, *told, *nobody], [*delivered, *told], [*nobody, *delivered]):
        hear(road, *batch)
    road.later(days=3)
    hear(road, *complaints(road, mailing, crowd[:2]), *complaints(road, stranger, crowd[:9]))
    assert stopped(road, mailing) is None
    assert stopped(road, stranger) is None
    with road.database.reading() as session:
        kept = session.execute(text("SELECT mailing_id, complaints FROM delivery_tally")).all()
    assert [tuple(row) for row in kept] == [(mailing, 2)]


def test_the_brakes_figures_follow_every_late_word(road: Road) -> None:
    crowd = road.crowd(12)
    for each in crowd[:2]:
        road.provider.answer_for(each.email, Unknown("no answer to the final dot"))
    road.sender._begun_per_second = 6.0
    mailing = a_mailing(road)
    send(road)
    assert tally_of(road, mailing) == (10, 0, 2)
    hear(road, News(mailing, crowd[0].person_id, Heard.DELIVERED, road.now))
    assert tally_of(road, mailing) == (11, 0, 1)


@pytest.mark.parametrize("was_accepted", [True, False])
def test_a_batch_that_was_given_up_counts_as_unknown_until_somebody_knows(
    road: Road, was_accepted: bool
) -> None:
    road.crowd(12)
    mailing = a_mailing(road, Brake(after=100))

    class KillError(Exception):
        """Stands for kill -9 while the batch is in hand."""

    def die(_: Outgoing) -> None:
        raise KillError

    road.provider.before_each(die)
    with pytest.raises(KillError):
        road.sender.deliver_one(Lane.PROMOTIONAL)
    road.give_up()
    assert tally_of(road, mailing) == (0, 0, 12)
    with road.database.transaction() as session:
        (found,) = delivery.unknown_batches(session)
        delivery.settle_unknown(session, found.batch_id, was_accepted=was_accepted, now=road.now)
    assert tally_of(road, mailing) == ((12, 0, 0) if was_accepted else (0, 12, 0))


def given_up_in_hand(road: Road, mailing: MailingId) -> list[tuple[int, ...]]:
    """Let the reaper give a batch up while it is in hand; the list tells the tally after it."""
    seen: list[tuple[int, ...]] = []

    def reap_once(_: Outgoing) -> None:
        if not seen:
            road.give_up()
            seen.append(tally_of(road, mailing))

    road.provider.before_each(reap_once)
    return seen


def test_a_sender_whose_word_comes_late_corrects_the_figures(road: Road) -> None:
    road.crowd(5)
    mailing = a_mailing(road, Brake(after=100))
    seen = given_up_in_hand(road, mailing)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert seen == [(0, 0, 5)]
    assert tally_of(road, mailing) == (5, 0, 0)


def test_workers_that_pass_a_limit_together_stop_the_mailing_once(road: Road) -> None:
    crowd = road.crowd(40)
    for each in crowd[:20]:
        road.provider.answer_for(each.email, Rejected(554, "5.7.1 blocked", about_person=False))
    for each in crowd[20:]:
        road.provider.answer_for(each.email, Later(451, "4.3.0 later"))
    mailing = a_mailing(road)
    workers = senders(road, 4)
    for worker in workers:
        worker._begun_per_second = 10.0
    at_once = threading.Barrier(4)

    def rush(sender: Sender) -> None:
        at_once.wait()
        sender.deliver_one(Lane.PROMOTIONAL)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(rush, workers))
    braked = stopped(road, mailing)
    assert braked is not None
    assert (braked.cause, braked.count, braked.of) == (Cause.REJECTED, 10, 10)
    with road.database.reading() as session:
        assert delivery.books(session, mailing).balance


def test_a_late_word_that_ends_the_doubt_stops_nothing(road: Road) -> None:
    """The people given up and the same people accepted are never both among the figures."""
    road.crowd(6)
    mailing = a_mailing(road, Brake(after=10))
    given_up_in_hand(road, mailing)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert tally_of(road, mailing) == (6, 0, 0)
    assert stopped(road, mailing) is None


def test_two_hearers_of_the_same_news_wait_for_each_other_in_one_order(road: Road) -> None:
    crowd = road.crowd(12)
    mailing = a_mailing(road)
    send(road)
    told = [News(mailing, each.person_id, Heard.DELIVERED, road.now) for each in crowd]
    failed: list[Exception] = []

    def other_way_round() -> None:
        try:
            hear(road, *reversed(told))
        except DatabaseAway as error:
            failed.append(error)

    other = threading.Thread(target=other_way_round)
    with road.database.transaction() as session:
        delivery.hear(session, told[0], now=road.now)
        other.start()
        while not is_anybody_waiting(road):
            sleep(0.01)
        delivery.hear(session, *told[1:], now=road.now)
    other.join()
    assert failed == []


@pytest.mark.clause("C09")
def test_what_a_mailbox_said_is_kept_without_the_address_that_it_repeats(road: Road) -> None:
    (anna,) = road.crowd(1)
    mailing = a_mailing(road)
    send(road)
    said = f"5.1.1 <{anna.email}>: no such user here, {anna.email}"
    hear(road, News(mailing, anna.person_id, Heard.BOUNCED, road.now, 550, said))
    with road.database.reading() as session:
        kept = session.execute(text("SELECT detail FROM delivery_heard")).scalar_one()
    assert kept == "5.1.1 <address>: no such user here, <address>"


@pytest.mark.clause("C09")
def test_a_providers_words_are_kept_without_addresses_whichever_provider_it_is(road: Road) -> None:
    anna, jo = road.crowd(2)
    refused = Rejected(554, f"5.7.1 {anna.email} is blocked", about_person=False)
    road.provider.answer_for(anna.email, refused)
    road.provider.answer_for(jo.email, Unknown(f"no answer for {jo.email}"))
    a_mailing(road)
    send(road)
    with road.database.reading() as session:
        kept = session.execute(text("SELECT detail FROM delivery_exception ORDER BY person_id"))
        assert list(kept.scalars()) == ["554 5.7.1 <address> is blocked", "no answer for <address>"]
