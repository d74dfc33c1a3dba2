"""The pool and the short ways to the database, over connections that break."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

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


def in_use(database: Database) -> int:
    """How many connections of the pool are out."""
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


@pytest.mark.parametrize("way", [use, look])
def test_a_connection_that_the_server_ended_while_it_rested_is_used_by_nobody(
    database: Database, resting: Database, way: Callable[[Database], None]
) -> None:
    end_what_rests(database)
    way(resting)


ENDED = text(
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
    " WHERE application_name = :name AND datname = current_database()"
)


def end_what_rests(database: Database) -> None:
    with database.transaction() as session:
        assert session.scalars(ENDED, {"name": RESTING}).all() == [True]


def test_what_was_read_is_read_though_the_server_ended_before_the_rollback(
    database: Database, resting: Database
) -> None:
    with resting.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1
        end_what_rests(database)
    assert in_use(resting) == 0


class Refusal(Exception):
    """What somebody raises in a transaction for a reason of their own."""


def test_a_refusal_stays_what_it_is_though_the_server_ended_before_the_rollback(
    database: Database, resting: Database
) -> None:
    def refuse_too_late() -> None:
        with resting.transaction() as session:
            assert session.scalar(text("SELECT 1")) == 1
            end_what_rests(database)
            raise Refusal

    with pytest.raises(Refusal):
        refuse_too_late()
    assert in_use(resting) == 0


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


@pytest.fixture
def hasty(database: Database) -> Iterator[Database]:
    """A database whose commits do not wait for the disk, unless they are told to."""
    name = database.engine.url.database
    tell(database, f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    hasty = Database(database.url, application="hasty")
    yield hasty
    hasty.close()
    tell(database, f'ALTER DATABASE "{name}" RESET synchronous_commit')


def tell(database: Database, *statements: str) -> None:
    with database.transaction() as session:
        for statement in statements:
            session.execute(text(statement))


@pytest.mark.clause("C08")
def test_a_commit_waits_for_the_disk_whatever_the_server_was_told(hasty: Database) -> None:
    with hasty.transaction() as session:
        assert session.scalar(text("SHOW synchronous_commit")) == "on"


@pytest.fixture
def rigid(database: Database) -> Iterator[Database]:
    """A database whose transactions see one moment only, unless they are told otherwise."""
    name = database.engine.url.database
    tell(
        database, f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'"
    )
    rigid = Database(database.url, application="rigid")
    yield rigid
    rigid.close()
    tell(database, f'ALTER DATABASE "{name}" RESET default_transaction_isolation')


@pytest.mark.clause("C08")
def test_each_statement_sees_what_is_committed_before_it_whatever_the_server_was_told(
    rigid: Database,
) -> None:
    shown = text("SHOW transaction_isolation")
    with rigid.transaction() as session:
        assert session.scalar(shown) == "read committed"
    with rigid.reading() as session:
        assert session.scalar(shown) == "read committed"
    with rigid.glance() as session:
        assert session.scalar(shown) == "read committed"
    held = rigid.held("PREPARE held AS SELECT 1")
    assert held.connection.execute(shown.text).fetchone() == ("read committed",)
    held.connection.close()


@pytest.fixture
def warning(database: Database) -> Iterator[Database]:
    """A database that warns at the end of a commit, as one does that waits in vain for a standby."""
    tell(
        database,
        "CREATE TABLE warned (number int)",
        "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE WARNING 'may not last'; RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER warns AFTER INSERT ON warned"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()",
    )
    yield database
    tell(database, "DROP TABLE warned", "DROP FUNCTION warn")


@pytest.mark.clause("C08")
def test_a_commit_that_comes_back_with_a_warning_is_in_doubt(warning: Database) -> None:
    with pytest.raises(CommitInDoubt), warning.transaction() as session:
        session.execute(text("INSERT INTO warned VALUES (1)"))
    with warning.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM warned")) == 1
