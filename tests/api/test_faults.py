"""A wrong body is answered with every field, what is wrong with it and what mends it, in plain words."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from preference_center.systems.api.errors import TABLE, problem_of
from preference_center.systems.api.forms import PATTERNS
from tests.api.conftest import JO, ORDER, Shop

LEAKS = re.compile(
    r"Input should|Value error|Field required|String should|EventKind|<|\^|\$|pydantic|instance of"
)
MONDAY = {"occurred_at": "2026-11-23T08:30:00Z"}
CAMPAIGN = {"name": "News", "topic": "company_news", "content": {"subject": "x"}}

BODIES: list[tuple[str, object, str, str]] = [
    ("/customers", {}, "email", "is missing"),
    ("/customers", [], "body", "is not a JSON object"),
    ("/customers", {**JO, "colour": "red"}, "colour", "is no field that we know"),
    ("/customers", {**JO, "country": "usa"}, "country", "is not written as it must be"),
    ("/customers", {**JO, "email": 7}, "email", "is not text"),
    ("/customers", {**JO, "name": "x" * 201}, "name", "is too long"),
    ("/customers", {**JO, "name": "Jo\nExample"}, "name", "holds a control sign or a line break"),
    ("/customers", {**JO, "birth_year": "1980"}, "birth_year", "is not a whole number"),
    ("/customers", {**JO, "birth_year": 80}, "birth_year", "is too small"),
    ("/customers", {**JO, "attributes": ["a"]}, "attributes", "is not a JSON object"),
    ("/customers", {**JO, "email": "jo@nowhere"}, "email", "has no dot after the @ sign"),
    ("/customers", {**JO, "source": "psychic"}, "source", "is not one of"),
    ("/customers", {**JO, "source": "trade_fair"}, "proof", "of permission is missing"),
    ("/customers", {**JO, "timezone": "Mars/Base"}, "timezone", "is no time zone"),
    ("/customers/search", {}, "body", "exactly one"),
    ("/customers/{jo}/consents", {"off": "news"}, "off", "is not a list"),
    ("/customers/{jo}/consents", {"off": ["news"]}, "off.0", "is none of the words"),
    ("/customers/{jo}/consents", {"stop_all": "maybe"}, "stop_all", "is not true or false"),
    ("/customers/{jo}/consents", {"paused_until": 5}, "paused_until", "is a bare number"),
    ("/customers/{jo}/consents", {"paused_until": "soon"}, "paused_until", "is not a moment"),
    ("/customers/{jo}/consents", {"paused_until": "2027-01-01T00:00:00"}, "paused_until", "offset"),
    ("/orders", {**ORDER, "customer": {}}, "customer", "names nobody"),
    ("/orders", {**ORDER, "ip": "here"}, "ip", "is not an IP address"),
    ("/orders", {**ORDER, "total": 12.5}, "total", "is not a whole number"),
    ("/orders", {**ORDER, "total": -1}, "total", "is too small"),
    ("/orders", {**ORDER, "lines": ORDER["lines"] * 101}, "lines", "is too long"),
    ("/orders", {**ORDER, "number": ""}, "number", "is too short"),
    ("/orders", {**ORDER, "number": "a/b"}, "number", "order number"),
    ("/orders/10482/events", {"event": "lost", **MONDAY}, "event", "is none of the words"),
    ("/orders/10482/events", {"event": 3, **MONDAY}, "event", "is none of the words"),
    ("/campaigns", CAMPAIGN, "content.heading", "is missing"),
    (
        "/campaigns",
        {**CAMPAIGN, "audience": {"rule": {"kind": "ordered", "product": 5}}},
        "audience.rule.product",
        "is not text",
    ),
]


@pytest.mark.parametrize(("path", "body", "field", "problem"), BODIES)
def test_a_wrong_field_is_named_with_what_is_wrong_and_what_mends_it(
    shop: Shop, jo: int, order: str, path: str, body: object, field: str, problem: str
) -> None:
    answer = shop.post(path.format(jo=jo), body)
    assert answer.status_code == 422, answer.text
    told = {each["field"]: each for each in answer.json()["errors"]}
    assert problem in told[field]["problem"]
    assert all(each["fix"] for each in told.values())
    assert LEAKS.search(json.dumps(answer.json()["errors"])) is None


def test_the_words_of_a_choice_are_listed_plainly(shop: Shop, order: str) -> None:
    answer = shop.post("/orders/10482/events", {"event": "lost", **MONDAY})
    (told,) = answer.json()["errors"]
    assert told["fix"].startswith("send one of: received, confirmed, paid, shipped")


def test_an_unknown_field_hides_no_other_fault_of_the_same_body(shop: Shop) -> None:
    line = {"sku": "A", "name": "B", "unit_price": "1", "colour": "red"}
    wrong = {**ORDER, "currency": "usd", "colour": "red", "lines": [line], "customer": {"id": 1}}
    told = {each["field"] for each in shop.post("/orders", wrong).json()["errors"]}
    assert told == {"currency", "colour", "lines.0.unit_price", "lines.0.colour", "customer.id"}


def test_a_body_that_is_no_json_is_told_where_it_ends_to_be_one(shop: Shop) -> None:
    answer = shop.client.post(
        "/api/v1/customers",
        content=b'{"email": "jo@example.com",}',
        headers={"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["type"]) == (400, "about:blank#not-json")
    (told,) = answer.json()["errors"]
    assert (told["field"], told["problem"]) == ("body", "cannot be read as JSON from sign 28 on")
    assert "comma" in told["fix"]


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ("/orders/10482/events", "statement"),
        ("/orders/10482/events", "receipt"),
        ("/orders/10482/events", "card_expiring"),
        ("/customers/{jo}/events", "shipped"),
    ],
)
def test_an_event_told_at_the_wrong_address_is_sent_to_the_right_one(
    shop: Shop, jo: int, order: str, path: str, event: str
) -> None:
    answer = shop.post(path.format(jo=jo), {"event": event, **MONDAY})
    assert (answer.status_code, answer.json()["type"]) == (422, "about:blank#event-misplaced")
    (told,) = answer.json()["errors"]
    assert told["field"] == "event"
    assert "POST /api/v1/customers/{customer}/events" in told["fix"]
    assert "POST /api/v1/orders/{number}/events" in told["fix"]


def patterns_in(schema: Any) -> Iterator[str]:
    """Every pattern that a description holds."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        names = schema.get("patternProperties", {})
        yield from names
        for each in schema.values():
            yield from patterns_in(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from patterns_in(each)


def test_every_pattern_of_the_api_is_said_in_words(shop: Shop) -> None:
    found = set(patterns_in(shop.client.get("/api/v1/openapi.json").json()))
    assert len(found) > 5
    assert found - PATTERNS.keys() == set()


def test_the_example_of_an_order_stands_in_the_description(shop: Shop, jo: int) -> None:
    described = shop.client.get("/api/v1/openapi.json").json()
    form = described["components"]["schemas"]["OrderForm"]
    assert shop.post("/orders", form["example"]).status_code == 200


def test_an_error_that_nobody_expected_is_no_problem_of_the_client() -> None:
    assert ValueError not in TABLE
    assert problem_of(ValueError("ours")) is None
