"""Customers with facts of their own, and who of them an audience holds."""

import json
from datetime import datetime
from typing import Any

from sqlmodel import Session

from mailer import orders, people, permission
from mailer.campaigns import Audience, audience_select
from mailer.campaigns.audience import Rule
from mailer.orders import Line, NewOrder
from mailer.people import NewProfile
from mailer.vault import Vault
from mailer.vocabulary import PersonId


def rule(**said: Any) -> Rule:
    """Read a rule as a client sends it."""
    return Audience.model_validate_json(json.dumps({"rule": said})).rule


def customer(session: Session, vault: Vault, name: str, now: datetime, **more: Any) -> PersonId:
    """Make a customer with facts of their own."""
    profile = NewProfile(email=f"{name}@example.com", name=name, **{"source": "shop", **more})
    made = people.upsert(session, vault, profile, now=now)
    permission.admit(session, [made.person_id], now=now)
    return made.person_id


def order(
    session: Session, vault: Vault, person: PersonId, number: str, sku: str, at: datetime
) -> None:
    """Let somebody order one thing for 1.00 EUR."""
    line = Line(sku=sku, name="A thing", quantity=1, unit_price=100)
    orders.place(session, vault, NewOrder(number, person, "EUR", (line,), 100, at), now=at)


def members(session: Session, now: datetime, **said: Any) -> list[PersonId]:
    """Who is in an audience, in its order."""
    rows = session.execute(audience_select(Audience(rule=rule(**said)), now=now)).all()
    return [row.person_id for row in rows]
