"""Who may call the API: keys with scopes, nothing personal for those without the right."""

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from mailer.access import ApiScope
from preference_center.systems.api import ROOMS, scopes_of
from tests.api.conftest import House, Shop

ROUTES = [route for room in ROOMS for route in room.routes.routes if isinstance(route, APIRoute)]


@pytest.mark.clause("C09")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.methods} {route.path}")
def test_every_route_of_the_api_asks_for_a_scope(route: APIRoute) -> None:
    assert scopes_of(route)


def test_a_key_that_only_reads_changes_nothing() -> None:
    for route in ROUTES:
        if ApiScope.READ in scopes_of(route):
            assert route.methods == {"GET"} or route.path.endswith(
                ("/search", "/preview", "/count")
            )


def test_without_a_key_every_route_answers_401(house: House) -> None:
    for route in ROUTES:
        ids = {"customer": 1, "campaign": 1, "suppression": 1, "mailing": 1, "number": "10482"}
        path = route.path.format(**ids, audience=1, list=1)
        for method in route.methods or ():
            answer = house.client.request(method, f"/api/v1{path}")
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.json()["type"].endswith("key-missing")


@pytest.mark.parametrize("presented", ["", "fpm_", "fpm_" + "a" * 43, "x" * 5000, "fpm_ü"])
def test_a_key_that_is_none_is_refused(house: House, presented: str) -> None:
    headers = {b"Authorization": f"Bearer {presented}".encode()}
    answer = house.client.get("/api/v1/customers", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_key_without_the_scope_is_told_which_one_it_lacks(house: House) -> None:
    reader = house.shop(ApiScope.READ)
    assert reader.post("/orders", {}).status_code == 403
    answer = reader.post("/customers/1/merge", {"merged": 2})
    assert answer.status_code == 403
    assert answer.json()["scope"] == "customers"


@pytest.mark.clause("C09")
def test_a_key_without_the_right_to_see_people_gets_no_contact_data(
    house: House, shop: Shop, jo: int
) -> None:
    reader = house.shop(ApiScope.READ)
    seen = [
        reader.get(f"/customers/{jo}"),
        reader.get("/customers"),
        reader.post("/customers/search", {"email": "jo@example.com"}),
    ]
    for answer in seen:
        assert answer.status_code == 200
        for secret in ("jo@", "Jo Example", "555", "Sample Street", "08854"):
            assert secret not in answer.text
    assert seen[0].json()["email"] == "j•••@e•••.com"
    assert shop.get(f"/customers/{jo}").json()["email"] == "jo@example.com"


def test_the_description_of_the_api_is_complete(app: FastAPI, house: House) -> None:
    described = house.client.get("/api/v1/openapi.json").json()
    for room in ROOMS:
        for route in room.routes.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods or ():
                told = described["paths"]["/api/v1" + route.path][method.lower()]
                assert told["summary"]
                assert told["description"]
                assert told["security"] == [{"key": []}]
                assert "application/problem+json" in told["responses"]["422"]["content"]
    for name, schema in described["components"]["schemas"].items():
        if name.endswith(("Form", "Search", "Patch")) and "Buyer" not in name:
            assert schema.get("description"), name
    assert all(path.startswith("/api/v1/") for path in described["paths"])
