"""The pool and the short ways to the database, over connections that break."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mailer.database import CommitInDoubt, Database, DatabaseAway

RESTING = "resting"


@pytest.fixture
def resting(database: Database) -> Iterator[Database]:
    """A pool with one connection, whose server process is known by its name."""
    resting = Database(database.url, application=RESTING)
    use(resting)
    yield resting
    resting.close()


def use(database: Database) -> None:
    with database.transaction() as session:
        assert session.scalar(text("SELECT 1")) == 1


def look(database: Database) -> None:
    with database.glance() as session:
        assert session.scalar(text("SELECT 1")) == 1


def write(database: Database) -> None:
    database.write_at_once("SELECT 1", {})


@pytest.mark.parametrize("way", [use, look, write])
def test_a_connection_that_the_server_ended_while_it_rested_is_used_by_nobody(
    database: Database, resting: Database, way: Callable[[Database], None]
) -> None:
    with database.transaction() as session:
        ended = session.scalars(
            text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE application_name = :name AND datname = current_database()"
            ),
            {"name": RESTING},
        ).all()
    assert ended == [True]
    way(resting)


def test_a_connection_that_breaks_during_a_statement_leaves_it_in_doubt_and_the_pool_whole(
    resting: Database,
) -> None:
    with pytest.raises(CommitInDoubt):
        resting.write_at_once("SELECT pg_terminate_backend(pg_backend_pid())", {})
    assert resting.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    write(resting)
    use(resting)


def test_a_glance_that_breaks_says_so_and_leaves_the_pool_whole(resting: Database) -> None:
    with pytest.raises(DatabaseAway), resting.glance() as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert resting.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    look(resting)


def test_a_statement_that_is_refused_leaves_transactions_as_they_were(
    database: Database, resting: Database
) -> None:
    with pytest.raises(DBAPIError):
        resting.write_at_once("SELECT 1 / 0", {})
    look(resting)
    with resting.reading() as session:
        session.execute(text("CREATE TABLE left_behind ()"))
    with database.reading() as session:
        assert session.scalar(text("SELECT to_regclass('left_behind')")) is None
