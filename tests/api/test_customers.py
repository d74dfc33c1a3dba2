"""Customers through the API: kept, found, changed, merged, moved (C01, C08, C09)."""

import threading
from typing import Any

import pytest

from mailer import people
from mailer.journal import JournalLine, read_journal
from mailer.vocabulary import PersonId
from preference_center.systems.api.customer_shapes import CustomerPatch
from tests.api.conftest import AT, CARD, JO, House, Shop


def test_a_customer_is_kept_and_found_by_any_of_their_names(
    shop: Shop, jo: int, order: str
) -> None:
    for search in (
        {"email": "JO@Example.com"},
        {"phone": "732-555-0142"},
        {"name": "example jo"},
        {"external_id": "C-1042"},
        {"order_number": order},
    ):
        found = shop.post("/customers/search", search)
        assert [each["id"] for each in found.json()["customers"]] == [jo], search


def test_a_search_for_nobody_finds_nobody(shop: Shop, jo: int) -> None:
    for search in ({"email": "anna@example.com"}, {"external_id": "C-1"}, {"order_number": "9"}):
        assert shop.post("/customers/search", search).json() == {"customers": []}


def test_a_search_asks_for_one_thing(shop: Shop) -> None:
    for wrong in ({}, {"name": "Jo", "email": "jo@example.com"}, {"id": 3}):
        assert shop.post("/customers/search", wrong).status_code == 422


def test_the_same_customer_again_is_brought_up_to_date(shop: Shop, jo: int) -> None:
    changed = shop.post("/customers", {**JO, "city": "Trenton"}).json()
    assert changed["id"] == jo
    assert (changed["city"], changed["name"]) == ("Trenton", "Jo Example")


def test_a_patch_changes_what_it_names_and_clears_what_it_empties(shop: Shop, jo: int) -> None:
    answer = shop.ask("PATCH", f"/customers/{jo}", {"name": "Jo Reed", "street": None, "city": ""})
    assert answer.status_code == 200
    after = answer.json()
    assert (after["name"], after["street"], after["city"]) == ("Jo Reed", "", "")
    assert (after["postal_code"], after["email"]) == ("08854", "jo@example.com")
    assert shop.ask("PATCH", f"/customers/{jo}", {}).status_code == 422
    assert shop.ask("PATCH", f"/customers/{jo}", {"external_id": "C-9"}).status_code == 409


NOT_CLEARED = {"external_id", "attributes", "add_tags", "remove_tags"}


@pytest.mark.parametrize("field", sorted(set(CustomerPatch.model_fields) - NOT_CLEARED))
def test_null_clears_every_fact_and_no_other(shop: Shop, jo: int, field: str) -> None:
    shop.post("/customers", {**JO, "birth_year": 1980})
    before = shop.get(f"/customers/{jo}").json()
    assert before[field]
    answer = shop.ask("PATCH", f"/customers/{jo}", {field: None})
    assert answer.status_code == 200
    cleared = None if field == "birth_year" else ""
    assert answer.json() == {**before, field: cleared}


def test_null_takes_no_id_of_the_shops_away(shop: Shop, jo: int) -> None:
    refused = shop.ask("PATCH", f"/customers/{jo}", {"external_id": None})
    assert refused.status_code == 409
    assert shop.get(f"/customers/{jo}").json()["external_id"] == JO["external_id"]


def test_attributes_are_changed_one_by_one(shop: Shop, jo: int) -> None:
    def patched(attributes: object) -> object:
        answer = shop.ask("PATCH", f"/customers/{jo}", {"attributes": attributes})
        return answer.json()["attributes"]

    shop.post("/customers", {**JO, "attributes": {"trade": "restaurant"}})
    assert patched({"tags": "vip, beta"}) == {"trade": "restaurant", "tags": "vip, beta"}
    upserted = shop.post("/customers", {**JO, "attributes": {"score": "7", "trade": None}}).json()
    assert upserted["attributes"] == {"tags": "vip, beta", "score": "7"}
    assert patched({"score": None}) == {"tags": "vip, beta"}
    assert patched({"tags": ""}) == {}
    patched({"plan": "gold", "trade": "bakery"})
    assert patched(None) == {}


