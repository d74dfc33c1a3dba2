"""Real parts for every test: one PostgreSQL per run, one database per test process."""

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text
from sqlmodel import Session, SQLModel

from mailer.database import Database
from mailer.migrations import migrate
from mailer.vault import Vault
from tests.held_states import hold_states

EMPTY_TABLES = """
    CREATE OR REPLACE FUNCTION pg_temp.empty_tables(names text[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        name text;
        is_filled boolean;
    BEGIN
        FOREACH name IN ARRAY names LOOP
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO is_filled;
            IF is_filled THEN EXECUTE format('TRUNCATE %I CASCADE', name); END IF;
        END LOOP;
    END $$
"""
"""Emptying only what a test has filled costs a fifth of truncating every table."""

COUNT_FROM_ONE = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
    FROM pg_sequences WHERE last_value IS NOT NULL
"""
"""Numbers that a test took and rolled back stay taken: whoever counts on the first must begin there."""

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """The moment at which tests play, unless they move it."""
    return NOW


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL to test on: `TEST_DATABASE_URL`, else the embedded one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    from mailer.development.servers import embedded_postgres

    with embedded_postgres(tmp_path_factory.mktemp("postgres"), throwaway=True) as url:
        yield url


@pytest.fixture(scope="session")
def database_url(server_url: str) -> Iterator[str]:
    """A database of this test process's own, with the tables of every room."""
    name = f"test_{os.getpid()}_{secrets.token_hex(3)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    head, _, tail = server_url.rpartition("/")
    query = tail.partition("?")[1] + tail.partition("?")[2]
    yield f"{head}/{name}{query}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def tables(database_url: str) -> Iterator[Database]:
    """The database with its tables made, shared by the tests of this process."""
    import mailer.tables  # noqa: F401 - registers the tables of every room

    migrate(database_url)
    database = Database(database_url)
    with database.transaction() as session:
        hold_states(session)
    yield database
    database.close()


@pytest.fixture
def session(tables: Database) -> Iterator[Session]:
    """A session whose work is rolled back after the test."""
    with tables.reading() as session:
        yield session


@pytest.fixture
def database(tables: Database) -> Iterator[Database]:
    """The database for tests that commit; every table is emptied after the test."""
    with tables.transaction() as session:
        session.execute(text(COUNT_FROM_ONE))
    yield tables
    with tables.transaction() as session:
        session.execute(text(EMPTY_TABLES))
        session.execute(
            text("SELECT pg_temp.empty_tables(:names)"), {"names": list(SQLModel.metadata.tables)}
        )


@pytest.fixture(scope="session")
def vault() -> Vault:
    """A vault with two generations of keys."""
    return Vault([b"v" * 31 + bytes([n]) for n in (1, 2)], [b"i" * 31 + bytes([n]) for n in (1, 2)])
