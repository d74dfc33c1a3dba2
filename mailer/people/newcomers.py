"""Customers who are probably new, made ready ahead: by any process, before anybody looks.

Who turns out to be known, or stands in a set twice, is left to `upsert_checked`, which has the last
word on everybody. Nothing of a row made ready in vain is stored; its numbers stay unused.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, compress

import orjson
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from mailer import packed
from mailer.database import copy_packed
from mailer.people._sealing import CUSTOMER, NOTHING, USE, WORD, Facts, Sealed, Sealer, short
from mailer.people.facts import CheckedProfile, with_attributes
from mailer.vault import INDEX_BYTES, Vault
from mailer.vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class Reserved:
    """Numbers that nobody else will ever get, for as many newcomers."""

    people: Sequence[int]
    addresses: Sequence[int]


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Customers made ready, column by column; only hashes and sealed fields name them here."""

    people: Sequence[int] = ()
    external_ids: Sequence[str | None] = ()
    blinds: Sequence[Sequence[bytes]] = ()
    """Their addresses under each index key, newest key first."""
    addresses: Sequence[bytes] = ()
    rows: Sequence[Sequence[bytes]] = ()
    """As `Sealed` has them: customers, uses, keys, words."""

    def only(self, chosen: Sequence[bool]) -> "Newcomers":
        """Return some of them."""
        return Newcomers(
            list(compress(self.people, chosen)),
            list(compress(self.external_ids, chosen)),
            [list(compress(blinds, chosen)) for blinds in self.blinds],
            list(compress(self.addresses, chosen)),
            [list(compress(rows, chosen)) for rows in self.rows],
        )


def reserve(session: Session, count: int) -> Reserved:
    """Take numbers for `count` newcomers; a rollback does not give them back."""
    rows = session.execute(RESERVE, {"count": count}).all()
    return Reserved([row[0] for row in rows], [row[1] for row in rows])


def make_ready(
    vault: Vault, profiles: Sequence[CheckedProfile], reserved: Reserved, *, now: datetime
) -> Newcomers:
    """Hash, seal and pack these profiles, as if each were a customer and an address of its own.

    Needs no database. `reserved` holds at least as many numbers.
    """
    sealer, people = Sealer(vault, now), reserved.people[: len(profiles)]
    sealed = [
        _sealed(sealer, *each) for each in zip(profiles, people, reserved.addresses, strict=False)
    ]
    blinds = [vault.indexes("email", profile.address.key) for profile in profiles]
    return Newcomers(
        people,
        [profile.external_id for profile in profiles],
        list(zip(*blinds, strict=True)),
        _addresses(vault, profiles, [each[0] for each in blinds], reserved.addresses),
        list(zip(*sealed, strict=True)),
    )


def welcome(session: Session, vault: Vault, newcomers: Newcomers) -> list[bool]:
    """Store who is new indeed, and say of each whether they were stored.

    The rest is told apart by shop's id and address: one that is known, or that stands here twice.
    """
    known = _known(session, newcomers) | _repeated(newcomers)
    names = zip(newcomers.external_ids, *newcomers.blinds, strict=True)
    is_new = [known.isdisjoint(each) for each in names] if known else [True] * len(newcomers.people)
    try:
        with session.begin_nested():
            _store(session, vault, newcomers if all(is_new) else newcomers.only(is_new))
    except IntegrityError:
        # Another door made one of them since we looked.
        return [False] * len(is_new)
    return is_new


def store_customers(session: Session, vault: Vault, customers: Sequence[Sealed]) -> None:
    """Write new customers whose addresses are there already. Raises IntegrityError."""
    _store_rows(session, vault, list(zip(*customers, strict=True)))


def _store_rows(session: Session, vault: Vault, rows: Sequence[Sequence[bytes]]) -> None:
    customers, uses, keys, words = rows
    vault.store_keys(session, keys)
    copy_packed(session, "people_customer", CUSTOMER, customers)
    copy_packed(session, "people_address_use", USE, uses)
    copy_packed(session, "people_name_word", WORD, words)


