"""An audience is cut into batches of one kind: everybody once, in the order of their numbers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from mailer.delivery import (
    WHOLE,
    Cut,
    Moments,
    NewMailing,
    Part,
    create_mailing,
    prepare_audience,
    prepare_by_zone,
    prepare_split,
)
from mailer.delivery.cutting import BATCH_SIZE
from mailer.vocabulary import MailingId, Stream, Topic

DUE = {"Europe/Berlin": 3, "America/New_York": 1, "Asia/Tokyo": 2}
ZONES = (*DUE, "", "Europe/Lisbon")


def a_mailing(session: Session, now: datetime) -> MailingId:
    new = NewMailing("campaign:1", "promotional", Stream.PROMOTIONAL, Topic.COMPANY_NEWS)
    made = create_mailing(session, new, now=now)
    assert made is not None
    return made


def numbers(first: int, last: int) -> sa.Select[tuple[int, int]]:
    """An audience in no order, whose addresses have other numbers than its people."""
    number: sa.ColumnElement[int] = sa.func.generate_series(first, last, type_=sa.BigInteger)
    drawn = sa.select(number.label("person_id")).subquery("drawn")
    person = drawn.c.person_id
    return sa.select(person, (person + 1_000_000).label("address_id")).order_by(
        sa.func.md5(sa.cast(person, sa.Text))
    )


def batches(session: Session, mailing: MailingId) -> Sequence[sa.Row[tuple[object, ...]]]:
    return session.execute(
        sa.text(
            "SELECT b.id, b.root_id, b.size, b.not_before, b.state, b.lane, r.persons, r.addresses"
            " FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id"
            " WHERE b.mailing_id = :mailing ORDER BY b.id"
        ),
        {"mailing": mailing},
    ).all()


def test_everybody_is_in_one_batch_beside_their_own_address(
    session: Session, now: datetime
) -> None:
    mailing = a_mailing(session, now)
    size = 2 * BATCH_SIZE + 7
    assert prepare_audience(session, mailing, numbers(11, 10 + size), now=now).people == size
    made = batches(session, mailing)
    assert [row.size for row in made] == [BATCH_SIZE, BATCH_SIZE, 7]
    assert [number for row in made for number in row.persons] == list(range(11, 11 + size))
    for row in made:
        assert row.addresses == [number + 1_000_000 for number in row.persons]
        assert (row.root_id, row.not_before) == (row.id, now)
        assert (row.state, row.lane) == ("prepared", "promotional")


def test_an_audience_of_whole_batches_leaves_no_empty_one(session: Session, now: datetime) -> None:
    mailing = a_mailing(session, now)
    prepare_audience(session, mailing, numbers(1, BATCH_SIZE), now=now)
    assert [row.size for row in batches(session, mailing)] == [BATCH_SIZE]


def test_nobody_makes_no_batch(session: Session, now: datetime) -> None:
    mailing = a_mailing(session, now)
    assert prepare_audience(session, mailing, numbers(2, 1), now=now).people == 0
    assert batches(session, mailing) == []


def test_a_second_part_adds_to_the_first(session: Session, now: datetime) -> None:
    mailing = a_mailing(session, now)
    assert prepare_audience(session, mailing, numbers(1, 600), now=now).people == 600
    assert prepare_audience(session, mailing, numbers(601, 1300), now=now).people == 1300
    assert [row.size for row in batches(session, mailing)] == [500, 100, 500, 200]


def test_a_batch_holds_people_of_one_moment_in_the_order_of_their_numbers(
    session: Session, now: datetime
) -> None:
    mailing, count = a_mailing(session, now), 3000
    for number in range(len(ZONES)):
        session.execute(
            sa.text(
                "INSERT INTO people_customer (id, address_id, version, index_key, country, language,"
                " timezone, source, attributes, created_at) OVERRIDING SYSTEM VALUE"
                " SELECT n, n, 1, '', '', '', :zone, 'shop', '{}', :now"
                " FROM generate_series(1, :count) n WHERE n % :of = :number"
            ),
            {
                "zone": ZONES[number],
                "now": now,
                "count": count,
                "of": len(ZONES),
                "number": number,
            },
        )
    moments = Moments({zone: now + timedelta(hours=hours) for zone, hours in DUE.items()}, now)
    assert prepare_by_zone(session, mailing, numbers(1, count), moments=moments).people == count
    made = batches(session, mailing)
    assert [row.not_before for row in made] == sorted(row.not_before for row in made)
    assert [row.size for row in made] == [500, 500, 200, 500, 100, 500, 100, 500, 100]
    for row in made:
        assert row.persons == sorted(row.persons)
        zones = {ZONES[number % len(ZONES)] for number in row.persons}
        assert {moments.of_zone.get(zone, now) for zone in zones} == {row.not_before}
    assert sorted(n for row in made for n in row.persons) == list(range(1, count + 1))


def test_who_lacks_something_is_counted_while_they_are_cut(session: Session, now: datetime) -> None:
    mailing = a_mailing(session, now)
    who = numbers(1, 1200).order_by(None).subquery("who")
    third, known = (who.c.person_id % 3 != 0).label("third"), sa.true().label("known")
    audience = sa.select(who, third, known)
    asked = ("third", "known")
    cut = prepare_audience(session, mailing, audience, asked=asked, now=now)
    assert cut == Cut(1200, {"third": 400, "known": 0})
    by_zone = prepare_by_zone(session, mailing, audience, asked=asked, moments=Moments({}, now))
    assert by_zone == Cut(2400, {"third": 400, "known": 0})
    parts = [Part(until, 1, Moments({}, now)) for until in (5000, WHOLE)]
    drawn = prepare_split(session, mailing, audience, draw="split/1", parts=parts, asked=asked)
    assert drawn == Cut(3600, {"third": 400, "known": 0})
    nobody = prepare_audience(session, mailing, audience.where(sa.false()), asked=asked, now=now)
    assert nobody == Cut(3600, {"third": 0, "known": 0})
    assert {len(row.persons) for row in batches(session, mailing)} > {500}
    assert all(row.size == len(row.persons) for row in batches(session, mailing))
