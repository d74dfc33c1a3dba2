"""Brings a database to the tables that this version needs. Alembic, driven from code alone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

LOCK = 4_051_322_022_501
"""The advisory lock of migrations: any number that nothing else in the database uses."""
LOCK_SECONDS = 900.0


class MigrationBusy(Exception):
    """Another process has been migrating this database for too long."""


def migrate(database_url: str) -> list[str]:
    """Apply every migration that is missing, and return their revisions, oldest first.

    Two processes that start at once migrate once: the second waits, and finds nothing to do.
    Raises MigrationBusy after fifteen minutes of waiting, and SQLAlchemy's errors.
    """
    with _connected(database_url) as connection, _alone(connection):
        missing = pending(connection)
        if missing:
            command.upgrade(_config(connection), "head")
        return missing


def is_current(database_url: str) -> bool:
    """Say whether the database has every table change that this version knows."""
    with _connected(database_url) as connection:
        return not pending(connection)


def pending(connection: Connection) -> list[str]:
    """Return the revisions that the database lacks, oldest first.

    A head that this version does not know is a newer version's, which brings all of ours: a
    deploy migrates first and replaces the processes afterwards.
    """
    scripts = ScriptDirectory.from_config(_config(connection))
    applied = MigrationContext.configure(connection).get_current_heads()
    connection.rollback()
    every = [revision.revision for revision in reversed(list(scripts.walk_revisions()))]
    if not set(applied) <= set(every):
        return []
    known = {
        revision.revision
        for head in applied
        for revision in scripts.iterate_revisions(head, "base")
    }
    return [revision for revision in every if revision not in known]


def draft(database_url: str, message: str) -> Path | None:
    """Write a new revision with the difference between the tables in code and this database.

    For developers: the database must be current. Returns the file, to be read before it is kept.
    """
    with _connected(database_url) as connection:
        made = command.revision(_config(connection), message=message, autogenerate=True)
    first = made[0] if isinstance(made, list) else made
    return Path(first.path) if first else None


@contextmanager
def _connected(database_url: str) -> Iterator[Connection]:
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        yield connection


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Hold the lock of migrations.

    It is asked for again and again: a statement that waits for it would hold a snapshot, and
    building an index concurrently waits for every snapshot.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
        connection.rollback()
        if time.monotonic() >= deadline:
            raise MigrationBusy("another process has been migrating for fifteen minutes")
        time.sleep(0.2)
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
        connection.commit()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config
