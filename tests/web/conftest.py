"""The web door over real parts, with Jo Example behind a link."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from mailer import delivery, people, permission
from mailer.database import Database
from mailer.links import Purpose
from mailer.people import NewProfile
from mailer.permission import Change
from mailer.settings import Settings, read_settings
from mailer.vocabulary import AddressId, Door, MailingId, PersonId, Stream, Topic
from mailer.wiring import Parts, build
from preference_center.app import create_app

NOW = datetime.fromisoformat("2026-11-22T15:41:07+00:00")


def key(number: int) -> str:
    """A key that is no pattern, the same in every run."""
    return base64.b64encode(bytes((number * 37 + at * 11) % 251 for at in range(32))).decode()


def settings_for(database_url: str, folder: Path, **changed: str) -> Settings:
    """The settings of a developer's machine, some changed."""
    return read_settings(
        {
            "MAILER_ENV": "development",
            "MAILER_DATA_DIR": str(folder),
            "MAILER_DATABASE_URL": database_url,
            "MAILER_SECRET_KEYS": key(1),
            "MAILER_VAULT_KEYS": key(2),
            "MAILER_INDEX_KEYS": key(3),
            "MAILER_PROVIDER": "memory",
            "MAILER_POSTAL_ADDRESS": "10 Corporate Place South, Suite 101, Piscataway, NJ 08854",
        }
        | {f"MAILER_{name.upper()}": value for name, value in changed.items()}
    )


@dataclass(frozen=True)
class Customer:
    """A customer, with the tokens of the links that their mail carries."""

    person_id: PersonId
    address_id: AddressId
    unsubscribe: str
    preferences: str


class House:
    """The parts, and the few acts that tests begin with."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def customer(
        self, *on: Topic, email: str = "jo@example.com", zone: str = "America/New_York"
    ) -> Customer:
        """Make a customer with these topics on, and a mailing on software updates to them."""
        with self.parts.database.transaction() as session:
            profile = NewProfile(email=email, name="Jo Example", timezone=zone, source="shop")
            made = people.upsert(session, self.parts.vault, profile, now=NOW)
            permission.admit(session, [made.person_id], now=NOW)
            mailing = delivery.create_mailing(session, AUTUMN, now=NOW)
            if mailing is None:
                found = delivery.mailing_by_key(session, AUTUMN.key)
                assert found is not None
                mailing = found.id
        if on:
            self.wish(
                made.person_id, made.address_id, Change(**def _yes(topics: tuple[Topic, ...]) -> Change:
    return Change(
        door=Door.SIGN_UP,
        policy_version="2026-11",
        words="Send me these by e-mail.",
        topics_on=frozenset(topics),
    )


AUTUMN = delivery.NewMailing(
    key="campaign:autumn",
    letter="promotional",
    stream=Stream.PROMOTIONAL,
    topic=Topic.SOFTWARE_UPDATES,
    content={"subject": "The autumn release is here"},
)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """The settings of a developer's machine, journal in a folder of this test."""
    return settings_for(database_url, tmp_path)


@pytest.fixture
def parts(database: Database, settings: Settings) -> Iterator[Parts]:
    """Real parts on the test's database, at a fixed moment."""
    parts = build(settings, process="test", clock=lambda: NOW)
    yield parts
    parts.close()


@pytest.fixture
def house(parts: Parts) -> House:
    """The parts, and the acts that tests begin with."""
    return House(parts)


@pytest.fixture
def app(parts: Parts) -> FastAPI:
    """The web application over the parts."""
    return create_app(parts)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A browser that follows no redirect by itself."""
    with TestClient(app, base_url="http://mail.test", follow_redirects=False) as client:
        yield client