def test_one_tag_is_put_on_or_taken_off_and_the_others_stay(shop: Shop, jo: int) -> None:
    def patched(body: object) -> Any:
        answer = shop.ask("PATCH", f"/customers/{jo}", body)
        assert answer.status_code == 200, answer.text
        return answer.json()["attributes"]

    shop.post("/customers", {**JO, "attributes": {"trade": "bakery", "tags": "VIP beta"}})
    assert patched({"add_tags": ["vip"]})["tags"] == "VIP beta", "it has that one already"
    assert patched({"add_tags": ["gold"]})["tags"] == "VIP beta gold"
    assert patched({"remove_tags": ["vip", "silver"]})["tags"] == "beta gold"
    both = {"add_tags": ["new"], "remove_tags": ["gold"], "attributes": {"trade": None}}
    assert patched(both) == {"tags": "beta new"}
    assert patched({"remove_tags": ["beta", "new"]}) == {}
    assert patched({"add_tags": []}) == {}


def test_two_tags_put_on_at_once_are_both_kept(house: House, shop: Shop, jo: int) -> None:
    with house.parts.database.transaction() as session:
        people.change_tags(session, PersonId(jo), add=["vip"])
        patch = threading.Thread(
            target=lambda: shop.ask("PATCH", f"/customers/{jo}", {"add_tags": ["beta"]})
        )
        patch.start()
        patch.join(0.5)
        assert patch.is_alive()
    patch.join(10)
    assert shop.get(f"/customers/{jo}").json()["attributes"] == {"tags": "vip, beta"}


def test_a_tag_from_the_command_line_waits_for_another_change(
    house: House, shop: Shop, jo: int
) -> None:
    def tag(word: str) -> None:
        with house.parts.database.transaction() as session:
            people.change_tags(session, PersonId(jo), add=[word])

    with house.parts.database.transaction() as session:
        people.change_tags(session, PersonId(jo), add=["vip"])
        other = threading.Thread(target=tag, args=["beta"])
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join(10)
    assert shop.get(f"/customers/{jo}").json()["attributes"] == {"tags": "vip, beta"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"add_tags": ["two words"]}, "add_tags.0"),
        ({"add_tags": ["a,b"]}, "add_tags.0"),
        ({"remove_tags": [""]}, "remove_tags.0"),
        ({"add_tags": "vip"}, "add_tags"),
        ({"add_tags": ["vip"], "remove_tags": ["VIP"]}, "body"),
        ({"add_tags": ["vip"], "attributes": {"tags": "gold"}}, "body"),
        ({"remove_tags": ["vip"], "attributes": None}, "body"),
        ({"add_tags": [f"{n:02}" * 32 for n in range(30)]}, "tags"),
        ({"add_tags": [CARD.replace(" ", "")]}, "tags"),
    ],
)
def test_tags_that_say_nothing_clear_are_refused_and_nothing_is_changed(
    shop: Shop, jo: int, body: object, field: str
) -> None:
    shop.ask("PATCH", f"/customers/{jo}", {"add_tags": ["gold"]})
    refused = shop.ask("PATCH", f"/customers/{jo}", body)
    assert refused.status_code == 422, refused.text
    told = refused.json()["errors"]
    assert [each["field"] for each in told] == [field]
    assert all(each["problem"] and each["fix"] for each in told)
    assert CARD.replace(" ", "") not in refused.text
    assert shop.get(f"/customers/{jo}").json()["attributes"] == {"tags": "gold"}


