"""Clicks and opens are written once, and only for those who may be measured."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer.measure import Event, Kind
from mailer.measure.events import ids_of, named
from mailer.vocabulary import MailingId, PersonId
from tests.measure.conftest import ANNA, JO, World
from tests.measure.recording import event_id, record

NEWS = MailingId(1)


def event(
    at: datetime, number: int, person: PersonId, n: int | None = 0, kind: Kind = Kind.GET
) -> Event:
    return Event(event_id(at, number.to_bytes(10, "big")), NEWS, person, n, kind, at)


def test_ids_sort_by_time_and_are_proper_uuids(now: datetime) -> None:
    ids = [event_id(now + timedelta(milliseconds=n), bytes([255 - n] * 10)) for n in range(5)]
    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}


@pytest.mark.parametrize("random", [bytes(10), b"\xff" * 10, bytes(range(10))])
def test_the_ids_of_a_set_are_its_own_and_proper_uuids(now: datetime, random: bytes) -> None:
    ids = [UUID(bytes=each) for each in ids_of([now] * 10_000, random)]
    assert ids == sorted(set(ids))
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    milliseconds = {each.int >> 80 for each in ids}
    assert milliseconds == {int(now.timestamp() * 1000)}
    other = ids_of([now], bytes([random[0], random[1], *random[2:9], random[9] ^ 0xF0]))
    assert other[0] != ids[0].bytes


def test_an_event_has_the_id_on_disk_that_it_has_in_the_database(now: datetime) -> None:
    taken = [(NEWS, JO, n, Kind.GET, now + timedelta(microseconds=n)) for n in range(3)]
    events = named(taken, b"0123456789")
    assert [each.id.bytes for each in events] == ids_of([each[4] for each in taken], b"0123456789")
    assert [each.taken for each in events] == taken


def test_every_kind_number_and_moment_comes_out_as_it_went_in(world: World, now: datetime) -> None:
    moments = [now, now - timedelta(days=20_000, microseconds=1), now + timedelta(microseconds=999)]
    numbers = [0, 99, 100, 999]
    taken = [(NEWS, JO, n, kind, at) for n in numbers for kind in Kind for at in moments]
    record(world.database, named(taken, b"0123456789"))
    with world.database.reading() as session:
        rows = session.execute(text("SELECT mailing_id, person_id, n, kind, at FROM measure_click"))
        assert sorted(map(tuple, rows)) == sorted(taken)


def test_writing_an_event_twice_records_it_once(world: World, now: datetime) -> None:
    events = [event(now, 1, JO), event(now, 2, JO, None)]
    for again in (events, [*events, event(now, 3, JO)]):
        record(world.database, again)
    assert (world.clicks(), world.opens()) == ([(JO, 0, "get")] * 2, [(JO, "get")])


@pytest.mark.clause("C17")
def test_of_whoever_switched_tracking_off_or_is_gone_nothing_is_kept(
    world: World, now: datetime
) -> None:
    world.untrack(ANNA)
    people = (JO, ANNA, PersonId(424242))
    asked = [(who, n) for who in people for n in (0, None)]
    events = [event(now, number, who, n) for number, (who, n) in enumerate(asked)]
    record(world.database, events)
    assert (world.clicks(), world.opens()) == ([(JO, 0, "get")], [(JO, "get")])


@pytest.mark.clause("C15")
def test_no_column_could_hold_more_than_ids_moments_and_counts(session: Session) -> None:
    columns = session.execute(
        text(
            "SELECT DISTINCT column_name FROM information_schema.columns"
            " WHERE table_name LIKE 'measure_%'"
        )
    ).scalars()
    requests = {"id", "mailing_id", "person_id", "n", "kind", "at", "origin"}
    crowds = {"mailing_id", "domain_tag", "is_click", "second", "people"}
    assert set(columns) == requests | crowds
