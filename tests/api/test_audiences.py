"""Audiences and lists through the API: kept, said, counted, and told without naming anybody."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from tests.api.conftest import AUTUMN, House, Shop

IRISH: dict[str, Any] = {"kind": "country", "any_of": ["IE"]}


def people_of(shop: Shop, country: str, count: int) -> None:
    """Customers of a country, who have nothing switched on."""
    for number in range(count):
        body = {"email": f"{country}.{number}@example.com".lower(), "country": country}
        assert shop.post("/customers", body).status_code == 200


def test_a_rule_is_kept_under_a_name_said_and_changed(shop: Shop) -> None:
    made = shop.post("/audiences", {"name": "Irish", "rule": IRISH})
    assert made.status_code == 201
    held = made.json()
    assert held["rule"] == IRISH
    assert held["sentence"] == "Customers who live in Ireland (IE)."
    assert shop.post("/audiences", {"name": "Irish", "rule": IRISH}).status_code == 409
    not_irish = {"name": "Others", "rule": {"kind": "not", "of": IRISH}}
    changed = shop.ask("PUT", f"/audiences/{held['id']}", not_irish).json()
    assert changed["sentence"] == "Customers who do not live in Ireland (IE)."
    assert [each["name"] for each in shop.get("/audiences").json()["audiences"]] == ["Others"]
    assert shop.ask("DELETE", f"/audiences/{held['id']}").status_code == 204
    assert shop.get(f"/audiences/{held['id']}").status_code == 404


EVER = {
    "kind": "all",
    "of": [IRISH, {"kind": "not", "of": {"kind": "ordered", "since": "0001-01-01T00:00:00+14:00"}}],
}
"""As an earlier version took it."""
READ = {
    "kind": "all",
    "of": [
        IRISH,
        {
            "kind": "not",
            "of": {"kind": "ordered", "since": "2000-01-01T00:00:00Z", "orders_at_least": 1},
        },
    ],
}


def test_a_campaign_whose_rule_was_kept_before_is_shown_paused_and_cancelled(
    house: House, shop: Shop, autumn: int
) -> None:
    shop.post(f"/campaigns/{autumn}/start")
    kept_before(house, "campaigns_campaign", "audience = jsonb_build_object('rule', {})")
    listed = shop.get("/campaigns")
    assert listed.status_code == 200
    assert [each["id"] for each in listed.json()["campaigns"]] == [autumn]
    assert said(shop.get(f"/campaigns/{autumn}").json()["audience"]["rule"]) == READ
    for act, state in (("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")):
        assert shop.post(f"/campaigns/{autumn}/{act}").json()["state"] == state


def test_a_saved_audience_that_was_kept_before_is_shown_counted_and_written_back(
    house: House, shop: Shop
) -> None:
    old = shop.post("/audiences", {"name": "Old", "rule": IRISH}).json()["id"]
    kept_before(house, "campaigns_audience", "rule = {}")
    (told,) = shop.get("/audiences").json()["audiences"]
    assert said(told["rule"]) == READ
    assert told["sentence"].startswith("Customers who live in Ireland (IE)")
    assert shop.get(f"/audiences/{old}/count?topic=company_news").status_code == 200
    body = {**AUTUMN, "audience": {"saved": old}}
    assert shop.post("/campaigns", body).status_code == 201
    again = {"name": "Old", "rule": told["rule"]}
    assert shop.ask("PUT", f"/audiences/{old}", again).status_code == 200


def kept_before(house: House, table: str, change: str) -> None:
    """Put the rule of an earlier version into the rows of a table."""
    with house.parts.database.transaction() as session:
        session.execute(
            text(f"UPDATE {table} SET {change.format('CAST(:rule AS jsonb)')}"),
            {"rule": json.dumps(EVER)},
        )


def said(rule: Any) -> Any:
    """Leave out of a rule what is not said in it."""
    if isinstance(rule, list):
        return [said(each) for each in rule]
    if isinstance(rule, dict):
        return {name: said(each) for name, each in rule.items() if each is not None}
    return rule


@pytest.mark.parametrize("kind", ["Ordered", "CustomerSince", "Engaged"])
def test_the_schema_tells_of_days_that_move_along(shop: Shop, kind: str) -> None:
    shapes = shop.get("/openapi.json").json()["components"]["schemas"]
    told = [shape for name, shape in shapes.items() if name.split("-")[0] == kind]
    assert told
    for shape in told:
        days = shape["properties"]["within_days"]["anyOf"][0]
        assert (days["type"], days["minimum"], days["maximum"]) == ("integer", 1, 36_500)


def test_a_rule_with_two_times_is_refused_with_what_mends_it(shop: Shop) -> None:
    twice = {"kind": "ordered", "within_days": 30, "since": "2026-01-01T00:00:00Z"}
    answer = shop.post("/audiences", {"name": "Buyers", "rule": {"kind": "not", "of": twice}})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "rule.of"
    assert "within_days" in error["fix"]


def test_faults_name_the_path_of_the_rule(shop: Shop) -> None:
    wrong = {"kind": "all", "of": [{"kind": "country", "any_of": ["ie"]}, {"kind": "colour"}]}
    errors = shop.post("/audiences", {"name": "Wrong", "rule": wrong}).json()["errors"]
    assert [each["field"] for each in errors] == ["rule.of.0.any_of.0", "rule.of.1"]
    assert "country" in errors[1]["fix"]
    unknown = {"topic": "company_news", "rule": {"kind": "list", "id": 7}}
    assert shop.post("/audiences/count", unknown).json()["errors"][0]["problem"] == (
        "there is no list with this number"
    )


def test_what_a_rule_names_and_is_not_there_is_told_by_its_path(shop: Shop) -> None:
    def told(path: str, body: dict[str, object]) -> list[str]:
        return [each["field"] for each in shop.post(path, body).json()["errors"]]

    no_list = {"kind": "not", "of": {"kind": "list", "id": 99}}
    no_campaign = {"kind": "all", "of": [IRISH, {"kind": "engaged", "campaign": 99}]}
    assert told("/audiences", {"name": "Others", "rule": no_list}) == ["rule.of.id"]
    count: dict[str, object] = {"topic": "company_news", "rule": no_campaign}
    assert told("/audiences/count", count) == ["rule.of.1.campaign"]
    campaign = {**AUTUMN, "audience": {"rule": no_list}}
    assert told("/campaigns", campaign) == ["audience.rule.of.id"]


def test_a_count_notes_a_campaign_that_has_not_started(shop: Shop, autumn: int) -> None:
    asked = {"kind": "not", "of": {"kind": "engaged", "campaign": autumn}}
    body = {"topic": "company_news", "rule": asked}
    notes = shop.post("/audiences/count", body).json()["notes"]
    assert notes == [f"Campaign {autumn} has not started: nobody clicked or opened mail of it."]
    shop.post(f"/campaigns/{autumn}/start")
    assert shop.post("/audiences/count", body).json()["notes"] == []


def test_a_count_notes_a_product_that_no_order_has(shop: Shop, order: str) -> None:
    assert order
    body = {"topic": "company_news", "rule": {"kind": "ordered", "product": "POSPRO"}}
    notes = shop.post("/audiences/count", body).json()["notes"]
    assert notes == ["No order on file has the product “POSPRO”."]


@pytest.mark.clause("C15")
def test_a_count_withholds_fewer_than_ten_and_what_would_give_them_away(shop: Shop) -> None:
    people_of(shop, "IE", 12)
    people_of(shop, "DE", 3)
    body = {"topic": "company_news", "rule": IRISH}
    counted = shop.post("/audiences/count", body)
    assert counted.status_code == 200
    told = counted.json()
    assert (told["state"], told["progress"], told["audience"]) == ("counted", 1.0, 12)
    assert told["allowed"] == "fewer than 10"
    assert told["refused"] == {"not.never": "all but fewer than 10"}
    few = shop.post("/audiences/count", {**body, "rule": {"kind": "country", "any_of": ["DE"]}})
    assert few.json()["audience"] == "fewer than 10"
    assert few.json()["refused"] == {}


def test_a_saved_audience_that_changes_leaves_written_campaigns_as_they_are(shop: Shop) -> None:
    people_of(shop, "IE", 12)
    people_of(shop, "DE", 1)
    saved = shop.post("/audiences", {"name": "Irish", "rule": IRISH}).json()["id"]
    draft = shop.post("/campaigns", {**AUTUMN, "audience": {"saved": saved}}).json()
    assert draft["audience"] == {"rule": IRISH, "saved": saved}
    at = {"at": "2026-12-02T14:00:00Z"}
    assert shop.post(f"/campaigns/{draft['id']}/schedule", at).status_code == 200
    everybody = {"name": "Irish", "rule": {"kind": "everybody"}}
    shop.ask("PUT", f"/audiences/{saved}", everybody)
    assert shop.get(f"/campaigns/{draft['id']}").json()["audience"]["rule"] == IRISH
    assert shop.get(f"/campaigns/{draft['id']}/preview").json()["audience"] == 12
    shop.ask("DELETE", f"/audiences/{saved}")
    later = shop.post("/campaigns", {**AUTUMN, "audience": {"saved": saved}})
    assert later.status_code == 404


def test_a_list_takes_names_and_repeats_none_that_is_unknown(shop: Shop, jo: int) -> None:
    made = shop.post("/lists", {"name": "Fair"}).json()
    people_of(shop, "IE", 1)
    names = {
        "external_ids": ["C-1042", "C-nobody"],
        "emails": ["ie.0@example.com", "nobody@example.com", "no address"],
    }
    told = shop.post(f"/lists/{made['id']}/members", names)
    assert told.json() == {
        "list": made["id"],
        "changed": 2,
        "unknown_external_ids": [1],
        "unknown_emails": [1, 2],
    }
    assert "nobody" not in told.text
    assert shop.get("/lists").json()["lists"][0]["people"] == 2
    shop.post(f"/lists/{made['id']}/members/remove", {"external_ids": ["C-1042"]})
    assert shop.get(f"/lists/{made['id']}").json()["people"] == 1
    rule = {
        "name": "Not at the fair",
        "rule": {"kind": "not", "of": {"kind": "list", "id": made["id"]}},
    }
    assert shop.post("/audiences", rule).json()["sentence"].endswith("on the list “Fair”.")
    assert shop.ask("DELETE", f"/lists/{made['id']}").status_code == 409
    assert shop.post(f"/lists/{made['id']}/members", {}).status_code == 422
    assert shop.get("/lists/99").status_code == 404
