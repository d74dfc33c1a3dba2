"""What keeps a web door ready: a newer database, its keys, and connections that come free."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from mailer.database import Database, DatabaseAway
from mailer.migrations import is_current, migrate
from mailer.vocabulary import Topic
from mailer.wiring import build
from preference_center.app import create_app
from preference_center.systems import health
from preference_center.systems.lately import Lately
from tests.web.house import House, key, settings_for

NEWS = Topic.COMPANY_NEWS


@pytest.fixture
def newer(database: Database) -> Iterator[str]:
    """A database that the next version has migrated already."""
    with database.transaction() as session:
        before = session.scalar(text("SELECT version_num FROM alembic_version"))
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    yield database.url
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :was"), {"was": before})


def test_a_newer_database_is_ready_and_needs_no_migration_of_ours(
    newer: str, tmp_path: Path
) -> None:
    assert is_current(newer)
    assert migrate(newer) == []
    parts = build(settings_for(newer, tmp_path), process="test")
    with TestClient(create_app(parts)) as client:
        answer = client.get("/readyz")
    parts.close()
    assert (answer.status_code, answer.json()["checks"]["migrations"]) == (200, True)


@pytest.mark.parametrize("lost", ["vault_keys", "index_keys"])
def test_a_door_without_a_key_that_protects_data_is_not_ready(
    house: House, database: Database, tmp_path: Path, lost: str
) -> None:
    house.customer(NEWS)
    for keys, has in ((key(9), False), (f"{key(2 if lost == 'vault_keys' else 3)},{key(9)}", True)):
        parts = build(settings_for(database.url, tmp_path, **{lost: keys}), process="test")
        assert health.look(parts)["keys"] is has
        parts.close()


def test_nothing_that_breaks_while_looking_makes_an_error_of_it(
    database: Database, tmp_path: Path
) -> None:
    settings = settings_for(database.url, tmp_path, broker_url="redis://127.0.0.1:99999")
    parts = build(settings, process="test")
    assert health.look(parts)["broker"] is False
    parts.close()


def test_what_was_seen_is_repeated_for_some_seconds_and_read_by_one_at_a_time() -> None:
    clock, reads, many = [0.0], [], threading.Barrier(5)

    def read() -> int:
        reads.append(clock[0])
        return len(reads)

    seen = Lately(read, seconds=10, monotonic=lambda: clock[0])

    def ask() -> None:
        many.wait()
        seen()

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock[0] = 9.9
    assert seen() == 1
    clock[0] = 10.0
    assert seen() == 2
    assert reads == [0.0, 10.0]


def test_metrics_ask_the_database_once_however_often_they_are_fetched(
    client: TestClient, house: House
) -> None:
    client.get("/metrics")
    with house.parts.database.transaction() as session:
        session.execute(text("LOCK TABLE delivery_batch IN ACCESS EXCLUSIVE MODE"))
        assert client.get("/metrics").status_code == 200


def test_a_pool_that_is_taken_counts_as_a_database_that_is_away(database_url: str) -> None:
    small = Database(database_url, pool_size=1, pool_overflow=0, pool_seconds=0.05)
    with small.reading() as session:
        session.execute(text("SELECT 1"))
        for door in (small.transaction, small.reading):
            with pytest.raises(DatabaseAway), door() as second:
                second.execute(text("SELECT 1"))
    small.close()


@pytest.mark.clause("C08")
def test_an_opt_out_gets_through_while_others_hold_every_connection(
    house: House, tmp_path: Path
) -> None:
    jo = house.customer(NEWS)
    settings = settings_for(house.parts.database.url, tmp_path, web_threads="4")
    parts = build(settings, process="web")
    held = [parts.database.engine.connect() for _ in range(20)]
    with TestClient(create_app(parts)) as client:
        assert client.get(f"/p/{jo.preferences}").status_code == 503
        assert client.post(f"/u/{jo.unsubscribe}").status_code == 200
    for connection in held:
        connection.close()
    parts.close()
    assert house.standing(jo).stopped_since is not None
