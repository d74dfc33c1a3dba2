"""Support finds a customer by address, phone or name. Merged customers are found as the survivor."""

from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger, LargeBinary
from sqlmodel import Session, col

from mailer.people._name_index import people_with_words
from mailer.people._tables import AddressUse, Customer
from mailer.people.address_book import find_addresses
from mailer.people.addresses import canonical_address
from mailer.people.names import name_words
from mailer.people.phones import phone_keys
from mailer.vault import Vault
from mailer.vocabulary import PersonId

MOST_FOUND = 200


def find_by_email(session: Session, vault: Vault, text: str) -> list[PersonId]:
    """Return the customers whose current address this is, oldest first.

    Raises AddressInvalid.
    """
    known = find_addresses(session, vault, [canonical_address(text)])
    return _living(session, BY_ADDRESS, {"ids": list(known.values())})


def find_by_any_email(session: Session, vault: Vault, text: str) -> list[PersonId]:
    """Return the customers who have this address or ever had it, oldest first.

    Who asks for silence from a former address means themselves. Raises AddressInvalid.
    """
    known = find_addresses(session, vault, [canonical_address(text)])
    return _living(session, BY_USE, {"ids": list(known.values())})


def find_by_phone(session: Session, vault: Vault, text: str) -> list[PersonId]:
    """Return the customers with this number, however and from wherever it is dialled.

    Without an international prefix it is tried in every country.
    """
    blinds = [blind for key in phone_keys(text) for blind in vault.indexes("phone", key)]
    return _living(session, BY_PHONE, {"blinds": blinds})


def find_by_name(session: Session, vault: Vault, text: str) -> list[PersonId]:
    """Return up to 200 customers whose names have every word of `text`, oldest first.

    Case, accents and apostrophes do not matter; parts of words are not found.
    """
    found = people_with_words(session, vault, name_words(text), MOST_FOUND)
    return _living(session, BY_ID, {"ids": found})


def find_by_external_id(session: Session, external_id: str) -> list[PersonId]:
    """Return the customer with this id of the shop's, in a list of one or none."""
    return _living(session, BY_EXTERNAL_ID, {"external_id": external_id.strip()})


def _living(session: Session, found: Select[Any], given: dict[str, Any]) -> list[PersonId]:
    return [PersonId(number) for number in session.execute(found, given).scalars()]


def _survivors(those: ColumnElement[bool]) -> Select[Any]:
    """Select the living customers among those that match, the survivor for each merged one."""
    numbers = select(func.coalesce(col(Customer.merged_into), col(Customer.id))).where(those)
    return (
        select(col(Customer.id))
        .where(col(Customer.id).in_(numbers), col(Customer.erased_at).is_(None))
        .order_by(col(Customer.id))
        .limit(MOST_FOUND)
    )


IDS = bindparam("ids", type_=ARRAY(BigInteger))
BLINDS = bindparam("blinds", type_=ARRAY(LargeBinary))
BY_ID = _survivors(col(Customer.id) == IDS.any_())
BY_EXTERNAL_ID = _survivors(col(Customer.external_id) == bindparam("external_id"))
BY_ADDRESS = _survivors(col(Customer.address_id) == IDS.any_())
BY_USE = _survivors(
    col(Customer.id).in_(
        select(col(AddressUse.person_id)).where(col(AddressUse.address_id) == IDS.any_())
    )
)
BY_PHONE = _survivors(col(Customer.phone_blind) == BLINDS.any_())
