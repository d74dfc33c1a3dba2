"""For whom a campaign is: language, country and what they ordered, each person once (C03)."""

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlmodel import Session

from mailer import orders, people, permission
from mailer.campaigns import Audience, audience_select
from mailer.orders import Line, NewOrder
from mailer.people import NewProfile
from mailer.vault import Vault
from mailer.vocabulary import PersonId


def customer(
    session: Session, vault: Vault, name: str, country: str, language: str, now: datetime
) -> PersonId:
    """Make a customer of a country and language."""
    profile = NewProfile(
        email=f"{name}@example.com", name=name, country=country, language=language, source="shop"
    )
    made = people.upsert(session, vault, profile, now=now)
    permission.admit(session, [made.person_id], now=now)
    return made.person_id


def order(
    session: Session, vault: Vault, person: PersonId, number: str, sku: str, at: datetime
) -> None:
    """Let somebody order one thing."""
    line = Line(sku=sku, name="A thing", quantity=1, unit_price=100)
    new = NewOrder(number, person, "EUR", (line,), 100, at)
    orders.place(session, vault, new, now=at)


def members(session: Session, **rules: object) -> list[PersonId]:
    """Who is in an audience, in its order."""
    rows = session.execute(audience_select(Audience(**rules))).all()
    return [row.person_id for row in rows]


@pytest.mark.clause("C03")
def test_every_rule_that_is_set_must_hold(session: Session, vault: Vault, now: datetime) -> None:
    anna = customer(session, vault, "anna", "DE", "de", now)
    jo = customer(session, vault, "jo", "US", "en-US", now)
    ben = customer(session, vault, "ben", "DE", "en", now)
    for number in ("1", "2"):
        order(session, vault, anna, f"A-{number}", "POS-PRO", now)
    order(session, vault, jo, "J-1", "TP-80", now - timedelta(days=100))
    order(session, vault, ben, "B-1", "POS-PRO", now - timedelta(days=100))

    assert members(session) == [anna, jo, ben]
    assert members(session, languages=("en",)) == [jo, ben]
    assert members(session, countries=("DE",)) == [anna, ben]
    assert members(session, countries=("DE",), languages=("en",)) == [ben]
    assert members(session, product="POS-PRO") == [anna, ben]
    assert members(session, product="POS-PRO", ordered_since=now - timedelta(days=1)) == [anna]
    assert members(session, ordered_before=now - timedelta(days=1)) == [jo, ben]
    assert members(session, orders_at_least=2) == [anna]
    assert members(session, orders_at_least=2, countries=("US",)) == []


def test_who_ordered_and_was_erased_is_in_no_audience(
    session: Session, vault: Vault, now: datetime
) -> None:
    anna = customer(session, vault, "anna", "DE", "de", now)
    order(session, vault, anna, "A-1", "POS-PRO", now)
    people.erase(session, vault, anna, now=now)
    assert members(session, product="POS-PRO") == []


def test_a_rule_that_nobody_knows_is_refused() -> None:
    for wrong in ({"colour": "red"}, {"countries": ["Germany"]}, {"orders_at_least": 0}):
        with pytest.raises(ValidationError):
            Audience.model_validate(wrong)
