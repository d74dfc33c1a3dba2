"""Made-up customers in number, sealed and indexed as every customer is.

One customer of each country comes in by the rooms' own doors. The others are its copies: rows with
the same permissions, but with a number, an address, a key and sealed fields of their own, so that
to look one up, to decide and to open what is sealed costs what it always costs. What a copy lacks
is the past: ledger and name words, which no measurement reads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from bench.stage import Keys
from mailer import people, permission
from mailer.database import Database, copy_rows
from mailer.people import NewProfile
from mailer.people.profiles import sealed_place
from mailer.vault import PersonKey, Vault
from mailer.vocabulary import PersonId, Topic

TOPIC = Topic.SOFTWARE_UPDATES
SET = 10_000
PLACES = (
    ("DE", "München", "de", "Europe/Berlin"),
    ("US", "Piscataway", "en-US", "America/New_York"),
    ("FR", "Lyon", "fr", "Europe/Paris"),
    ("BR", "São Paulo", "pt-BR", "America/Sao_Paulo"),
)
APART = ("CH", "Zürich", "de-CH", "Europe/Zurich")
"""Where those live who are in no campaign of the measurements."""
NAMES = ("Anna Becker", "Jürgen Groß", "Zoë Lefèvre", "Omar Smith", "Łukasz Źdźbło")
SEALED = ("email", "name", "street", "city", "postal_code")


@dataclass(frozen=True)
class Original:
    """A customer who came in by the door, and is copied."""

    person_id: PersonId
    address_id: int
    domain: str
    city: str


def make_crowd(url: str, keys: Keys, count: int, *, apart: int = 0, now: datetime) -> None:
    """Make `count` customers who agreed to the topic, and `apart` more who live elsewhere."""
    vault, database = keys.vault(), Database(url, pool_size=1)
    try:
        _make(database, vault, PLACES[:count], count, now)
        _make(database, vault, (APART,)[:apart], apart, now)
    finally:
        database.close()


def _make(
    database: Database, vault: Vault, places: Sequence[tuple[str, ...]], count: int, now: datetime
) -> None:
    if not places:
        return
    with database.transaction() as session:
        originals = [_original(session, vault, place, now) for place in places]
    for start in range(len(originals), count, SET):
        with database.transaction() as session:
            copy_customers(session, vault, originals, range(start, min(start + SET, count)))


def _original(session: Session, vault: Vault, place: tuple[str, ...], now: datetime) -> Original:
    country, city, language, timezone = place
    domain = f"{country.lower()}.example.com"
    profile = NewProfile(
        email=f"first@{domain}",
        external_id=f"first-{country}",
        name=NAMES[0],
        street="1 Main Street",
        city=city,
        postal_code="08854",
        country=country,
        language=language,
        timezone=timezone,
        source="shop",
    )
    made = people.upsert(session, vault, profile, now=now)
    permission.admit(session, [made.person_id], now=now)
    yes = permission.ImportedYes(made.person_id, frozenset([TOPIC]), "shop")
    permission.import_permissions(
        session, [yes], policy_version="2026-11", reference="P-BENCH-0001", now=now
    )
    return Original(made.person_id, made.address_id, domain, city)


def copy_customers(
    session: Session, vault: Vault, originals: Sequence[Original], numbers: range
) -> None:
    """Make a customer for each number, by turns a copy of each original."""
    first = _reserve(session, "people_customer", len(numbers))
    at = _reserve(session, "people_address", len(numbers))
    ids = [PersonId(first + n) for n in range(len(numbers))]
    keys = vault.create_keys(session, ids)
    session.execute(text(COPIES))
    columns = ("original", "id", "address_id", "external_id", "blind", *SEALED)
    copy_rows(session, "copies", columns, _rows(vault, originals, numbers, keys, at))
    own = {name: f"c.{name}" for name in ("id", "address_id", "external_id", *SEALED)}
    _insert(session, "people_customer", "o.id = c.original", own)
    where = "o.id = (SELECT f.address_id FROM people_customer f WHERE f.id = c.original)"
    _insert(session, "people_address", where, {"id": "c.address_id", "blind": "c.blind"})
    for table in _tables_by_person(session):
        _insert(session, table, "o.person_id = c.original", BY_PERSON)
    session.execute(text("DROP TABLE copies"))


def _rows(
    vault: Vault,
    originals: Sequence[Original],
    numbers: range,
    keys: dict[PersonId, PersonKey],
    first_address: int,
) -> Iterator[tuple[Any, ...]]:
    for n, (person_id, key) in zip(numbers, keys.items(), strict=True):
        original = originals[n % len(originals)]
        email = f"customer{n}@{original.domain}"
        facts = (email, f"{NAMES[n % len(NAMES)]} {n}", f"{n % 300} Main Street",
                 original.city, f"{n % 100_000:05}")  # fmt: skip
        sealed = (
            key.encrypt(fact, place=sealed_place(name, person_id))
            for name, fact in zip(SEALED, facts, strict=True)
        )
        yield (original.person_id, person_id, first_address + n - numbers.start,
               f"{original.domain}-{n}", vault.index("email", email), *sealed)  # fmt: skip


def _reserve(session: Session, table: str, count: int) -> int:
    """Take that many numbers of a table in one go; return the first."""
    sequence = f"pg_get_serial_sequence('{table}', 'id')"
    first: int = session.execute(text(f"SELECT nextval({sequence})")).scalar_one()
    session.execute(text(f"SELECT setval({sequence}, {first + count - 1})"))
    return first


def _insert(session: Session, table: str, joined_by: str, own: dict[str, str]) -> None:
    """Insert a copy of the original's row for each copy, with what is its own put in place."""
    columns = [name for name in _columns(session, table) if own.get(name) != ""]
    values = ", ".join(own.get(name, f"o.{name}") for name in columns)
    session.execute(
        text(
            f"INSERT INTO {table} ({', '.join(columns)})"
            f" SELECT {values} FROM copies c JOIN {table} o ON {joined_by}"
        )
    )


def _columns(session: Session, table: str) -> list[str]:
    found = session.execute(
        text(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = :table AND is_generated = 'NEVER' ORDER BY ordinal_position"
        ),
        {"table": table},
    )
    return [str(name) for name in found.scalars()]


def _tables_by_person(session: Session) -> list[str]:
    found = session.execute(
        text(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'person_id'"
            " AND (table_name LIKE 'permission%' OR table_name = 'people_address_use')"
        )
    )
    return [str(name) for name in found.scalars()]


BY_PERSON = {"id": "", "person_id": "c.id", "address_id": "c.address_id"}
COPIES = f"""
    CREATE TEMPORARY TABLE copies (
        original bigint, id bigint, address_id bigint, external_id text, blind bytea,
        {", ".join(f"{name} bytea" for name in SEALED)})
"""
