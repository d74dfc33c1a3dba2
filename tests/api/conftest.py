"""The API over real parts, with a shop that holds a key for everything."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mailer import access
from mailer.access import ApiScope
from mailer.database import Database
from mailer.letters import PromotionalContent
from mailer.vocabulary import Lane
from mailer.wiring import Parts, build
from preference_center.app import create_app
from tests.open_window import open_window
from tests.web.house import settings_for

AT = "2026-11-22T10:00:00Z"  # the moment at which tests play, as an answer tells it
CARD = "4111 1111 1111 1111"
JO = {
    "external_id": "C-1042",
    "email": "jo@example.com",
    "name": "Jo Example",
    "phone": "+1 732 555 0142",
    "street": "1 Sample Street",
    "city": "Piscataway",
    "region": "NJ",
    "postal_code": "08854",
    "country": "US",
    "language": "en",
    "timezone": "America/New_York",
}
ORDER: dict[str, Any] = {
    "number": "10482",
    "customer": {"external_id": "C-1042"},
    "currency": "USD",
    "lines": [{"sku": "POS-PRO", "name": "POS Pro terminal", "quantity": 1, "unit_price": 64900}],
    "total": 69400,
    "placed_at": "2026-11-22T10:00:00Z",
    "ip": "203.0.113.7",
    "payment": {"brand": "Visa", "last4": "4242", "expiry": "2028-04", "token": "tok_9f2c"},
}
AUTUMN: dict[str, Any] = {
    "name": "Autumn release",
    "topic": "company_news",
    "content": PromotionalContent.sample().fields,
    "audience": {"rule": {"kind": "country", "any_of": ["US"]}},
}
YES = {"on": ["company_news"], "words": "Send me company news.", "seen_version": 0}


@dataclass
class Shop:
    """A client of the API with one key."""

    client: TestClient
    key: str

    def ask(
        self, method: str, path: str, body: object = None, *, name: str | None = None, **more: Any
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        if name is not None:
            headers["Idempotency-Key"] = name
        if body is not None:
            more["json"] = body
        return self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: object = None, **more: Any) -> Any:
        return self.ask("POST", path, body, **more)


@dataclass
class House:
    """The parts behind the API, which lanes were rung, and keys of every kind."""

    parts: Parts
    client: TestClient
    rung: list[Lane]

    def shop(self, *scopes: ApiScope) -> Shop:
        """A client whose key has these scopes."""
        with self.parts.database.transaction() as session:
            made = access.create_key(
                session,
                name="shop",
                scopes=scopes,
                secret_bytes=secrets.token_bytes(32),
                now=self.parts.clock(),
            )
        return Shop(self.client, made.plaintext)


@pytest.fixture
def rung() -> list[Lane]:
    """The lanes that were rung."""
    return []


@pytest.fixture
def parts(
    database: Database, database_url: str, tmp_path: Path, now: datetime, rung: list[Lane]
) -> Iterator[Parts]:
    """Real parts at a fixed moment."""
    settings = settings_for(database_url, tmp_path)
    parts = build(settings, process="test", window=open_window, ring=rung.append, clock=lambda: now)
    yield parts
    parts.close()


@pytest.fixture
def app(parts: Parts) -> FastAPI:
    """The whole web application."""
    return create_app(parts)


@pytest.fixture
def house(app: FastAPI, parts: Parts, rung: list[Lane]) -> Iterator[House]:
    """The application behind a client that shows its errors as answers, as a server does."""
    with TestClient(app, base_url="http://mail.test", raise_server_exceptions=False) as client:
        yield House(parts, client, rung)


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop that may do everything."""
    return house.shop(*ApiScope)


@pytest.fixture
def jo(shop: Shop) -> int:
    """Jo Example, known to the shop as C-1042."""
    answer = shop.post("/customers", JO)
    assert answer.status_code == 200, answer.text
    number: int = answer.json()["id"]
    return number


@pytest.fixture
def order(shop: Shop, jo: int) -> str:
    """Jo's order 10482."""
    answer = shop.post("/orders", ORDER)
    assert answer.status_code == 200, answer.text
    return "10482"


@pytest.fixture
def autumn(shop: Shop) -> int:
    """A draft of the autumn campaign."""
    answer = shop.post("/campaigns", AUTUMN)
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["id"]
    return number
