"""Migrations: they make exactly the tables of the code, once, whoever starts first."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

import mailer.tables  # noqa: F401 - registers the tables of every room
from mailer.migrations import _config, is_current, migrate


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


PLACES = """
    INSERT INTO delivery_mailing
        (id, key, letter, stream, topic, targets, state, audience, created_at)
    VALUES (1, 'campaign:1', 'promotional', 'promotional', 'company_news', '[]', 'sending', 3, now());
    INSERT INTO delivery_batch (id, mailing_id, root_id, attempt, lane, state, not_before, size,
                                accepted, refused, rejected, unknown)
    VALUES (1, 1, 1, 1, 'promotional', 'settled', now(), 1, 1, 0, 0, 0),
           (2, 1, 1, 2, 'promotional', 'prepared', now(), 2, 0, 0, 0, 0);
    INSERT INTO delivery_roster (batch_id, persons, addresses) VALUES (1, '{11}', '{21}'), (2, '{12,13}', '{22,22}');
    INSERT INTO delivery_place (address_id, mailing_id, person_id, batch_id, taken_at)
    VALUES (21, 1, 11, 1, now()), (22, 1, 12, 2, now());
"""


def test_tables_with_mail_in_them_go_back_a_version_and_forward_again(empty: str) -> None:
    """Whoever waits for another try keeps the place that names the batch they wait in."""
    migrate(empty)
    engine = create_engine(empty.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        connection.execute(text(PLACES))
        connection.commit()
        command.downgrade(_config(connection), "0007")
        command.upgrade(_config(connection), "head")
        held = connection.execute(
            text("SELECT address_id, person_id, batch_id FROM delivery_place ORDER BY 1")
        ).all()
    engine.dispose()
    assert [tuple(row) for row in held] == [(21, 11, 1), (22, 12, 2)]


WORDS = """
    INSERT INTO delivery_heard (mailing_id, person_id, heard, at, detail)
    VALUES (1, 11, 'bounced', now(), '5.1.1 <anna@example.com>: no such user, Anna@example.com'),
           (1, 12, 'bounced', now(), '5.2.2 mailbox full');
"""


@pytest.mark.clause("C09")
def test_words_that_were_kept_with_an_address_lose_it(empty: str) -> None:
    migrate(empty)
    engine = create_engine(empty.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        command.downgrade(_config(connection), "0016")
        connection.execute(text(WORDS))
        connection.commit()
        command.upgrade(_config(connection), "head")
        kept = connection.execute(text("SELECT detail FROM delivery_heard ORDER BY person_id"))
        told = list(kept.scalars())
    engine.dispose()
    assert told == ["5.1.1 <address>: no such user, <address>", "5.2.2 mailbox full"]


NOS = """
    INSERT INTO permission_standing
        (person_id, version, topics_on, topics_answered, frequency, tracking, confirmed)
    VALUES (11, 3, 2, 31, 'as_it_comes', true, true), (12, 2, 0, 31, 'as_it_comes', true, true);
    INSERT INTO permission_suppression
        (person_id, address_id, scope, topic, reason, door, since, lifted_at, lifted_why)
    VALUES (11, 21, 'promotional', NULL, 'opt_out', 'one_click', now(), now(), 'their own yes, P-1'),
           (11, 21, 'topic', 'company_news', 'opt_out', 'one_click', now(), NULL, NULL),
           (12, 22, 'promotional', NULL, 'opt_out', 'one_click', now(), NULL, NULL);
"""


@pytest.mark.clause("C08")
def test_what_a_yes_did_not_name_before_becomes_a_no_of_the_address(empty: str) -> None:
    migrate(empty)
    engine = create_engine(empty.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        command.downgrade(_config(connection), "0019")
        connection.execute(text(NOS))
        connection.commit()
        command.upgrade(_config(connection), "head")
        query = "SELECT address_id, topic FROM permission_suppression WHERE lifted_at IS NULL"
        held = {tuple(row) for row in connection.execute(text(query))}
    engine.dispose()
    off = {"company_news", "product_information", "service_and_events", "partner_offers"}
    assert held == {(22, None), *((21, topic) for topic in off)}
