"""Awkward bodies: whatever is sent, the API answers with a reason and never fails."""

import json
from pathlib import Path

import pytest

from tests.api.conftest import House, Shop

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
JSON = CORPORA / "json" / "test_parsing"
NAUGHTY = CORPORA / "naughty-strings" / "blns.json"


@pytest.mark.parametrize("path", ["/customers", "/campaigns"])
def test_no_json_of_the_public_collection_breaks_a_route(shop: Shop, path: str) -> None:
    if not JSON.is_dir():
        pytest.skip("public test data not found at ../shared/corpora: skipped")
    for file in sorted(JSON.glob("*.json")):
        answer = shop.client.post(
            f"/api/v1{path}",
            content=file.read_bytes(),
            headers={"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"},
        )
        assert 400 <= answer.status_code < 500, (file.name, answer.status_code)
        assert answer.headers["Content-Type"] == "application/problem+json", file.name


def test_no_naughty_string_breaks_a_field(shop: Shop, jo: int) -> None:
    if not NAUGHTY.is_file():
        pytest.skip("public test data not found at ../shared/corpora: skipped")
    for text in json.loads(NAUGHTY.read_text())[::6]:
        told = shop.ask("PATCH", f"/customers/{jo}", {"name": text, "attributes": {"note": text}})
        found = shop.post("/customers/search", {"email": text})
        assert max(told.status_code, found.status_code) < 500, text


@pytest.mark.parametrize(
    "content",
    [
        b'{"name": "\\ud800"}',
        b'{"external_id": "\\u0000"}',
        b'{"email": "\\ud83d\\ude00\\udc00@example.com"}',
        b'{"order_number": 1e400}',
        b'{"name": NaN}',
        b'{"phone": ' + b"9" * 5000 + b"}",
        b"[" * 50_000,
        b'{"a":' * 20_000,
        b"\xff\xfe{}",
        b"",
        b"null",
    ],
)
def test_broken_text_and_numbers_are_refused(shop: Shop, content: bytes) -> None:
    answer = shop.client.post(
        "/api/v1/customers/search",
        content=content,
        headers={"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"},
    )
    assert 400 <= answer.status_code < 500
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_body_that_is_too_large_is_not_read_to_its_end(shop: Shop) -> None:
    answer = shop.post("/customers/search", {"name": "x" * 300_000})
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_form_is_not_json(shop: Shop) -> None:
    answer = shop.ask("POST", "/customers/search", data={"email": "jo@example.com"})
    assert answer.status_code == 422


def test_what_is_not_there_and_what_cannot_be_done_are_problems_too(house: House) -> None:
    missing = house.client.get("/api/v1/nothing")
    assert missing.status_code == 404
    assert missing.headers["Content-Type"] == "application/problem+json"
    wrong = house.client.delete("/api/v1/customers")
    assert wrong.status_code == 405
    assert wrong.headers["Content-Type"] == "application/problem+json"


def test_no_address_ever_stands_in_a_path(shop: Shop, jo: int) -> None:
    described = shop.client.get("/api/v1/openapi.json").json()
    for path, methods in described["paths"].items():
        assert "email" not in path
        for told in methods.values():
            named = {each["name"] for each in told.get("parameters", [])}
            assert not named & {"email", "address", "phone", "name"}