def _addresses(
    vault: Vault, profiles: Sequence[CheckedProfile], blinds: Sequence[bytes], ids: Sequence[int]
) -> list[bytes]:
    """Pack the rows of the addresses; each domain is hashed once."""
    domains = {profile.address.domain for profile in profiles}
    key = packed.words(vault.index_names[0])
    tails = {name: key + packed.bigint(short(vault.index("domain", name))) for name in domains}
    return [
        packed.row_of(len(ADDRESS), packed.bigint(number), packed.binary(blind), tails[domain])
        for number, blind, domain in zip(
            ids, blinds, (profile.address.domain for profile in profiles), strict=False
        )
    ]


def _sealed(sealer: Sealer, profile: CheckedProfile, person: int, address: int) -> Sealed:
    said = profile.attributes
    return sealer.seal(
        Facts(
            {**NOTHING.texts, **profile.texts, "email": profile.address.display},
            {**NOTHING.clear, **profile.clear},
            with_attributes(NOTHING.attributes, said) if said else NOTHING.attributes,
        ),
        person_id=PersonId(person),
        address_id=address,
        external_id=profile.external_id,
        source=profile.source,
    )


def _repeated(newcomers: Newcomers) -> frozenset[object]:
    ids = [each for each in newcomers.external_ids if each is not None]
    return frozenset(chain(_twice(newcomers.blinds[0]), _twice(ids)))


def _twice(names: Sequence[bytes] | Sequence[str]) -> Iterable[object]:
    if len(set(names)) == len(names):
        return ()
    return (name for name, times in Counter(names).items() if times > 1)


def _known(session: Session, newcomers: Newcomers) -> frozenset[object]:
    """Return what is known of the names of these; texts and bytes are never equal."""
    ids = [each for each in newcomers.external_ids if each is not None]
    given = {"blinds": b"".join(chain.from_iterable(newcomers.blinds)), "size": INDEX_BYTES}
    by_address = session.execute(KNOWN_ADDRESSES, given).scalars()
    by_id = session.execute(KNOWN_IDS, {"ids": orjson.dumps(ids).decode()}).scalars()
    return frozenset(chain(by_address, by_id))


def _store(session: Session, vault: Vault, newcomers: Newcomers) -> None:
    if not newcomers.people:
        return
    # In one order, so that no two doors that make the same addresses wait for each other.
    by_blind = sorted(zip(newcomers.blinds[0], newcomers.addresses, strict=True))
    copy_packed(session, "people_address", ADDRESS, (row for _, row in by_blind))
    _store_rows(session, vault, newcomers.rows)


ADDRESS = ("id", "blind", "index_key", "domain_tag")
RESERVE = text(
    "SELECT nextval(of.people) AS person, nextval(of.addresses) AS address"
    " FROM (SELECT CAST(pg_get_serial_sequence('people_customer', 'id') AS regclass) AS people,"
    " CAST(pg_get_serial_sequence('people_address', 'id') AS regclass) AS addresses OFFSET 0) of,"
    " generate_series(1, :count)"
)
# Looked up one by one, by their indexes: for thousands at once a planner might read the whole table.
# They travel as one value: to write thousands into an array costs more than to look them up.
KNOWN_ADDRESSES = text(
    "SELECT known.blind FROM (SELECT CAST(:blinds AS bytea) AS all_of_them, CAST(:size AS integer) AS size OFFSET 0) g"
    " CROSS JOIN LATERAL generate_series(1, length(g.all_of_them), g.size) AS wanted(at)"
    " CROSS JOIN LATERAL (SELECT a.blind FROM people_address a"
    " WHERE a.blind = substr(g.all_of_them, wanted.at, g.size) OFFSET 0) known"
)
KNOWN_IDS = text(
    "SELECT known.external_id FROM jsonb_array_elements_text(CAST(:ids AS jsonb)) AS wanted(id)"
    " CROSS JOIN LATERAL (SELECT c.external_id FROM people_customer c"
    " WHERE c.external_id = wanted.id OFFSET 0) known"
)
