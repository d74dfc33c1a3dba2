"""A line: what was written is committed when it says so, and it says so when it does not know."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mailer.database import CommitInDoubt, Database, DatabaseAway
from mailer.measure.line import Lines, Refused

NOTE = "INSERT INTO line_note SELECT unnest($1)"


@pytest.fixture
def notes(database: Database) -> Iterator[Database]:
    with database.transaction() as session:
        session.execute(text("DROP TABLE IF EXISTS line_note"))
        session.execute(text("CREATE TABLE line_note (said text CHECK (said <> 'wrong'))"))
    yield database
    with database.transaction() as session:
        session.execute(text("DROP TABLE line_note"))


def noted(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(text("SELECT said FROM line_note ORDER BY said")))


def play(
    database: Database, act: Callable[[Lines], Awaitable[None]], statement: str = NOTE
) -> None:
    async def run(threads: ThreadPoolExecutor) -> None:
        lines = Lines(database, statement, ["text[]"], threads)
        try:
            await act(lines)
        finally:
            lines.close()

    with ThreadPoolExecutor(2) as threads:
        asyncio.run(run(threads))


def array(*words: str) -> list[bytes]:
    """Return words as PostgreSQL's binary array of texts."""
    sized = [len(word).to_bytes(4, "big") + word.encode() for word in words]
    head = [number.to_bytes(4, "big") for number in (1, 0, 25, len(words), 1)]
    return [b"".join(head + sized)]


def test_what_was_run_is_committed_and_the_line_is_used_again(notes: Database) -> None:
    async def act(lines: Lines) -> None:
        for word in ("one", "two"):
            await lines.run(array(word))
            assert word in noted(notes)
        assert len(lines._free) == 1

    play(notes, act)


def test_sets_that_are_larger_than_the_socket_takes_at_once_go_through(notes: Database) -> None:
    words = [f"{number:06}" * 40 for number in range(40_000)]  # ten megabytes

    async def act(lines: Lines) -> None:
        await lines.run(array(*words))

    play(notes, act)
    assert len(noted(notes)) == len(words)


def test_what_is_refused_leaves_the_line_standing_and_nothing_written(notes: Database) -> None:
    async def act(lines: Lines) -> None:
        with pytest.raises(Refused):
            await lines.run(array("right", "wrong"))
        await lines.run(array("after"))

    play(notes, act)
    assert noted(notes) == ["after"]


def test_a_line_that_ends_while_it_rests_is_replaced(notes: Database) -> None:
    async def act(lines: Lines) -> None:
        await lines.run(array("before"))
        first = lines._free[0]
        with notes.transaction() as session:
            session.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": first.server})
        while not first.is_closed:
            await asyncio.sleep(0.01)
        await lines.run(array("later"))

    play(notes, act)
    assert noted(notes) == ["before", "later"]


def test_a_line_that_breaks_during_its_statement_leaves_it_in_doubt(notes: Database) -> None:
    ending = "INSERT INTO line_note SELECT pg_terminate_backend(pg_backend_pid())::text || $1[1]"

    async def act(lines: Lines) -> None:
        with pytest.raises((CommitInDoubt, Refused)):
            await lines.run(array("x"))
        while lines._free and not lines._free[0].is_closed:
            await asyncio.sleep(0.01)

    play(notes, act, ending)
    assert noted(notes) == []


def test_a_warning_at_the_commit_is_no_commit(notes: Database) -> None:
    with notes.transaction() as session:
        session.execute(
            text(
                "CREATE OR REPLACE FUNCTION line_warn() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE WARNING 'may not last'; RETURN NULL; END $$"
            )
        )
        session.execute(
            text(
                "CREATE CONSTRAINT TRIGGER warns AFTER INSERT ON line_note"
                " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION line_warn()"
            )
        )

    async def act(lines: Lines) -> None:
        with pytest.raises(CommitInDoubt):
            await lines.run(array("doubtful"))

    play(notes, act)


def test_who_gives_up_waiting_ends_the_line(notes: Database) -> None:
    async def act(lines: Lines) -> None:
        await lines.run(array("before"))
        line = lines._free[0]
        with notes.transaction() as session:
            session.execute(text("LOCK TABLE line_note IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await lines.run(array("late"))
            assert line.is_closed
            assert lines._free == []

    play(notes, act)


def test_a_line_that_was_opened_too_late_is_kept_for_the_next(notes: Database) -> None:
    async def act(lines: Lines) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await lines.run(array("nobody waits"))
        while not lines._free:
            await asyncio.sleep(0.01)
        await lines.run(array("next"))
        assert len(lines._free) == 1

    play(notes, act)
    assert noted(notes) == ["next"]


def test_no_database_and_a_statement_that_is_refused_are_told_apart(notes: Database) -> None:
    async def act(lines: Lines) -> None:
        with pytest.raises(DatabaseAway):
            await lines.run(array("x"))

    async def refused(lines: Lines) -> None:
        with pytest.raises(DBAPIError):
            await lines.run(array("x"))

    away = Database("postgresql://nobody@127.0.0.1:1/none")
    play(away, act)
    play(notes, refused, "INSERT INTO no_such_table SELECT unnest($1)")
