"""The web door over real parts, with Jo Example behind a link."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mailer.database import Database
from mailer.settings import Settings
from mailer.wiring import Parts, build
from preference_center.app import create_app
from tests.web.house import NOW, House, settings_for


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
