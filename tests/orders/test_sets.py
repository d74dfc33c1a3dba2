"""A shop's history comes in as a set: the same orders as one by one, and no mail."""

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import orders
from mailer.orders import CustomerGone, OrderKnown, OrderNumberInvalid
from mailer.people import CardNumberFound
from mailer.vault import Vault
from tests.orders.conftest import LINES, order_for
from tests.people_of_tests import TestPerson


def test_a_set_is_kept_like_orders_placed_one_by_one(
    session: Session, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    new = [order_for(jo.person_id, now, number=f"H-{n}") for n in range(3)]
    assert orders.place_many(session, vault, new, now=now) == 3
    kept = orders.order_of(session, "H-1")
    assert (kept.lines, kept.total, kept.placed_at) == (LINES, 102_800, now)
    assert orders.ip_of(session, vault, "H-2") == "203.0.113.7"
    again = orders.place(session, vault, replace(new[0], total=1), now=now)
    assert again.total == 1


@pytest.mark.clause("C09")
def test_a_set_is_sealed_too(session: Session, vault: Vault, jo: TestPerson, now: datetime) -> None:
    orders.place_many(session, vault, [order_for(jo.person_id, now)], now=now)
    row = session.execute(text("SELECT ip, payment FROM orders_order")).one()
    assert b"203.0.113" not in row.ip
    assert b"4242" not in row.payment


def test_a_history_causes_no_mail(
    session: Session, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    orders.place_many(session, vault, [order_for(jo.person_id, now)], now=now)
    assert session.execute(text("SELECT count(*) FROM delivery_mailing")).scalar_one() == 0


def test_an_empty_set_is_no_order(session: Session, vault: Vault, now: datetime) -> None:
    assert orders.place_many(session, vault, [], now=now) == 0


def test_a_number_on_file_is_refused(
    session: Session, vault: Vault, placed: orders.Order, now: datetime
) -> None:
    with pytest.raises(OrderKnown, match="10482"):
        orders.place_many(session, vault, [order_for(placed.person_id, now)], now=now)


def test_a_number_that_stands_in_the_set_twice_is_refused(
    session: Session, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    with pytest.raises(OrderKnown):
        orders.place_many(session, vault, [order_for(jo.person_id, now)] * 2, now=now)


@pytest.mark.clause("C01")
def test_a_card_number_in_one_order_refuses_the_set(
    session: Session, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    named = replace(LINES[0], name="4111 1111 1111 1111")
    with pytest.raises(CardNumberFound):
        orders.place_many(session, vault, [order_for(jo.person_id, now, lines=(named,))], now=now)
    with pytest.raises(OrderNumberInvalid):
        orders.place_many(
            session, vault, [order_for(jo.person_id, now, number="4111111111111111")], now=now
        )


def test_an_order_of_somebody_erased_refuses_the_set(
    session: Session, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    vault.shred(session, jo.person_id)
    with pytest.raises(CustomerGone):
        orders.place_many(session, vault, [order_for(jo.person_id, now)], now=now)