def test_a_tag_beside_as_many_attributes_as_are_kept_is_refused(shop: Shop, jo: int) -> None:
    shop.post("/customers", {**JO, "attributes": {f"a{n}": "x" for n in range(50)}})
    assert shop.ask("PATCH", f"/customers/{jo}", {"add_tags": ["vip"]}).status_code == 422
    assert "tags" not in shop.get(f"/customers/{jo}").json()["attributes"]


def test_one_of_two_customers_at_an_address_is_tagged(shop: Shop, jo: int) -> None:
    other = shop.post("/customers", {**JO, "external_id": "C-7"}).json()["id"]
    assert shop.ask("PATCH", f"/customers/{other}", {"add_tags": ["vip"]}).status_code == 200
    assert shop.get(f"/customers/{other}").json()["attributes"] == {"tags": "vip"}
    assert shop.get(f"/customers/{jo}").json()["attributes"] == {}


def test_more_attributes_than_are_kept_are_refused_and_nothing_is_changed(
    shop: Shop, jo: int
) -> None:
    for part in ("first", "more"):
        given = {"attributes": {f"{part}_{n}": "x" for n in range(30)}, "city": part}
        answer = shop.ask("PATCH", f"/customers/{jo}", given)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["attributes"]
    after = shop.get(f"/customers/{jo}").json()
    assert (after["city"], len(after["attributes"])) == ("first", 30)


def test_a_patch_never_changes_somebody_else_at_the_same_address(shop: Shop, jo: int) -> None:
    anna = shop.post("/customers", {"email": "anna@example.com", "name": "Anna Becker"}).json()[
        "id"
    ]
    shop.post(f"/customers/{anna}/address", {"email": "jo@example.com"})
    answer = shop.ask("PATCH", f"/customers/{anna}", {"name": "Anna Reed"})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("address-shared")
    names = [shop.get(f"/customers/{each}").json()["name"] for each in (jo, anna)]
    assert names == ["Jo Example", "Anna Becker"]


