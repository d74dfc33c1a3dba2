"""Real parts for every test: one PostgreSQL per run, one database per test process."""

import gc
import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlmodel import Session

from mailer.database import Database
from mailer.vault import Vault
from tests.databases import count_from_one, empty_tables, made_tables, own_database

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def pytest_configure() -> None:
    """Look for no rings of objects while everything is imported and collected: all of it stays."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes a minute and more, or it would run alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Look for rings of objects seldom, and never among the half a million that stay.

    Going through those again and again took a sixth of a run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


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
    with own_database(server_url) as url:
        yield url


@pytest.fixture(scope="session")
def tables(database_url: str) -> Iterator[Database]:
    """The database with its tables made, shared by the tests of this process."""
    with made_tables(database_url) as database:
        yield database


@pytest.fixture
def session(tables: Database) -> Iterator[Session]:
    """A session whose work is rolled back after the test."""
    with tables.reading() as session:
        yield session


@pytest.fixture
def database(tables: Database) -> Iterator[Database]:
    """The database for tests that commit; every table is emptied after the test."""
    count_from_one(tables)
    yield tables
    empty_tables(tables)


@pytest.fixture(scope="session")
def vault() -> Vault:
    """A vault with two generations of keys."""
    return Vault([b"v" * 31 + bytes([n]) for n in (1, 2)], [b"i" * 31 + bytes([n]) for n in (1, 2)])
