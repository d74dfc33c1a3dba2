"""Quiet hours: who is asleep waits in a child batch until they may be woken, and is still to go."""

from datetime import UTC, datetime, time, timedelta

import pytest

from mailer import delivery
from mailer.delivery import Books, Moments, NewMailing, create_mailing, prepare_by_zone
from mailer.people import AudienceFilter, audience_of
from mailer.permission import Change, Curfew, Facts, decide
from mailer.vocabulary import (
    Allowed,
    Door,
    Held,
    Lane,
    MailingId,
    PersonId,
    Reason,
    Refused,
    Stream,
    Topic,
)
from mailer.zones import QuietHours
from tests.delivery.conftest import Road
from tests.people_of_tests import many_customers

HOURS = QuietHours(time(8), time(20), "Europe/Berlin")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # 13:00 in Berlin, 7:00 in New York, 23:00 in Sydney
TOKYO_MORNING = datetime(2026, 11, 23, 23, tzinfo=UTC)


def campaign(
    road: Road, *, use_by: datetime | None = None, moments: Moments | None = None
) -> MailingId:
    """A campaign with quiet hours to everybody, due now."""
    with road.database.transaction() as session:
        new = NewMailing(
            "campaign:1",
            "promotional",
            Stream.PROMOTIONAL,
            Topic.COMPANY_NEWS,
            content={},
            use_by=use_by,
            quiet_hours=HOURS,
        )
        mailing = create_mailing(session, new, now=road.now)
        assert mailing is not None
        everybody = audience_of(AudienceFilter())
        due = moments or Moments({}, road.now)
        prepare_by_zone(session, mailing, everybody, moments=due)
    return mailing


def deliver(road: Road) -> None:
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass


def books(road: Road, mailing: MailingId) -> Books:
    with road.database.reading() as session:
        read = delivery.books(session, mailing)
    assert read.balance
    return read


def test_a_person_in_quiet_hours_is_held_and_a_no_still_outranks_the_night() -> None:
    curfew = Curfew(HOURS, now=NOON)
    wants = Facts(topics_on=Topic.COMPANY_NEWS.bit, zone="America/New_York")
    morning = datetime(2026, 11, 23, 13, tzinfo=UTC)

    def verdict(facts: Facts, curfew: Curfew = curfew) -> object:
        return decide(Stream.PROMOTIONAL, Topic.COMPANY_NEWS, facts, curfew=curfew, now=NOON)

    assert verdict(wants) == Held(Reason.HELD_QUIET, morning)
    assert verdict(Facts(topics_on=Topic.COMPANY_NEWS.bit)) == Allowed(Reason.SENT_TOPIC)
    assert verdict(Facts(zone="America/New_York")) == Refused(Reason.NOT_NEVER)
    early = morning - timedelta(seconds=1)
    assert verdict(wants, Curfew(HOURS, use_by=early, now=NOON)) == Refused(Reason.NOT_LATE, early)
    assert verdict(wants, Curfew(HOURS, use_by=morning, now=NOON)) == Held(
        Reason.HELD_QUIET, morning
    )


def test_an_order_update_knows_no_quiet_hours() -> None:
    curfew = Curfew(HOURS, now=NOON)
    asleep = Facts(zone="America/New_York")
    assert decide(Stream.ORDER_UPDATE, None, asleep, curfew=curfew, now=NOON) == Allowed(
        Reason.SENT_ORDER
    )


@pytest.mark.parametrize(("seconds", "asleep"), [(-3, False), (-1, True), (0, True)])
def test_nobody_is_let_through_whose_mail_might_begin_in_the_quiet_hours(
    seconds: int, asleep: bool
) -> None:
    evening = datetime(2026, 11, 23, 19, tzinfo=UTC) + timedelta(seconds=seconds)
    assert (Curfew(HOURS, now=evening).ends("Europe/Berlin") is not None) == asleep


def test_who_is_asleep_waits_for_their_own_morning_and_the_books_balance(road: Road) -> None:
    road.time[0] = NOON
    road.customer("Anna Becker", timezone="Europe/Berlin")
    road.customer("Jo Example", timezone="America/New_York")
    road.customer("Kenji Sato", timezone="Asia/Tokyo")
    road.customer("Nobody Knows")
    mailing = campaign(road)
    deliver(road)
    assert sorted(road.got()) == ["anna.becker@example.com", "nobody.knows@example.com"]
    assert (books(road, mailing).accepted, books(road, mailing).to_go) == (2, 2)
    road.later(minutes=59)
    deliver(road)
    assert len(road.got()) == 2
    road.later(minutes=1)
    deliver(road)
    assert road.got()[2:] == ["jo.example@example.com"]
    road.time[0] = TOKYO_MORNING
    deliver(road)
    assert road.got()[3:] == ["kenji.sato@example.com"]
    assert (books(road, mailing).accepted, books(road, mailing).to_go) == (4, 0)