def test_pages_of_customers_go_on_behind_the_last_one(shop: Shop) -> None:
    made = [shop.post("/customers", {"email": f"jo{n}@example.com"}).json()["id"] for n in range(5)]
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = shop.get("/customers", params=query).json()
        seen += [each["id"] for each in page["customers"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made


def test_a_cursor_that_is_not_ours_is_refused(shop: Shop) -> None:
    for cursor in ("x", "YWZ0ZXI6LTE", "YWZ0ZXI6MQ==", "YWZ0ZXI6MDE", "%00"):
        answer = shop.get("/customers", params={"cursor": cursor})
        assert answer.status_code == 400, cursor
        assert answer.json()["type"].endswith("cursor-invalid")


def test_nobody_has_a_number_that_was_not_given(shop: Shop) -> None:
    for path in ("/customers/99", "/customers/99/consents"):
        assert shop.get(path).status_code == 404
    for path in ("/customers/0", "/customers/jo@example.com", f"/customers/{2**63}"):
        assert shop.get(path).status_code == 422


@pytest.mark.clause("C01")
@pytest.mark.parametrize("field", ["name", "street", "city", "postal_code", "external_id"])
def test_a_card_number_in_a_customer_is_refused_and_not_repeated(
    house: House, shop: Shop, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = shop.post("/customers", {**JO, field: CARD})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("card-number")
    assert answer.json()["errors"][0]["field"] == field
    assert "4111" not in answer.text
    assert "4111" not in caplog.text
    assert shop.get("/customers").json()["customers"] == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": "jo@example.com\r\nBcc: x@example.org"}, "email"),
        ({"name": "Jo\nExample"}, "name"),
        ({"name": "\u0000"}, "name"),
        ({"country": "Germany"}, "country"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"birth_year": 2020}, "birth_year"),
        ({"birth_year": "1980"}, "birth_year"),
        ({"colour": "red"}, "colour"),
        ({"source": "trade_fair"}, "proof"),
        ({"source": "somewhere"}, "source"),
        ({"attributes": {"Not A Name": "x"}}, "attributes.Not A Name"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_not_repeated(
    shop: Shop, changed: dict[str, object], field: str
) -> None:
    answer = shop.post("/customers", {**JO, **changed})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.clause("C08")
def test_a_merge_carries_the_no_along(shop: Shop, jo: int) -> None:
    other = shop.post("/customers", {"email": "jo.private@example.com"}).json()["id"]
    shop.post(f"/customers/{other}/consents", {"stop_all": True})
    said = shop.post(f"/customers/{jo}/merge", {"merged": other})
    assert said.status_code == 200
    assert said.json()["reference"].startswith("P-")
    assert shop.get(f"/customers/{jo}/consents").json()["stopped_since"] == AT
    assert shop.get(f"/customers/{other}").status_code == 404


def test_a_merge_with_oneself_or_nobody_is_refused(shop: Shop, jo: int) -> None:
    for merged in (jo, 99):
        assert shop.post(f"/customers/{jo}/merge", {"merged": merged}).status_code == 404


@pytest.mark.clause("C08")
def test_a_new_address_takes_the_no_along(shop: Shop, jo: int) -> None:
    shop.post(f"/customers/{jo}/consents", {"stop_all": True})
    said = shop.post(f"/customers/{jo}/address", {"email": "jo.new@example.com"})
    assert said.status_code == 200
    assert shop.get(f"/customers/{jo}").json()["email"] == "jo.new@example.com"
    assert shop.get(f"/customers/{jo}/consents").json()["stopped_since"] == AT
    assert shop.post(f"/customers/{jo}/address", {"email": "nothing"}).status_code == 422


@pytest.mark.clause("C08")
def test_an_upsert_that_moves_a_customer_takes_the_no_along(shop: Shop, jo: int) -> None:
    shop.post(f"/customers/{jo}/consents", {"stop_all": True})
    shop.post("/customers", {**JO, "email": "jo.moved@example.com"})
    standing = shop.get("/suppressions").json()["suppressions"]
    assert {each["customer"] for each in standing} == {jo}
    assert len({each["address_id"] for each in standing}) == 2


def test_a_customer_named_twice_is_made_once(shop: Shop) -> None:
    first = shop.post("/customers", JO, name="make-jo")
    again = shop.post("/customers", JO, name="make-jo")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = shop.post("/customers", {**JO, "city": "Trenton"}, name="make-jo")
    assert other.status_code == 409
    assert other.json()["type"].endswith("idempotency-conflict")
    assert shop.post("/customers", JO, name="x" * 256).status_code == 400


@pytest.mark.clause("C08")
def test_an_upsert_that_moves_an_address_goes_the_way_of_every_move(
    house: House, shop: Shop, jo: int
) -> None:
    shop.post(f"/customers/{jo}/consents", {"stop_all": True})
    moved = {"external_id": "C-1042", "email": "jo.new@example.com"}
    for _ in range(2):
        assert shop.post("/customers", moved, name="move-jo").status_code == 200
    assert shop.post("/customers", {**moved, "name": "Jo Reed"}).status_code == 200
    lines = [
        line for line in read_journal(house.parts.journal.folder) if isinstance(line, JournalLine)
    ]
    assert [line.ids["acts"] for line in lines] == ["stop", "move", "move"]
    assert {line.ids["person"] for line in lines} == {jo}


def test_a_patch_leaves_an_address_that_another_call_changed_meanwhile(
    house: House, shop: Shop, jo: int
) -> None:
    parts = house.parts
    with parts.database.transaction() as session:
        people.change_address(
            session, parts.vault, PersonId(jo), email="jo.new@example.com", now=parts.clock()
        )
        patch = threading.Thread(
            target=lambda: shop.ask("PATCH", f"/customers/{jo}", {"name": "Jo Reed"})
        )
        patch.start()
        patch.join(0.5)
        assert patch.is_alive()
    patch.join(10)
    held = shop.get(f"/customers/{jo}").json()
    assert (held["email"], held["name"]) == ("jo.new@example.com", "Jo Reed")
