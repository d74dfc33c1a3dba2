"""Orders and events through the API (C01, C02, C05, C10)."""

import threading

import pytest
from sqlalchemy import text

from mailer.vocabulary import Lane
from mailer.wiring import build_sender
from tests.api.conftest import CARD, ORDER, House, Shop

SHIPPED = {
    "event": "shipped",
    "event_id": "parcel-1",
    "occurred_at": "2026-11-23T08:30:00Z",
    "fields": {
        "tracking": {
            "carrier": "UPS",
            "number": "1Z999AA10123456784",
            "url": "https://www.ups.com/track?tracknum=1Z999AA10123456784",
        }
    },
}


def test_an_order_is_kept_without_showing_what_is_sealed(shop: Shop, jo: int, order: str) -> None:
    held = shop.get(f"/orders/{order}")
    assert (held.json()["customer"], held.json()["total"]) == (jo, 69400)
    for secret in ("203.0.113.7", "tok_9f2c", "4242"):
        assert secret not in held.text
    assert [each["number"] for each in shop.get("/orders").json()["orders"]] == [order]
    assert shop.get("/orders/99999").status_code == 404


def test_an_order_by_address_makes_the_customer_once(shop: Shop) -> None:
    buyer = {"email": "anna@example.com", "name": "Anna Becker", "language": "de"}
    first = shop.post("/orders", {**ORDER, "customer": buyer}).json()
    second = shop.post("/orders", {**ORDER, "number": "10483", "customer": buyer}).json()
    assert first["customer"] == second["customer"]
    unknown = {**ORDER, "number": "10484", "customer": {"external_id": "C-404"}}
    assert shop.post("/orders", unknown).status_code == 404


def test_an_order_of_somebody_else_is_not_taken_over(shop: Shop, order: str) -> None:
    answer = shop.post("/orders", {**ORDER, "customer": {"email": "anna@example.com"}})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("order-of-another")


@pytest.mark.clause("C05")
def test_an_event_becomes_one_mail_in_the_lane_of_orders(
    house: House, shop: Shop, jo: int, order: str
) -> None:
    answer = shop.post(f"/orders/{order}/events", SHIPPED)
    assert answer.status_code == 202
    assert house.rung == [Lane.ORDERS]
    sender = build_sender(house.parts)
    assert sender.deliver_one(Lane.ORDERS)
    sender.close()
    told = shop.get("/messages", params={"customer": jo}).json()["messages"]
    assert [(each["letter"], each["outcome"]) for each in told] == [("order_shipped", "accepted")]
    assert told[0]["sentence"] == "Because your order 10482 was shipped on 23 November 2026."
    again = shop.get(f"/messages/{answer.json()['mailing']}/{jo}")
    assert again.json() == told[0]
    assert shop.get(f"/messages/999/{jo}").status_code == 404


@pytest.mark.clause("C05")
def test_an_order_update_goes_out_whatever_the_promotional_opt_out_says(
    house: House, shop: Shop, jo: int, order: str
) -> None:
    shop.post(f"/customers/{jo}/consents", {"stop_all": True})
    shop.post(f"/orders/{order}/events", SHIPPED)
    sender = build_sender(house.parts)
    assert sender.deliver_one(Lane.ORDERS)
    sender.close()
    told = shop.get("/messages", params={"customer": jo}).json()["messages"]
    assert told[0]["outcome"] == "accepted"


@pytest.mark.clause("C05")
def test_an_address_that_takes_no_mail_at_all_gets_no_order_update_either(
    house: House, shop: Shop, jo: int, order: str
) -> None:
    body = {"email": "jo@example.com", "scope": "all", "reason": "hard_bounce"}
    shop.post("/suppressions", body)
    shop.post(f"/orders/{order}/events", SHIPPED)
    sender = build_sender(house.parts)
    while sender.deliver_one(Lane.ORDERS):
        pass
    sender.close()
    told = shop.get("/messages", params={"customer": jo}).json()["messages"]
    assert (told[0]["outcome"], told[0]["reason"]) == ("refused", "not.bounce")


