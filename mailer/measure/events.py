"""Clicks and opens, written in sets, each once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, literal_column

from mailer.database import Database
from mailer.measure.machines import Kind
from mailer.vocabulary import MailingId, PersonId

WRITE_AT_ONCE = """
    WITH event AS (
        SELECT e.* FROM unnest(
            %(id)s::uuid[], %(mailing)s::bigint[], %(person)s::bigint[],
            %(n)s::smallint[], %(kind)s::text[], %(at)s::timestamptz[]
        ) AS e (id, mailing_id, person_id, n, kind, at)
        CROSS JOIN LATERAL ({measurable}) AS may
    ), opened AS (
        INSERT INTO measure_open (id, mailing_id, person_id, kind, at)
        SELECT id, mailing_id, person_id, kind, at FROM event WHERE n IS NULL
        ON CONFLICT DO NOTHING
    )
    INSERT INTO measure_click (id, mailing_id, person_id, n, kind, at)
    SELECT id, mailing_id, person_id, n, kind, at FROM event WHERE n IS NOT NULL
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Event:
    """A click on link number `n` of a mail, or its open, where `n` is None.

    `id` is its own for ever, so that writing it twice records it once.
    """

    id: UUID
    mailing_id: MailingId
    person_id: PersonId
    n: int | None
    kind: Kind
    at: datetime


def event_id(at: datetime, random: bytes) -> UUID:
    """Make an id that sorts by time (the layout of a version 7 UUID) from ten random bytes."""
    moment = int(at.timestamp() * 1000).to_bytes(6, "big")
    version = bytes((0x70 | random[0] & 0x0F, random[1], 0x80 | random[2] & 0x3F))
    return UUID(bytes=moment + version + random[3:10])


class Writer:
    """Writes events in one statement that is a transaction of its own: what many wait for.

    `measurable` selects person_id of everybody who may be measured; of others nothing is written.
    """

    def __init__(self, database: Database, measurable: Select[*tuple[Any, ...]]) -> None:
        self._database = database
        # Fenced by OFFSET 0 into a look-up by the index for each event (mailer.database.looked_up).
        asked = measurable.where(
            measurable.selected_columns.person_id == literal_column("e.person_id")
        ).offset(0)
        rendered = asked.compile(database.engine, compile_kwargs={"literal_binds": True})
        self._sql = WRITE_AT_ONCE.replace("{measurable}", str(rendered))

    def write(self, events: Sequence[Event]) -> None:
        """Write what may be measured, each event once however often it comes; committed on return.

        Raises as `Database.write_at_once` does.
        """
        self._database.write_at_once(self._sql, _arrays(events))


def _arrays(events: Sequence[Event]) -> dict[str, str]:
    """Return each column as an array's text, which costs a third of the driver's own way."""
    return {
        "id": _array(each.id.hex for each in events),
        "mailing": _array(str(each.mailing_id) for each in events),
        "person": _array(str(each.person_id) for each in events),
        "n": _array("NULL" if each.n is None else str(each.n) for each in events),
        "kind": _array(each.kind.value for each in events),
        "at": _array(f'"{each.at.isoformat()}"' for each in events),
    }


def _array(values: Iterable[str]) -> str:
    return f"{{{','.join(values)}}}"
