"""What time it is in the house: the database says so, whatever this host's clock shows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer.clock import EVERY_SECONDS, HouseClock
from mailer.database import Database
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
        self.clock = HouseClock(lambda: self.shows, lambda: self.ran)

    def ask(self) -> datetime:
        """Answer as the database would, two seconds later."""
        self.asked += 1
        self.ran += 2
        return TOLD


@pytest.fixture
def host() -> Host:
    return Host()


def test_until_the_database_was_heard_there_is_only_the_hosts_own_time(host: Host) -> None:
    assert host.clock() == WRONG


def test_the_databases_time_goes_on_by_the_hosts_running_clock(host: Host) -> None:
    host.clock.hear(host.ask)
    assert host.clock() == TOLD + timedelta(seconds=1)  # half the way there and back
    host.ran += 5
    host.shows += timedelta(days=400)
    assert host.clock() == TOLD + timedelta(seconds=6)


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
    assert host.clock() == TOLD + timedelta(seconds=EVERY_SECONDS + 1)
    host.clock.hear(host.ask)
    assert host.asked == 2


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