def test_the_same_event_twice_at_once_makes_one_mail_and_one_answer(
    house: House, shop: Shop, order: str
) -> None:
    answers: list[object] = []
    together = threading.Barrier(4)

    def tell(name: str | None) -> None:
        together.wait()
        answer = shop.post(f"/orders/{order}/events", SHIPPED, name=name)
        answers.append((answer.status_code, answer.text))

    threads = [threading.Thread(target=tell, args=(name,)) for name in (None, None, "a", "a")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(answers)) == 1
    with house.parts.database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM delivery_mailing")).scalar_one() == 1


@pytest.mark.clause("C10")
def test_an_event_of_an_account_becomes_a_mail(shop: Shop, jo: int) -> None:
    body = {
        "event": "card_expiring",
        "event_id": "2026-12",
        "occurred_at": "2026-11-22T10:00:00Z",
        "fields": {
            "plan": "POS Pro, two tills",
            "method": {"brand": "Visa", "last4": "4242"},
            "expires": "2026-12",
            "next_payment_on": "2027-01-01",
            "amount": {"amount": 13800, "currency": "USD"},
        },
    }
    assert shop.post(f"/customers/{jo}/events", body).status_code == 202
    told = shop.get("/messages", params={"customer": jo}).json()["messages"]
    assert (told[0]["letter"], told[0]["outcome"]) == ("card_expiring", "to_go")
    assert shop.post("/customers/99/events", body).status_code == 410


def test_an_event_whose_fields_do_not_make_the_letter_names_each(shop: Shop, order: str) -> None:
    body = {**SHIPPED, "event": "refunded", "fields": {"amount": {"amount": "1"}, "colour": "red"}}
    answer = shop.post(f"/orders/{order}/events", body)
    assert answer.status_code == 422
    fields = {each["field"] for each in answer.json()["errors"]}
    assert {"fields.amount.amount", "fields.amount.currency", "fields.colour"} <= fields
    assert all(each["fix"] for each in answer.json()["errors"])


def test_an_event_without_its_order_is_not_found(shop: Shop) -> None:
    assert shop.post("/orders/99999/events", SHIPPED).status_code == 404
    assert shop.post("/orders/9%209/events", SHIPPED).status_code == 422


@pytest.mark.clause("C01")
@pytest.mark.parametrize(
    "changed",
    [
        {"lines": [{"sku": "A", "name": CARD, "unit_price": 1}]},
        {"payment": {**ORDER["payment"], "token": "4111111111111111"}},
        {"payment": {**ORDER["payment"], "brand": "4111-1111-1111-1111"}},
        {"payment": {**ORDER["payment"], "number": CARD}},
        {"payment": {**ORDER["payment"], "last4": "4111111111111111"}},
        {"number": "4111111111111111"},
        {"customer": {"email": "anna@example.com", "name": CARD}},
        {"note": CARD},
    ],
)
def test_a_card_number_in_an_order_is_refused_and_stands_nowhere(
    house: House, shop: Shop, jo: int, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str], changed: dict[str, object],
) -> None:  # fmt: skip
    answer = shop.post("/orders", {**ORDER, **changed}, name="order-1")
    assert answer.status_code == 422
    logged = caplog.text + "".join(capsys.readouterr())
    for digits in ("4111 1111", "41111111", "4111-1111"):
        assert digits not in answer.text
        assert digits not in logged
    with house.parts.database.reading() as session:
        for table in ("orders_order", "orders_line", "access_idempotency"):
            assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


@pytest.mark.clause("C01")
def test_a_card_number_in_an_event_is_refused(shop: Shop, order: str) -> None:
    body = {**SHIPPED, "event": "cancelled", "fields": {"reason": f"paid by {CARD}"}}
    answer = shop.post(f"/orders/{order}/events", body)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("card-number")
    assert answer.json()["errors"][0]["field"] == "reason"
