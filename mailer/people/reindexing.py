"""Blind indexes under a new key, in slices, while everybody goes on reading under all keys."""

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger
from sqlmodel import Session, col

from mailer.people._name_index import forget_name_words, write_name_words
from mailer.people._tables import Customer
from mailer.people.address_book import domain_tags, lock_addresses
from mailer.people.addresses import canonical_address
from mailer.people.phones import phone_key
from mailer.people.profiles import COLUMNS, open_facts
from mailer.vault import RotationStep, Vault
from mailer.vocabulary import PersonId


def reindex(session: Session, vault: Vault, *, after: PersonId, limit: int) -> RotationStep:
    """Hash address, phone and name words of up to `limit` people above `after` with the newest key.

    Only people with something under an older key are looked at: start with 0, go on from `last`
    until `is_last`. Addresses that no living customer has now stay under the key of their time,
    since nobody can read them. Where the address is known under the newest key already, the
    older row stays as it is.
    """
    given = {"after": after, "newest": vault.index_names[0], "limit": limit}
    behind = session.execute(BEHIND, given).all()
    if not behind:
        return RotationStep(after, 0, 0)
    # Addresses are locked before customers, as an upsert does, so that neither waits for ever.
    lock_addresses(session, [row.address_id for row in behind])
    rows = session.execute(LOCKED, {"ids": [row.id for row in behind]}).all()
    keys = vault.keys_of(session, [PersonId(row.id) for row in rows])
    facts = {row.id: open_facts(keys[row.id], row) for row in rows if row.id in keys}
    still = {row.id: row.address_id for row in behind}
    stayed = [row for row in rows if row.id in facts and still[row.id] == row.address_id]
    _reindex_addresses(session, vault, {row.address_id: facts[row.id]["email"] for row in stayed})
    _reindex_people(session, vault, facts)
    return RotationStep(PersonId(behind[-1].id), len(behind), len(facts))


def left_to_reindex(session: Session, vault: Vault) -> int:
    """Return how many customers have something under an older index key."""
    given = {"newest": vault.index_names[0]}
    return int(session.execute(COUNT, given).scalar_one())


def missing_index_keys(session: Session, vault: Vault) -> list[str]:
    """Return the fingerprints of index keys that addresses stand under and the ring lacks.

    Without them an address that opted out would be taken for a new one. A loose scan: it costs
    one look into the index for each key there is.
    """
    return [name for name in session.execute(USED).scalars() if name not in vault.index_names]


def _reindex_addresses(session: Session, vault: Vault, emails: dict[int, str]) -> None:
    addresses = {number: canonical_address(email) for number, email in sorted(emails.items())}
    given = {
        "ids": list(addresses),
        "blinds": [vault.index("email", address.key) for address in addresses.values()],
        "tags": [domain_tags(vault, address.domain)[0] for address in addresses.values()],
        "newest": vault.index_names[0],
    }
    session.execute(REHASH_ADDRESSES, given)


def _reindex_people(session: Session, vault: Vault, facts: dict[int, dict[str, str]]) -> None:
    phones = {number: phone_key(known["phone"]) for number, known in facts.items()}
    given = {
        "ids": list(phones),
        "blinds": [vault.index("phone", key) if key else None for key in phones.values()],
        "newest": vault.index_names[0],
    }
    session.execute(REHASH_PEOPLE, given)
    forget_name_words(session, list(facts))
    write_name_words(session, vault, ((number, known["name"]) for number, known in facts.items()))


FROM_BEHIND = (
    " FROM people_customer c JOIN people_address a ON a.id = c.address_id"
    " WHERE c.erased_at IS NULL AND (c.index_key <> :newest OR a.index_key <> :newest)"
)
BEHIND = text(
    f"SELECT c.id, c.address_id {FROM_BEHIND} AND c.id > :after ORDER BY c.id LIMIT :limit"
)
USED = text(
    """
    WITH RECURSIVE used (name) AS (
        SELECT min(index_key) FROM people_address
        UNION ALL
        SELECT (SELECT min(a.index_key) FROM people_address a WHERE a.index_key > used.name)
        FROM used WHERE used.name IS NOT NULL
    )
    SELECT name FROM used WHERE name IS NOT NULL
    """
)
COUNT = text(f"SELECT count(*) {FROM_BEHIND}")
LOCKED = (
    select(*(col(column) for column in COLUMNS))
    .where(col(Customer.id) == bindparam("ids", type_=ARRAY(BigInteger)).any_())
    .where(col(Customer.erased_at).is_(None))
    .order_by(col(Customer.id))
    .with_for_update()
)
REHASH_ADDRESSES = text(
    """
    UPDATE people_address a SET index_key = :newest, domain_tag = again.tag,
        blind = CASE WHEN EXISTS (SELECT FROM people_address o WHERE o.blind = again.blind)
                     THEN a.blind ELSE again.blind END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:blinds AS bytea[]), CAST(:tags AS bigint[]))
        AS again(id, blind, tag)
    WHERE a.id = again.id
    """
)
REHASH_PEOPLE = text(
    "UPDATE people_customer c SET phone_blind = again.blind, index_key = :newest"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:blinds AS bytea[])) AS again(id, blind)"
    " WHERE c.id = again.id"
)
