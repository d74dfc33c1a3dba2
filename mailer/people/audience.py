"""Who is in an audience, as a SELECT for a bigger statement: memory never holds them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, false, func, or_, select
from sqlmodel import col

from mailer.people._tables import Customer
from mailer.vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class AudienceFilter:
    """Which living customers: empty sets and None leave everybody in."""

    languages: frozenset[str] = frozenset()
    """BCP 47; `de` also means `de-AT`, `de-AT` means itself only."""
    countries: frozenset[str] = frozenset()
    """Two letters of ISO 3166."""
    person_ids: frozenset[PersonId] | None = None
    """These people only; an empty set is nobody."""


def audience_of(wanted: AudienceFilter) -> Select[*tuple[Any, ...]]:
    """Select person_id and address_id of the living customers that `wanted` lets in, by number."""
    living: Select[*tuple[Any, ...]] = select(
        col(Customer.id).label("person_id"), col(Customer.address_id)
    ).where(col(Customer.merged_into).is_(None), col(Customer.erased_at).is_(None))
    if wanted.languages:
        spoken, names = col(Customer.language), sorted(wanted.languages)
        primary = func.split_part(spoken, "-", 1)
        living = living.where(or_(spoken.in_(names), primary.in_(names)))
    if wanted.countries:
        living = living.where(col(Customer.country).in_(sorted(wanted.countries)))
    if wanted.person_ids is not None:
        chosen = sorted(wanted.person_ids)
        living = living.where(col(Customer.id).in_(chosen) if chosen else false())
    return living.order_by(col(Customer.id))


def zones_of() -> Select[*tuple[Any, ...]]:
    """Select person_id and timezone of every customer; empty where no zone is known."""
    return select(col(Customer.id).label("person_id"), col(Customer.timezone))
