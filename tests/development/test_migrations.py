"""Migrations: they make exactly the tables of the code, once, whoever starts first."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

import mailer.tables  # noqa: F401 - registers the tables of every room
from mailer.migrations import is_current, migrate


@pytest.fixture
def empty(server_url: str) -> Iterator[str]:
    name = f"test_migrations_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{server_url.rpartition('/')[0]}/{name}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_an_empty_database_gets_exactly_the_tables_of_the_code(empty: str) -> None:
    assert not is_current(empty)
    assert migrate(empty)
    assert is_current(empty)
    engine = create_engine(empty.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_three_starts_at_once_migrate_once(empty: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        applied = list(pool.map(migrate, [empty] * 3))
    assert sorted(map(bool, applied)) == [False, False, True]
