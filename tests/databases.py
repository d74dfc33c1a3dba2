"""Databases of the tests: made, given their tables, emptied after each test that commits."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import text
from sqlmodel import SQLModel

from mailer.database import Database
from mailer.migrations import migrate
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


@contextmanager
def own_database(server_url: str) -> Iterator[str]:
    """Make a database of this process's own, and drop it; yields its URL."""
    name = f"test_{os.getpid()}_{secrets.token_hex(3)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    head, _, tail = server_url.rpartition("/")
    query = tail.partition("?")[1] + tail.partition("?")[2]
    yield f"{head}/{name}{query}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def made_tables(url: str) -> Iterator[Database]:
    """Make every room's tables in a database, whose batches go by the table of states alone."""
    import mailer.tables  # noqa: F401 - registers the tables of every room

    migrate(url)
    database = Database(url)
    with database.transaction() as session:
        hold_states(session)
    yield database
    database.close()


def count_from_one(database: Database) -> None:
    """Let every table number its rows from 1 again, whoever took numbers before."""
    with database.transaction() as session:
        session.execute(text(COUNT_FROM_ONE))


def empty_tables(database: Database) -> None:
    """Empty every table that a test has filled."""
    with database.transaction() as session:
        session.execute(text(EMPTY_TABLES))
        session.execute(
            text("SELECT pg_temp.empty_tables(:names)"), {"names": list(SQLModel.metadata.tables)}
        )
