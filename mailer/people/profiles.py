"""Customers as the rest of the house sees them: opened under their own keys, in sets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger
from sqlmodel import Session, col

from mailer.people._tables import Customer
from mailer.people.names import first_name
from mailer.vault import PersonKey, Vault
from mailer.vocabulary import AddressId, PersonId

SEALED = ("email", "name", "phone", "street", "city", "region", "postal_code", "birth_year")
"""The columns that are sealed, each under its person's key and its place."""
PLACES = {column: f"people_customer.{column}:" for column in SEALED}
"""What binds a sealed field to its column; the customer's number follows."""
CLEAR = ("country", "language", "timezone")


@dataclass(frozen=True, slots=True)
class Profile:
    """A living customer. Text that is not known is ""."""

    person_id: PersonId
    address_id: AddressId
    version: int
    email: str = field(repr=False)
    name: str = field(repr=False)
    phone: str = field(repr=False)
    street: str = field(repr=False)
    city: str = field(repr=False)
    region: str = field(repr=False)
    postal_code: str = field(repr=False)
    country: str
    language: str
    timezone: str
    birth_year: int | None = field(repr=False)
    external_id: str | None
    source: str
    attributes: Mapping[str, str] = field(repr=False)
    created_at: datetime

    @property
    def first_name(self) -> str:
        """What to call them by; "" where a greeting had better fall back."""
        return first_name(self.name, self.language)


def profile_of(session: Session, vault: Vault, person_id: PersonId) -> Profile | None:
    """Return this customer; None for who is unknown, merged away or erased."""
    return profiles_of(session, vault, [person_id]).get(person_id)


def profiles_of(
    session: Session, vault: Vault, person_ids: Sequence[PersonId]
) -> dict[PersonId, Profile]:
    """Return these customers in two statements; who is gone is absent.

    Raises SealBroken where a stored field was tampered with.
    """
    return _opened(session, vault, session.execute(LIVING_AMONG, {"ids": list(person_ids)}))


def customers_page(session: Session, vault: Vault, *, after: PersonId, limit: int) -> list[Profile]:
    """Return up to `limit` living customers above `after`, by number; start with 0."""
    page = LIVING.where(col(Customer.id) > after).order_by(col(Customer.id)).limit(limit)
    return list(_opened(session, vault, session.execute(page)).values())


def sealed_place(column: str, person_id: int) -> str:
    """Return the place that binds a sealed field to its row and column."""
    return f"{PLACES[column]}{person_id}"


def open_facts(key: PersonKey, row: Row[Any]) -> dict[str, str]:
    """Return the sealed fields of `row` in the clear, "" for what is not there."""
    opened = {}
    for column in SEALED:
        sealed = getattr(row, column)
        place = sealed_place(column, row.id)
        opened[column] = key.decrypt(sealed, place=place) if sealed is not None else ""
    return opened


COLUMNS = (
    Customer.id, Customer.external_id, Customer.address_id, Customer.version,
    Customer.email, Customer.name, Customer.phone, Customer.street, Customer.city,
    Customer.region, Customer.postal_code, Customer.birth_year, Customer.country,
    Customer.language, Customer.timezone, Customer.source, Customer.attributes,
    Customer.created_at, Customer.index_key,
)  # fmt: skip
IDS = bindparam("ids", type_=ARRAY(BigInteger))
LIVING: Select[*tuple[Any, ...]] = select(*(col(column) for column in COLUMNS)).where(
    col(Customer.merged_into).is_(None), col(Customer.erased_at).is_(None)
)
LIVING_AMONG = LIVING.where(col(Customer.id) == IDS.any_())


def _opened(session: Session, vault: Vault, answer: Iterable[Row[Any]]) -> dict[PersonId, Profile]:
    rows = list(answer)
    keys = vault.keys_of(session, [PersonId(row.id) for row in rows])
    return {PersonId(row.id): _profile(keys[row.id], row) for row in rows if row.id in keys}


def _profile(key: PersonKey, row: Row[Any]) -> Profile:
    facts = open_facts(key, row)
    birth_year = facts.pop("birth_year")
    return Profile(
        person_id=PersonId(row.id),
        address_id=AddressId(row.address_id),
        version=row.version,
        country=row.country,
        language=row.language,
        timezone=row.timezone,
        birth_year=int(birth_year) if birth_year else None,
        external_id=row.external_id,
        source=row.source,
        attributes=row.attributes,
        created_at=row.created_at,
        **facts,
    )
