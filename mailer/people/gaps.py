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
        "first_name": col(Customer.name_given).is_(True),
        "name": col(Customer.name_given).is_(True),
        "city": col(Customer.city_given).is_(True),
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


def said(fields: Collection[str]) -> list[ColumnElement[bool]]:
    """Return a column of `living` for each field that a column stands behind: that it was told.

    Nothing sealed is opened.
    """
    return [SAID[name].label(_said(name)) for name in SAID if name in fields]


def _said(field: str) -> str:
    return f"says_{field}"


def headcount_of(people: int, lacking: Mapping[str, int]) -> Headcount:
    """Name what was counted of an audience by others, by the columns of `said`, as `headcount` does.

    Whoever walks over it anyway need not have it counted a second time.
    """
    named = {name: lacking.get(_said(name), 0) for name in SAID}
    return Headcount(people, {name: count for name, count in named.items() if count})


def headcount(session: Session, audience: Select[Any], fields: Collection[str] = ()) -> Headcount:
    """Count an audience and who lacks which field.

    `audience` selects `said(fields)` beside person_id, so that one walk answers it all: a join with
    the customers themselves takes twice the time. Fields that no column stands behind are ignored.
    """
    who = audience.order_by(None).subquery("who")
    asked = [name for name in SAID if name in fields]
    query = select(
        func.count(), *(func.count().filter(~who.c[_said(name)]) for name in asked)
    ).select_from(who)
    total, *missing = session.execute(query).one()
    counted = dict(zip(asked, missing, strict=True))
    return Headcount(total, {name: count for name, count in counted.items() if count})
