"""Clicks and opens are written once, and only for those who may be measured."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import permission
from mailer.measure import Event, Kind, event_id
from mailer.measure.events import Writer
from mailer.vocabulary import MailingId, PersonId
from tests.measure.conftest import ANNA, JO, World

NEWS = MailingId(1)


def event(
    at: datetime, number: int, person: PersonId, n: int | None = 0, kind: Kind = Kind.GET
) -> Event:
    return Event(event_id(at, number.to_bytes(10, "big")), NEWS, person, n, kind, at)


def test_ids_sort_by_time_and_are_proper_uuids(now: datetime) -> None:
    ids = [event_id(now + timedelta(milliseconds=n), bytes([255 - n] * 10)) for n in range(5)]
    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}


def test_writing_an_event_twice_records_it_once(world: World, now: datetime) -> None:
    writer = Writer(world.database, permission.measurable())
    events = [event(now, 1, JO), event(now, 2, JO, None)]
    for again in (events, [*events, event(now, 3, JO)]):
        writer.write(again)
    assert (world.clicks(), world.opens()) == ([(JO, 0, "get")] * 2, [(JO, "get")])


@pytest.mark.clause("C17")
def test_of_whoever_switched_tracking_off_or_is_gone_nothing_is_kept(
    world: World, now: datetime
) -> None:
    world.untrack(ANNA)
    people = (JO, ANNA, PersonId(424242))
    asked = [(who, n) for who in people for n in (0, None)]
    events = [event(now, number, who, n) for number, (who, n) in enumerate(asked)]
    Writer(world.database, permission.measurable()).write(events)
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
