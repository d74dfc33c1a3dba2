"""The pool and the short ways to the database, over connections that break."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from mailer.database import Database, DatabaseAway

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


def in_use(database: Database) -> int:
    """How many connections of the pool are out."""
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


@pytest.mark.parametrize("way", [use, look])
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


def test_a_glance_that_breaks_says_so_and_leaves_the_pool_whole(resting: Database) -> None:
    with pytest.raises(DatabaseAway), resting.glance() as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert in_use(resting) == 0
    look(resting)


def test_a_connection_that_is_held_is_none_of_the_pool(resting: Database) -> None:
    held = resting.held("PREPARE held (int) AS SELECT $1")
    assert in_use(resting) == 0
    assert held.connection.execute("EXECUTE held (7)").fetchone() == (7,)
    use(resting)
    held.connection.close()
    use(resting)


def test_what_cannot_be_prepared_leaves_no_connection_behind(
    database: Database, resting: Database
) -> None:
    with pytest.raises(DBAPIError):
        resting.held("PREPARE held AS SELECT nonsense")
    look(resting)
    with database.reading() as session:
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name"
        assert session.scalar(text(count), {"name": RESTING}) == 1
