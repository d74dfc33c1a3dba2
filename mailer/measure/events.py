"""Clicks and opens, written in sets, each once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from struct import Struct
from typing import Any
from uuid import UUID

from sqlalchemy import Select, literal_column

from mailer import packed
from mailer.database import Database
from mailer.measure.machines import Kind
from mailer.vocabulary import MailingId, PersonId

TYPES = ("uuid[]", "bigint[]", "bigint[]", "smallint[]", "text[]", "timestamptz[]")
RECORD = """
    WITH event AS (
        SELECT e.* FROM unnest($1, $2, $3, $4, $5, $6)
            AS e (id, mailing_id, person_id, n, kind, at)
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
"""Written in one statement that is a transaction of its own: what many wait for."""
Taken = tuple[MailingId, PersonId, int | None, Kind, datetime]
"""What was asked for and when, before it is given an id."""


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

    @property
    def taken(self) -> Taken:
        """What it was before it had an id."""
        return self.mailing_id, self.person_id, self.n, self.kind, self.at


def named(taken: Sequence[Taken], random: bytes) -> list[Event]:
    """Give each its id for ever: `ids_of` the same random bytes, so the same as when it is packed."""
    ids = ids_of([each[4] for each in taken], random)
    return [Event(UUID(bytes=id), *each) for id, each in zip(ids, taken, strict=True)]


def ids_of(moments: Iterable[datetime], random: bytes) -> list[bytes]:
    """Make ids that sort by time, of one set: versions 7 of a UUID from ten random bytes.

    The set's random number is counted on (RFC 9562 6.2), so that it is asked for once.
    """
    drawn = int.from_bytes(random)
    version, counted = 0x7000 | drawn >> 64 & 0x0FFF, 0x8 << 60 | drawn & _COUNTED_FROM
    times = (int(at.timestamp() * 1000) << 16 | version for at in moments)
    return list(map(_ID.pack, times, range(counted, counted + _MOST_OF_A_SET)))


_ID = Struct(">QQ")
_COUNTED_FROM = 2**61 - 1
"""Below half of what the last field holds: no set counts beyond its end."""
_MOST_OF_A_SET = 2**60


def statement(database: Database, measurable: Select[*tuple[Any, ...]]) -> str:
    """Return what records a set of events, each once however often it comes, given as TYPES.

    `measurable` selects person_id of everybody who may be measured; of others nothing is written.
    """
    # Fenced by OFFSET 0 into a look-up by the index for each event (mailer.database.looked_up).
    asked = measurable.where(
        measurable.selected_columns.person_id == literal_column("e.person_id")
    ).offset(0)
    rendered = asked.compile(database.engine, compile_kwargs={"literal_binds": True})
    return RECORD.replace("{measurable}", str(rendered).replace("%%", "%"))


def columns_of(ids: Sequence[bytes], taken: Sequence[Taken]) -> list[bytes]:
    """Pack a set by columns as PostgreSQL's binary arrays: neither side spells anything out."""
    mailings, persons, numbers, kinds, moments = zip(*taken, strict=True)
    return [
        _array(_UUID, map(packed.binary, ids), len(ids)),
        _array(_BIGINT, map(packed.bigint, mailings), len(ids)),
        _array(_BIGINT, map(packed.bigint, persons), len(ids)),
        _array(_SMALLINT, map(_number, numbers), len(ids)),
        _array(_TEXT, map(_KINDS.__getitem__, kinds), len(ids)),
        _array(_TIMESTAMPTZ, map(packed.moment, moments), len(ids)),
    ]


_UUID, _BIGINT, _SMALLINT, _TEXT, _TIMESTAMPTZ = 2950, 20, 21, 25, 1184
"""What PostgreSQL calls its types on the wire."""
_HEAD = Struct(">iiIii")
_KINDS = {kind: packed.words(kind.value) for kind in Kind}
_NUMBERS = tuple(Struct(">ih").pack(2, n) for n in range(100))


def _number(n: int | None) -> bytes:
    if n is None:
        return packed.NULL
    return _NUMBERS[n] if n < len(_NUMBERS) else Struct(">ih").pack(2, n)


def _array(type_: int, values: Iterable[bytes], count: int) -> bytes:
    return _HEAD.pack(1, 1, type_, count, 1) + b"".join(values)
