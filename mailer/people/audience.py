"""Who is in an audience, as a SELECT for a bigger statement: memory never holds them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    false,
    func,
    select,
    true,
    union,
)
from sqlmodel import col

from mailer.database import looked_up
from mailer.people._tables import AddressUse, Customer
from mailer.vocabulary import PersonId

OfWhom = Callable[[SQLColumnExpression[int]], ColumnElement[bool]]
"""From the column that holds somebody's number to the condition that they are looked at."""


@dataclass(frozen=True, slots=True)
class AudienceFilter:
    """Which living customers; None leaves everybody in."""

    person_ids: frozenset[PersonId] | None = None
    """These people only; an empty set is nobody."""


def audience_of(wanted: AudienceFilter) -> Select[*tuple[Any, ...]]:
    """Select person_id and address_id of the living customers that `wanted` lets in, by number."""
    living: Select[*tuple[Any, ...]] = select(
        col(Customer.id).label("person_id"), col(Customer.address_id)
    ).where(col(Customer.merged_into).is_(None), col(Customer.erased_at).is_(None))
    if wanted.person_ids is not None:
        chosen = sorted(wanted.person_ids)
        living = living.where(col(Customer.id).in_(chosen) if chosen else false())
    return living.order_by(col(Customer.id))


def zones_of() -> Select[*tuple[Any, ...]]:
    """Select person_id and timezone of every customer; empty where no zone is known."""
    return select(col(Customer.id).label("person_id"), col(Customer.timezone))


def living(*more: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """Select every living customer with what audiences may ask about them; nothing is sealed.

    Columns: person_id, address_id, language, country, timezone, source, attributes, created_at,
    and `more` of this room's.
    """
    return select(
        col(Customer.id).label("person_id"),
        col(Customer.address_id),
        col(Customer.language),
        col(Customer.country),
        col(Customer.timezone),
        col(Customer.source),
        col(Customer.attributes),
        col(Customer.created_at),
        *more,
    ).where(col(Customer.merged_into).is_(None), col(Customer.erased_at).is_(None))


def with_survivors(persons: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Select these people (person_id), each once, and the survivor of each who was merged."""
    given = persons.cte()  # asked twice, made once
    merged: Select[*tuple[Any, ...]] = select(col(Customer.merged_into).label("person_id")).where(
        col(Customer.merged_into).is_not(None), col(Customer.id).in_(select(given.c.person_id))
    )
    both = union(select(given.c.person_id), merged).subquery("both")
    return select(both.c.person_id)


def with_survivors_within(
    persons: Callable[[OfWhom], Select[*tuple[Any, ...]]], first: int, end: int
) -> Select[*tuple[Any, ...]]:
    """Select whom `with_survivors` selects, as far as their numbers lie from one to before another.

    `persons` selects people (person_id, once each) of whom a condition on their number holds: put
    where the tables are read, it bounds the work; over what was read already, it would not.
    """
    own = persons(lambda number: and_(number >= first, number < end)).subquery("own")
    survivor = col(Customer.merged_into)
    merged = survivor.is_not(None), survivor >= first, survivor < end
    former = select(col(Customer.id)).where(*merged)
    theirs = persons(lambda number: number.in_(former)).subquery("theirs")
    survivors: Select[*tuple[Any, ...]] = select(survivor.label("person_id")).where(
        *merged, col(Customer.id).in_(select(theirs.c.person_id))
    )
    both = union(select(own.c.person_id), survivors).subquery("both")
    return select(both.c.person_id)


def survivor_of(person_id: ColumnElement[int]) -> ColumnElement[int]:
    """Look up into whom somebody was merged; NULL for everybody else."""
    merged = select(col(Customer.merged_into)).where(
        col(Customer.merged_into).is_not(None), col(Customer.id) == person_id
    )
    return merged.scalar_subquery()


def merged_customers() -> Select[*tuple[Any, ...]]:
    """Select who was merged into another (person_id), into whom (survivor), and where they were
    reached (address_id)."""
    merged_into = col(Customer.merged_into)
    return select(
        col(Customer.id).label("person_id"),
        merged_into.label("survivor"),
        col(Customer.address_id).label("address_id"),
    ).where(merged_into.is_not(None))


def mailboxes_of_merged(survivors: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """Select every mailbox (address_id) that those merged into anybody of an array ever had.

    Beside it who had it (person_id), and into whom they were merged (survivor).
    """
    use = looked_up(
        select(col(AddressUse.address_id)).where(col(AddressUse.person_id) == col(Customer.id)),
        "use",
    )
    return (
        select(
            use.c.address_id,
            col(Customer.id).label("person_id"),
            col(Customer.merged_into).label("survivor"),
        )
        .join(use, true())
        .where(col(Customer.merged_into) == func.any(survivors))
    )


def shared_addresses() -> Select[*tuple[Any, ...]]:
    """Select the addresses (address_id) that several living customers have."""
    return (
        select(col(Customer.address_id))
        .where(col(Customer.merged_into).is_(None), col(Customer.erased_at).is_(None))
        .group_by(col(Customer.address_id))
        .having(func.count() > 1)
    )


def sharing_an_address() -> Select[*tuple[Any, ...]]:
    """Select the living customers (person_id, address_id) whose address another one has, too."""
    shared = shared_addresses().subquery("shared")
    return select(col(Customer.id).label("person_id"), col(Customer.address_id)).where(
        col(Customer.merged_into).is_(None),
        col(Customer.erased_at).is_(None),
        col(Customer.address_id).in_(select(shared.c.address_id)),
    )
