"""Customers as a letter needs them: what it prints and no more is opened, for a whole batch at once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger
from sqlmodel import Session, col

from mailer.people._tables import Customer
from mailer.people.names import first_name
from mailer.people.profiles import sealed_place
from mailer.vault import PersonKey, Vault
from mailer.vocabulary import AddressId, PersonId


class Reader(NamedTuple):
    """A living customer to whom a letter goes. Text that is not known is ""."""

    person_id: PersonId
    address_id: AddressId
    version: int
    email: str
    name: str
    city: str
    country: str
    language: str
    timezone: str

    def __repr__(self) -> str:
        """Name the person by their number alone."""
        return f"Reader({self.person_id})"

    @property
    def first_name(self) -> str:
        """What to call them by; "" where a greeting had better fall back."""
        return first_name(self.name, self.language)


def readers_of(
    session: Session, vault: Vault, person_ids: Sequence[PersonId]
) -> dict[PersonId, Reader]:
    """Return these customers in two statements; who is gone is absent.

    Raises SealBroken where a stored field was tampered with, VaultKeyMissing where it stands
    under a vault key that is no longer listed.
    """
    rows = session.execute(READERS, {"ids": list(person_ids)}).all()
    keys = vault.keys_of(session, [PersonId(row.id) for row in rows])
    return {PersonId(row.id): _reader(keys[row.id], row) for row in rows if row.id in keys}


READERS: Select[*tuple[Any, ...]] = select(
    *(
        col(column)
        for column in (
            Customer.id, Customer.address_id, Customer.version, Customer.email, Customer.name,
            Customer.city, Customer.country, Customer.language, Customer.timezone,
        )
    )
).where(
    col(Customer.merged_into).is_(None),
    col(Customer.erased_at).is_(None),
    col(Customer.id) == bindparam("ids", type_=ARRAY(BigInteger)).any_(),
)  # fmt: skip


def _reader(key: PersonKey, row: Sequence[Any]) -> Reader:
    person, address, version, email, name, city, country, language, timezone = row
    return Reader(
        person_id=PersonId(person),
        address_id=AddressId(address),
        version=version,
        email=_opened(key, email, "email", person),
        name=_opened(key, name, "name", person),
        city=_opened(key, city, "city", person),
        country=country,
        language=language,
        timezone=timezone,
    )


def _opened(key: PersonKey, sealed: bytes | None, column: str, person_id: int) -> str:
    if sealed is None:
        return ""
    return key.decrypt(sealed, place=sealed_place(column, person_id))
