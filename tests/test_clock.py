"""What time it is in the house: the database says so, whatever this host's clock shows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from mailer.clock import EVERY_SECONDS, HouseClock
from mailer.database import Database, DatabaseAway
from mailer.wiring import build
from tests.web.house import settings_for

TOLD = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
WRONG = TOLD + timedelta(hours=3)


class Host:
    """A host whose time of day and running clock a test sets."""

    def __init__(self) -> None:
        self.shows = WRONG
        self.ran = 100.0
        self.asked = 0
        self.takes = 0.8
        self.clock = HouseClock(lambda: self.shows, lambda: self.ran)

    def ask(self) -> datetime:
        """Answer as the database would, some time later."""
        self.asked += 1
        self.ran += self.takes
        return TOLD


@pytest.fixture
def host() -> Host:
    return Host()


def test_until_the_database_was_heard_there_is_only_the_hosts_own_time(host: Host) -> None:
    assert host.clock() == WRONG


def test_the_databases_time_goes_on_by_the_hosts_running_clock(host: Host) -> None:
    host.clock.hear(host.ask)
    assert host.clock() == TOLD + timedelta(seconds=0.4)  # half the way there and back
    host.ran += 5
    host.shows += timedelta(days=400)
    assert host.clock() == TOLD + timedelta(seconds=5.4)


def test_it_is_asked_now_and_then_only(host: Host) -> None:
    for _ in range(3):
        host.clock.hear(host.ask)
    assert host.asked == 1
    host.ran += EVERY_SECONDS
    host.clock.hear(host.ask)
    assert host.asked == 2


def test_a_database_that_does_not_answer_leaves_the_time_as_it_was(host: Host) -> None:
    host.clock.hear(host.ask)
    host.ran += EVERY_SECONDS

    def fail() -> datetime:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        host.clock.hear(fail)
    assert host.clock() == TOLD + timedelta(seconds=EVERY_SECONDS + 0.4)
    host.clock.hear(host.ask)
    assert host.asked == 2


def test_an_answer_that_was_long_on_its_way_takes_no_better_ones_place(host: Host) -> None:
    host.clock.hear(host.ask)
    host.ran, host.takes = host.ran + EVERY_SECONDS, 120.0
    host.clock.hear(host.ask)
    assert host.clock() == TOLD + timedelta(seconds=0.4 + EVERY_SECONDS + 120)
    host.takes = 0.2
    host.clock.hear(host.ask)
    assert host.clock() == TOLD + timedelta(seconds=0.1)


def test_a_first_answer_that_was_long_on_its_way_is_asked_for_again(host: Host) -> None:
    host.takes = 120.0
    host.clock.hear(host.ask)
    assert host.clock() == TOLD + timedelta(seconds=60)
    host.takes = 0.2
    host.clock.hear(host.ask)
    assert host.clock() == TOLD + timedelta(seconds=0.1)


def test_a_connection_that_dies_at_the_question_is_a_database_that_is_away(
    tables: Database,
) -> None:
    clock = HouseClock(lambda: WRONG)
    database = Database(tables.url, clock=clock)

    def hang_up(connection: Any, record: Any, proxy: Any) -> None:
        del record, proxy
        connection.close()

    event.listen(database.engine, "checkout", hang_up, insert=True)
    try:
        with pytest.raises(DatabaseAway), database.reading() as session:
            session.scalar(text("SELECT 1"))
        assert not database.is_ready()
        assert clock() == WRONG
    finally:
        database.close()


def test_who_is_asking_already_is_not_waited_for(host: Host) -> None:
    def ask_and_look() -> datetime:
        host.clock.hear(host.ask)
        return TOLD

    host.clock.hear(ask_and_look)
    assert host.asked == 0


def test_a_connection_brings_the_servers_time_along(tables: Database) -> None:
    clock = HouseClock(lambda: WRONG)
    database = Database(tables.url, clock=clock)
    try:
        with database.transaction() as session:
            told = session.scalar(text("SELECT clock_timestamp()"))
            assert told is not None
            assert abs(clock() - told) < timedelta(seconds=1)
            isolation = session.scalar(text("SHOW transaction_isolation"))
        assert isolation == "read committed"
    finally:
        database.close()


def test_a_process_lives_by_the_databases_time(database: Database, tmp_path: Path) -> None:
    parts = build(settings_for(database.url, tmp_path), process="test")
    try:
        assert parts.database.is_ready()
        assert isinstance(parts.clock, HouseClock)
        told = parts.clock()
        with parts.database.reading() as session:
            now = session.scalar(text("SELECT clock_timestamp()"))
        assert now is not None
        assert timedelta(0) <= now - told < timedelta(seconds=5)
    finally:
        parts.close()
