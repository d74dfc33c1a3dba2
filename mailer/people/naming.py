"""Customers by the names that a list gives them: the shop's ids and addresses, in sets."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from mailer.people._tables import Customer
from mailer.people.address_book import find_addresses
from mailer.people.addresses import Address, AddressInvalid, canonical_address
from mailer.vault import Vault
from mailer.vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a set of names means; an unknown name is told by its place, never repeated."""

    persons: frozenset[PersonId]
    unknown_ids: list[int]
    unknown_emails: list[int]


def named(
    session: Session, vault: Vault, *, external_ids: Sequence[str], emails: Sequence[str]
) -> Named:
    """Find the living customers that are named; an address means everybody who has it now.

    What is no address counts as unknown. Two statements for each kind of name.
    """
    by_id = _by_external_id(session, [each.strip() for each in external_ids])
    addresses = [_address(each) for each in emails]
    by_address = _by_address(session, vault, [each for each in addresses if each is not None])
    met = [set(by_id.get(each.strip(), ())) for each in external_ids]
    seen = [set(by_address.get(each.key, ())) if each else set() for each in addresses]
    return Named(
        persons=frozenset(PersonId(person) for found in (*met, *seen) for person in found),
        unknown_ids=[place for place, found in enumerate(met) if not found],
        unknown_emails=[place for place, found in enumerate(seen) if not found],
    )


def _address(text: str) -> Address | None:
    try:
        return canonical_address(text)
    except AddressInvalid:
        return None


def _by_external_id(session: Session, names: Sequence[str]) -> dict[str, list[int]]:
    """Who was merged is found as the survivor."""
    rows = session.exec(
        select(Customer.external_id, Customer.id, Customer.merged_into).where(
            col(Customer.external_id).in_(names), col(Customer.erased_at).is_(None)
        )
    ).all()
    return {name: [merged or number or 0] for name, number, merged in rows if name}


def _by_address(
    session: Session, vault: Vault, addresses: Sequence[Address]
) -> dict[str, list[int]]:
    known = find_addresses(session, vault, addresses) if addresses else {}
    rows = session.exec(
        select(Customer.address_id, Customer.id).where(
            col(Customer.address_id).in_(known.values()),
            col(Customer.merged_into).is_(None),
            col(Customer.erased_at).is_(None),
        )
    ).all()
    at: dict[int, list[int]] = {}
    for address_id, number in rows:
        at.setdefault(address_id, []).append(number or 0)
    return {key: at[address_id] for key, address_id in known.items() if address_id in at}
