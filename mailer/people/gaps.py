"""How much of an audience a letter's fields are missing for: counted in the database, unread."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlmodel import Session, col

from mailer.people._tables import Customer

SAID: Mapping[str, ColumnElement[bool]] = MappingProxyType(
    {
        "first_name": col(Customer.name).is_not(None),
        "name": col(Customer.name).is_not(None),
        "city": col(Customer.city).is_not(None),
        "country": col(Customer.country) != "",
        "country_code": col(Customer.country) != "",
        "language": col(Customer.language) != "",
        "language_code": col(Customer.language) != "",
    }
)
"""Whether a merge field's source was ever told; of what is sealed, only that it is there."""


@dataclass(frozen=True, slots=True)
class Headcount:
    """How many people an audience has, and for how many of them each field is missing."""

    people: int
    missing: Mapping[str, int]


def headcount(session: Session, audience: Select[Any], fields: Collection[str]) -> Headcount:
    """Count an audience (a SELECT of person_id and address_id) and who lacks which field.

    One statement; nothing sealed is opened. Fields that no column stands behind are ignored.
    """
    who = audience.order_by(None).subquery("who")
    asked = [name for name in SAID if name in fields]
    query = select(func.count(), *(func.count().filter(~SAID[name]) for name in asked))
    if asked:
        query = query.select_from(who.join(Customer, col(Customer.id) == who.c.person_id))
    else:
        query = query.select_from(who)
    total, *missing = session.execute(query).one()
    counted = dict(zip(asked, missing, strict=True))
    return Headcount(total, {name: count for name, count in counted.items() if count})