def test_a_batch_of_which_everybody_sleeps_waits_as_it_is(road: Road) -> None:
    road.time[0] = NOON
    road.customer("Jo Example", timezone="America/New_York")
    road.customer("Bo Example", timezone="America/New_York")
    mailing = campaign(road)
    deliver(road)
    road.later(hours=1)
    deliver(road)
    assert len(road.got()) == 2
    with road.database.reading() as session:
        parts = delivery.messages_of_mailing(session, mailing, after=PersonId(0), limit=10)
    assert len({each.batch_id for each in parts}) == 1


def test_whose_evening_begins_between_claim_and_gate_is_not_mailed_before_morning(
    road: Road,
) -> None:
    road.time[0] = datetime(2026, 11, 23, 18, 59, 50, tzinfo=UTC)
    road.customer("Anna Becker", timezone="Europe/Berlin")
    mailing = campaign(road)
    road.press.after_printing = lambda: road.later(seconds=15)
    deliver(road)
    road.press.after_printing = lambda: None
    road.later(minutes=1)
    deliver(road)
    assert road.got() == []
    assert books(road, mailing).to_go == 1
    road.time[0] = datetime(2026, 11, 24, 7, tzinfo=UTC)
    deliver(road)
    assert road.got() == ["anna.becker@example.com"]
    assert books(road, mailing).to_go == 0


def test_whose_morning_comes_after_the_deadline_is_refused_with_that_reason(road: Road) -> None:
    road.time[0] = NOON
    road.customer("Anna Becker", timezone="Europe/Berlin")
    road.customer("Jo Example", timezone="America/New_York")
    road.customer("Kenji Sato", timezone="Asia/Tokyo")
    mailing = campaign(road, use_by=NOON + timedelta(hours=2))
    deliver(road)
    road.later(hours=1)
    deliver(road)
    assert books(road, mailing).accepted == 2
    assert books(road, mailing).refused == {Reason.NOT_LATE: 1}


def test_a_held_person_can_still_say_no(road: Road) -> None:
    road.time[0] = NOON
    jo = road.customer("Jo Example", timezone="America/New_York")
    mailing = campaign(road)
    deliver(road)
    with road.database.reading() as session:
        ahead = delivery.verdicts_ahead(session, mailing, [jo.person_id], now=road.now)
    assert ahead == {jo.person_id: Held(Reason.HELD_QUIET, NOON + timedelta(hours=1))}
    no = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
    road.opt_outs.change(jo.person_id, no)
    road.later(hours=1)
    deliver(road)
    assert road.got() == []
    assert books(road, mailing).refused == {Reason.NOT_ALL: 1}


def test_a_dry_run_tells_who_would_be_held(road: Road) -> None:
    road.time[0] = NOON
    road.customer("Anna Becker", timezone="Europe/Berlin")
    road.customer("Jo Example", timezone="America/New_York")
    road.customer("Li Wei", topics=(), timezone="Asia/Shanghai")
    with road.database.reading() as session:
        ran = delivery.dry_run(
            session,
            stream=Stream.PROMOTIONAL,
            topic=Topic.COMPANY_NEWS,
            audience=audience_of(AudienceFilter()),
            curfew=Curfew(HOURS, now=road.now),
            now=road.now,
        )
    assert (ran.audience, ran.allowed, ran.held, ran.refused) == (3, 1, 1, {Reason.NOT_NEVER: 1})


def test_an_audience_is_cut_by_moment_and_each_part_into_batches(road: Road) -> None:
    with road.database.transaction() as session:
        zones = ("Europe/Berlin", "America/New_York", "", "US/Eastern")
        many_customers(session, road.vault, 2404, timezones=zones, now=road.now)
    east = road.now + timedelta(hours=6)
    moments = Moments({"America/New_York": east, "US/Eastern": east}, road.now)
    mailing = campaign(road, moments=moments)
    with road.database.reading() as session:
        counted = delivery.count_by_zone(session, audience_of(AudienceFilter()))
        parts = delivery.messages_of_mailing(session, mailing, after=PersonId(0), limit=5000)
    assert counted == dict.fromkeys(zones, 601)
    assert books(road, mailing).audience == len({each.person_id for each in parts}) == 2404
    sizes: dict[int, int] = {}
    for each in parts:
        sizes[each.batch_id] = sizes.get(each.batch_id, 0) + 1
    assert sorted(sizes.values()) == [202, 202, 500, 500, 500, 500]
