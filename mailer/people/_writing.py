"""A worked-on set of customers is written: new ones by COPY, changed ones in one statement."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from mailer.people._name_index import forget_name_words, write_name_words
from mailer.people._places import Placed
from mailer.people._sealing import NOTHING, Facts, Sealer, phone_blind
from mailer.people.facts import with_attributes
from mailer.people.newcomers import store_customers
from mailer.people.profiles import CLEAR, SEALED, open_facts, sealed_place
from mailer.vault import PersonKey, Vault
from mailer.vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class Change:
    """A customer who was there before, and what the set makes of them."""

    person: Placed
    old: Facts
    new: Facts

    def needs_name_words(self, index_key: str) -> bool:
        """Whether the name index must follow: another name, or another key than the newest."""
        stored: Any = self.person.stored
        return self.old.texts["name"] != self.new.texts["name"] or stored.index_key != index_key


def write(session: Session, vault: Vault, people: Sequence[Placed], now: datetime) -> None:
    """Write what was said of `people`; note on each their number, and whether they changed."""
    new = [person for person in people if person.stored is None]
    known = [person for person in people if person.stored is not None]
    if new:
        _write_new(session, vault, new, now)
    if known:
        _write_known(session, vault, known, now)


def move_to(session: Session, homes: Mapping[int, int], now: datetime) -> None:
    """Note that these people (by number) have these addresses from now on, and no others."""
    if homes:
        session.execute(END_USES, {"people": list(homes), "now": now})
        given = {"people": list(homes), "addresses": list(homes.values()), "now": now}
        session.execute(BEGIN_USES, given)


def _write_new(session: Session, vault: Vault, people: Sequence[Placed], now: datetime) -> None:
    ids = session.execute(RESERVE, {"count": len(people)}).scalars().all()
    sealer, sealed = Sealer(vault, now), []
    for person, number in zip(people, ids, strict=True):
        person.person_id = number
        sealed.append(
            sealer.seal(
                _lay_over(NOTHING, person),
                person_id=PersonId(number),
                address_id=person.address_id,
                external_id=person.external_id,
                source=person.said[0].source,
            )
        )
    store_customers(session, vault, sealed)


def _write_known(session: Session, vault: Vault, people: Sequence[Placed], now: datetime) -> None:
    keys = vault.keys_of(session, [PersonId(person.person_id) for person in people])
    looked_at = (_change(person, keys[PersonId(person.person_id)]) for person in people)
    changes = [change for change in looked_at if change is not None]
    if changes:
        _update(session, vault, keys, changes)
        moved = (change.person for change in changes if change.person.moved_from is not None)
        move_to(session, {person.person_id: person.address_id for person in moved}, now)
        _rename(session, vault, changes)


def _change(person: Placed, key: PersonKey) -> Change | None:
    """Return the facts before and after, None where the set said nothing new."""
    row: Any = person.stored
    clear = {name: getattr(row, name) for name in CLEAR}
    old = Facts(open_facts(key, row), clear, row.attributes)
    new = _lay_over(old, person)
    if row.address_id != person.address_id:
        person.moved_from = row.address_id
    person.changed = old != new
    person.gained = len(new.attributes) > len(old.attributes)
    if not person.changed and row.external_id == person.external_id:
        return None
    return Change(person, old, new)


def _lay_over(known: Facts, person: Placed) -> Facts:
    """Lay what was said, one profile after the other, over what was known."""
    texts, clear, attributes = dict(known.texts), dict(known.clear), known.attributes
    for said in person.said:
        texts |= said.texts
        texts["email"] = said.address.display
        clear |= said.clear
        attributes = with_attributes(attributes, said.attributes or {})
    return Facts(texts, clear, attributes)


def _update(
    session: Session, vault: Vault, keys: Mapping[PersonId, PersonKey], changes: Sequence[Change]
) -> None:
    rows = [
        _row(vault, keys, change.person, change.new, _next_version(change.person))
        for change in changes
    ]
    columns = zip(*rows, strict=True)
    session.execute(UPDATE, dict(zip(WRITTEN, map(list, columns), strict=True)))


def _next_version(person: Placed) -> int:
    before: Any = person.stored
    return int(before.version) + person.changed


def _rename(session: Session, vault: Vault, changes: Sequence[Change]) -> None:
    newest = vault.index_names[0]
    names = {
        change.person.person_id: change.new.texts["name"]
        for change in changes
        if change.needs_name_words(newest)
    }
    if names:
        forget_name_words(session, list(names))
        write_name_words(session, vault, names.items())


def _row(
    vault: Vault,
    keys: Mapping[PersonId, PersonKey],
    person: Placed,
    facts: Facts,
    version: int,
) -> tuple[object, ...]:
    """Return the values of the WRITTEN columns."""
    key, number = keys[PersonId(person.person_id)], person.person_id
    return (
        number,
        person.external_id,
        person.address_id,
        version,
        vault.index_names[0],
        phone_blind(vault, facts.texts["phone"]),
        json.dumps(dict(facts.attributes), ensure_ascii=False),
        *(facts.clear[name] for name in CLEAR),
        *(
            key.encrypt(known, place=sealed_place(column, number)) if known else None
            for column in SEALED
            for known in (facts.texts[column],)
        ),
    )


TYPES = {
    "id": "bigint[]",
    "external_id": "text[]",
    "address_id": "bigint[]",
    "version": "integer[]",
    "index_key": "text[]",
    "phone_blind": "bytea[]",
    "attributes": "jsonb[]",
    **dict.fromkeys(CLEAR, "text[]"),
    **dict.fromkeys(SEALED, "bytea[]"),
}
WRITTEN = tuple(TYPES)
RESERVE = text(
    "SELECT nextval(of.people) FROM (SELECT CAST(pg_get_serial_sequence('people_customer', 'id')"
    " AS regclass) AS people OFFSET 0) of, generate_series(1, :count)"
)
UPDATE = text(
    f"UPDATE people_customer c SET {', '.join(f'{name} = new.{name}' for name in WRITTEN[1:])}"
    f" FROM unnest({', '.join(f'CAST(:{name} AS {kind})' for name, kind in TYPES.items())})"
    f" AS new({', '.join(WRITTEN)}) WHERE c.id = new.id"
)
END_USES = text(
    "UPDATE people_address_use SET until = :now"
    " WHERE person_id = ANY(CAST(:people AS bigint[])) AND until IS NULL"
)
BEGIN_USES = text(
    "INSERT INTO people_address_use (person_id, address_id, since)"
    " SELECT person, address, :now"
    " FROM unnest(CAST(:people AS bigint[]), CAST(:addresses AS bigint[])) AS new(person, address)"
    " ON CONFLICT (person_id, address_id) DO UPDATE SET since = :now, until = NULL"
)
