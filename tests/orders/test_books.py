"""Orders on file: kept once under their number, sealed where they are sensitive, carried along."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import orders
from mailer.letters import Brand
from mailer.orders import CustomerGone, EventKind, OrderOfAnother, OrderUnknown
from mailer.people import CardNumberFound
from mailer.vault import Vault
from mailer.vocabulary import PersonId
from tests.orders.conftest import CARD, LINES, event, order_for
from tests.people_of_tests import TestPerson, a_customer


def test_an_order_is_found_again_with_its_lines(session: Session, placed: orders.Order) -> None:
    assert orders.order_of(session, "10482") == placed
    assert placed.lines == LINES
    assert placed.total == 102_800


def test_a_number_that_nobody_ordered_under_is_unknown(session: Session) -> None:
    with pytest.raises(OrderUnknown):
        orders.order_of(session, "99999")


def test_the_same_number_brings_the_order_up_to_date(
    session: Session, vault: Vault, placed: orders.Order, now: datetime
) -> None:
    later = order_for(placed.person_id, now, lines=LINES[:1], total=64_900, ip="", payment=None)
    changed = orders.place(session, vault, later, now=now)
    assert changed.order_id == placed.order_id
    assert orders.orders_of(session, placed.person_id) == [changed]
    assert changed.lines == LINES[:1]
    assert orders.ip_of(session, vault, "10482") == "203.0.113.7"


def test_another_customer_cannot_take_an_order_over(
    session: Session, vault: Vault, placed: orders.Order, now: datetime
) -> None:
    anna = a_customer(session, vault, "Anna Becker", now=now)
    with pytest.raises(OrderOfAnother):
        orders.place(session, vault, order_for(anna.person_id, now), now=now)
    assert orders.order_of(session, "10482").person_id == placed.person_id


def test_nothing_is_kept_for_somebody_erased(
    session: Session, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    vault.shred(session, jo.person_id)
    with pytest.raises(CustomerGone):
        orders.place(session, vault, order_for(jo.person_id, now), now=now)


@pytest.mark.clause("C02")
@pytest.mark.clause("C09")
def test_ip_address_and_payment_stand_encrypted_in_the_table(
    session: Session, vault: Vault, placed: orders.Order
) -> None:
    row = session.execute(text("SELECT * FROM orders_order")).mappings().one()
    stored = b"".join(bytes(value) for value in row.values() if isinstance(value, bytes))
    assert row["ip"]
    assert row["payment"]
    for secret in (b"203.0.113.7", b"4242", b"tok_9f2c", b"Visa"):
        assert secret not in stored
    assert orders.ip_of(session, vault, "10482") == "203.0.113.7"
    vault.shred(session, placed.person_id)
    assert orders.ip_of(session, vault, "10482") is None


@pytest.mark.clause("C01")
@pytest.mark.parametrize(
    "changed",
    [
        {"lines": (replace(LINES[0], name="for card 4111 1111 1111 1111"),)},
        {"lines": (replace(LINES[0], sku="4111111111111111"),)},
        {"payment": replace(CARD, token="4111-1111-1111-1111")},
    ],
)
def test_a_card_number_in_an_order_is_refused_and_stored_nowhere(
    session: Session, vault: Vault, jo: TestPerson, now: datetime, changed: dict[str, object]
) -> None:
    with pytest.raises(CardNumberFound) as refused:
        orders.place(session, vault, order_for(jo.person_id, now, **changed), now=now)
    assert "4111" not in str(refused.value)
    assert session.execute(text("SELECT count(*) FROM orders_order")).scalar_one() == 0


def test_a_merge_carries_the_orders_along_and_their_seals_still_open(
    session: Session, vault: Vault, placed: orders.Order, now: datetime
) -> None:
    anna = a_customer(session, vault, "Anna Becker", now=now)
    orders.follow_merge(session, survivor=anna.person_id, merged=placed.person_id)
    assert [each.number for each in orders.orders_of(session, anna.person_id)] == ["10482"]
    assert orders.ip_of(session, vault, "10482") == "203.0.113.7"
    orders.place(session, vault, order_for(anna.person_id, now, ip="203.0.113.9"), now=now)
    assert orders.ip_of(session, vault, "10482") == "203.0.113.9"


def test_pages_of_orders_go_on_behind_the_last_one(
    session: Session, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    for number in ("A-1", "A-2", "A-3"):
        orders.place(session, vault, order_for(jo.person_id, now, number=number), now=now)
    first = orders.orders_page(session, after=orders.OrderId(0), limit=2)
    rest = orders.orders_page(session, after=first[-1].order_id, limit=2)
    assert [each.number for each in first + rest] == ["A-1", "A-2", "A-3"]


@pytest.mark.clause("C03")
def test_buyers_are_found_by_product_time_and_number_of_orders(
    session: Session, vault: Vault, now: datetime
) -> None:
    jo = a_customer(session, vault, "Jo Example", now=now).person_id
    anna = a_customer(session, vault, "Anna Becker", now=now).person_id
    old = now - timedelta(days=400)
    for number, person, at, lines in (
        ("J-1", jo, now, LINES),
        ("J-2", jo, old, LINES[1:]),
        ("A-1", anna, old, LINES),
    ):
        orders.place(session, vault, order_for(person, at, number=number, lines=lines), now=now)

    def buyers(**facts: Any) -> list[PersonId]:
        query = orders.buyers_of(orders.OrderFacts(**facts))
        return sorted(session.execute(query).scalars())

    assert buyers() == [jo, anna]
    assert buyers(since=now - timedelta(days=1)) == [jo]
    assert buyers(before=now - timedelta(days=1)) == [jo, anna]
    assert buyers(sku="POS-PRO", before=now - timedelta(days=1)) == [anna]
    assert buyers(at_least=2) == [jo]
    assert buyers(sku="POS-PRO", at_least=2) == []


@pytest.mark.clause("C03")
def test_a_cancelled_order_makes_nobody_a_buyer(
    session: Session, vault: Vault, brand: Brand, now: datetime
) -> None:
    jo = a_customer(session, vault, "Jo Example", now=now).person_id
    for number in ("J-1", "J-2"):
        orders.place(session, vault, order_for(jo, now, number=number), now=now)
    cancelled = event(EventKind.CANCELLED, now, number="J-2")
    orders.accept_event(session, vault, cancelled, brand=brand, now=now)

    def buyers(**facts: Any) -> list[PersonId]:
        return list(session.execute(orders.buyers_of(orders.OrderFacts(**facts))).scalars())

    assert (buyers(), buyers(at_least=2)) == ([jo], [])
    assert buyers(worth=order_for(jo, now).total + 1, currency="EUR") == []
