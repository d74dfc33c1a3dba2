"""Orders over a real database: Jo Example and her order 10482."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import Session

from mailer import orders
from mailer.letters import Brand
from mailer.orders import EventKind, Line, NewOrder, OrderEvent, Payment
from mailer.vault import Vault
from mailer.vocabulary import PersonId
from tests.people_of_tests import TestPerson, a_customer

LINES = (
    Line(sku="POS-PRO", name="POS Pro terminal", quantity=1, unit_price=64_900),
    Line(sku="TP-80", name="Receipt printer", quantity=2, unit_price=18_950),
)
CARD = Payment(brand="Visa", last4="4242", expiry="2028-04", token="tok_9f2c")


@pytest.fixture
def brand() -> Brand:
    """The company as its letters show it."""
    return Brand(
        company="FocalPoint",
        postal_address="10 Corporate Place South, Piscataway, NJ 08854",
        care_email="care@focalpointsystem.com",
        care_phone="(800) 363-5519",
        public_url="https://mail.focalpointsystem.com",
        shop_url="https://shop.focalpointsystem.com",
    )


@pytest.fixture
def jo(session: Session, vault: Vault, now: datetime) -> TestPerson:
    """Jo Example, who wants company news."""
    return a_customer(session, vault, "Jo Example", now=now)


def order_for(person_id: PersonId, placed_at: datetime, **changed: Any) -> NewOrder:
    """Order 10482, some facts changed."""
    order = NewOrder(
        number="10482",
        person_id=person_id,
        currency="USD",
        lines=LINES,
        total=102_800,
        placed_at=placed_at,
        ip="203.0.113.7",
        payment=CARD,
    )
    return replace(order, **changed)


def event(kind: EventKind, at: datetime, **given: Any) -> OrderEvent:
    """An event of order 10482."""
    return OrderEvent(kind=kind, occurred_at=at, **{"number": "10482", **given})


@pytest.fixture
def placed(session: Session, vault: Vault, jo: TestPerson, now: datetime) -> orders.Order:
    """Jo's order 10482, on file."""
    return orders.place(session, vault, order_for(jo.person_id, now), now=now)
