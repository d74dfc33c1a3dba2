"""A start that PostgreSQL refuses holds up no other, as long as the database answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from sqlalchemy import event, text
from structlog.testing import capture_logs

from mailer.campaigns import CampaignId, State
from mailer.database import Database
from tests.workers.test_shift import Hall


@pytest.fixture
def hall(database: Database, database_url: str, tmp_path: Path, now: datetime) -> Iterator[Hall]:
    del database  # its tables are emptied afterwards
    hall = Hall(database_url, tmp_path, now)
    yield hall
    hall.shift.close()


@contextmanager
def spoiling(hall: Hall, campaign: CampaignId, statement: str) -> Iterator[None]:
    """Have a statement run inside the start of a campaign."""
    spoil = f"""
        CREATE FUNCTION spoil_mailing() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.key = 'campaign:{campaign}' THEN {statement}; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER spoil_mailing BEFORE INSERT ON delivery_mailing
        FOR EACH ROW EXECUTE FUNCTION spoil_mailing();
    """
    with hall.parts.database.transaction() as session:
        session.execute(text(spoil))
    try:
        yield
    finally:
        with hall.parts.database.transaction() as session:
            session.execute(text("DROP FUNCTION spoil_mailing() CASCADE"))


@contextmanager
def each_new_connection(hall: Hall, moment: str, listener: Any) -> Iterator[None]:
    hall.parts.database.close()
    event.listen(hall.parts.database.engine, moment, listener)
    try:
        yield
    finally:
        event.remove(hall.parts.database.engine, moment, listener)
        hall.parts.database.close()


def set_a_timeout(connection: psycopg.Connection[Any], record: Any) -> None:
    del record
    connection.execute("SET statement_timeout = '500ms'")
    connection.commit()


def refuse(*_: Any) -> NoReturn:
    raise psycopg.OperationalError("nobody is there")


def test_a_start_beyond_the_statement_timeout_holds_up_no_other(hall: Hall) -> None:
    large, fit = hall.scheduled("Large"), hall.scheduled("Fit")
    hall.now += timedelta(minutes=2)
    with (
        spoiling(hall, large, "PERFORM pg_sleep(30)"),
        each_new_connection(hall, "connect", set_a_timeout),
        capture_logs() as log,
    ):
        hall.shift.start_campaigns()
    assert hall.state_of(large) is State.SCHEDULED, "tried again at the next look"
    assert hall.state_of(fit) is State.SENDING
    assert [(each["event"], each.get("why")) for each in log if each["log_level"] == "error"] == [
        ("campaign.unstarted", "QueryCanceled")
    ]


def test_a_start_that_finds_no_room_for_its_size_holds_up_no_other(hall: Hall) -> None:
    large, fit = hall.scheduled("Large"), hall.scheduled("Fit")
    hall.now += timedelta(minutes=2)
    full = "RAISE EXCEPTION 'full' USING ERRCODE = 'configuration_limit_exceeded'"
    with spoiling(hall, large, full):
        hall.shift.start_campaigns()
    assert hall.state_of(large) is State.SCHEDULED
    assert hall.state_of(fit) is State.SENDING


def test_with_the_database_away_no_further_start_is_tried(hall: Hall) -> None:
    first, second = hall.scheduled("First"), hall.scheduled("Second")
    hall.now += timedelta(minutes=2)
    end = "PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(30)"
    engine = hall.parts.database.engine
    with spoiling(hall, first, end), capture_logs() as log:
        with hall.parts.database.reading() as session:
            session.execute(text("SELECT 1"))
        event.listen(engine, "do_connect", refuse)
        hall.shift.start_campaigns()
        event.remove(engine, "do_connect", refuse)
    assert {hall.state_of(first), hall.state_of(second)} == {State.SCHEDULED}
    assert [each["event"] for each in log] == ["campaigns.waiting"]
