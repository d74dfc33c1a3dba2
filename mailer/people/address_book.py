"""Addresses by number: found under every index key, made under the newest."""

from collections.abc import Iterable, Mapping

from sqlalchemy import text
from sqlmodel import Session

from mailer.people._sealing import short
from mailer.people.addresses import Address, canonical_address
from mailer.vault import Vault
from mailer.vocabulary import AddressId, PersonId


def address_id_of(session: Session, vault: Vault, email: str, *, create: bool) -> AddressId | None:
    """Return the number of this address, also one that no customer has (any more).

    Where it is unknown, it is made, or None is returned. Raises AddressInvalid.
    """
    address = canonical_address(email)
    found = find_addresses(session, vault, [address])
    if create and address.key not in found:
        found = make_addresses(session, vault, [address])
    return found.get(address.key)


def number_without_customer(session: Session) -> PersonId:
    """Take a number that no customer has or will ever have, for mail to somebody who is none."""
    number: int = session.execute(
        text("SELECT nextval(pg_get_serial_sequence('people_customer', 'id'))")
    ).scalar_one()
    return PersonId(number)


def domain_tags(vault: Vault, domain: str) -> list[int]:
    """Return the tags that addresses of this ASCII domain may carry, newest index key first."""
    return [short(blind) for blind in vault.indexes("domain", domain.casefold())]


def find_addresses(
    session: Session, vault: Vault, addresses: Iterable[Address]
) -> dict[str, AddressId]:
    """Return the numbers of the known ones among these addresses, by their keys.

    Where an address is known under two index keys, the oldest row stands for it.
    """
    keys = {
        blind: address.key for address in addresses for blind in vault.indexes("email", address.key)
    }
    rows = session.execute(FIND, {"blinds": list(keys)})
    return {keys[row.blind]: AddressId(row.id) for row in rows}


def make_addresses(
    session: Session, vault: Vault, addresses: Iterable[Address]
) -> dict[str, AddressId]:
    """Make what is missing among these addresses; return the numbers of all, by their keys.

    Two doors that make the same address at once get the same number: the second waits for the
    first one's commit, and the rows are made in one order, so that none waits for ever.
    """
    unique = {address.key: address for address in addresses}
    known = find_addresses(session, vault, unique.values())
    missing = [address for key, address in unique.items() if key not in known]
    if not missing:
        return known
    tags: dict[str, int] = {}
    rows = sorted(
        (vault.index("email", new.key), _tag_of(vault, new, tags), new) for new in missing
    )
    blinds = [blind for blind, _, _ in rows]
    arrays = {"blinds": blinds, "tags": [tag for _, tag, _ in rows], "key": vault.index_names[0]}
    made = session.execute(MAKE, arrays).all()
    if len(made) < len(missing):
        return known | find_addresses(session, vault, missing)
    keys = {blind: new.key for blind, _, new in rows}
    return known | {keys[row.blind]: AddressId(row.id) for row in made}


def lock_addresses(session: Session, ids: Iterable[AddressId]) -> None:
    """Hold these addresses until the commit, in one order, so that one customer is made of each."""
    session.execute(LOCK, {"ids": sorted(ids)})


def _tag_of(vault: Vault, address: Address, known: dict[str, int]) -> int:
    if address.domain not in known:
        known[address.domain] = short(vault.index("domain", address.domain))
    return known[address.domain]


FIND = text(
    "SELECT id, blind FROM people_address WHERE blind = ANY(CAST(:blinds AS bytea[]))"
    " ORDER BY id DESC"
)
MAKE = text(
    "INSERT INTO people_address (blind, index_key, domain_tag)"
    " SELECT blind, :key, tag"
    " FROM unnest(CAST(:blinds AS bytea[]), CAST(:tags AS bigint[])) AS new(blind, tag)"
    " ON CONFLICT (blind) DO NOTHING RETURNING id, blind"
)
LOCK = text(
    "SELECT id FROM people_address WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR UPDATE"
)
Ids = Mapping[str, AddressId]
