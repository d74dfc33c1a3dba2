"""Clicks and opens are written once, and only for those who may be measured."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import measure
from mailer.measure import Event, Kind, event_id
from mailer.vocabulary import MailingId, PersonId

NEWS = MailingId(1)
JO, ANNA = PersonId(1), PersonId(2)


def everybody(session: Session, people: Sequence[PersonId]) -> dict[PersonId, bool]:
    return dict.fromkeys(people, True)


def event(
    at: datetime, number: int, person: PersonId, n: int | None = 0, kind: Kind = Kind.GET
) -> Event:
    return Event(event_id(at, number.to_bytes(10, "big")), NEWS, person, n, kind, at)


def test_ids_sort_by_time_and_are_proper_uuids(now: datetime) -> None:
    ids = [event_id(now + timedelta(milliseconds=n), bytes([255 - n] * 10)) for n in range(5)]
    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}


def test_writing_an_event_twice_records_it_once(session: Session, now: datetime) -> None:
    events = [event(now, 1, JO), event(now, 2, JO, None)]
    for again in (events, [*events, event(now, 3, JO)]):
        measure.record_events(session, again, tracking_of=everybody)
    clicks = session.execute(text("SELECT count(*) FROM measure_click")).scalar_one()
    opens = session.execute(text("SELECT count(*) FROM measure_open")).scalar_one()
    assert (clicks, opens) == (2, 1)


@pytest.mark.clause("C17")
def test_of_whoever_switched_tracking_off_or_is_gone_nothing_is_kept(
    session: Session, now: datetime
) -> None:
    def only_jo(session: Session, people: Sequence[PersonId]) -> dict[PersonId, bool]:
        return {JO: True, ANNA: False}

    events = [event(now, who, PersonId(who), n) for who in (1, 2, 3) for n in (0, None)]
    events = [replace(each, id=event_id(now, bytes([at] * 10))) for at, each in enumerate(events)]
    measure.record_events(session, events, tracking_of=only_jo)
    seen = text("SELECT person_id FROM measure_click UNION ALL SELECT person_id FROM measure_open")
    assert session.execute(seen).scalars().all() == [JO, JO]


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
