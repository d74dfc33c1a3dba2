"""Rows as PostgreSQL's binary COPY takes them: made where there is no database, in any process. Pure.

A packed row is the number of its values, then each value with its length before it. It is smaller
than the text form, and neither side spells out bytes as hexadecimal digits.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from struct import Struct

BEGIN = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
END = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
_LENGTH = Struct(">i")
_BIGINT, _INTEGER = Struct(">iq"), Struct(">ii")
_COUNTS = tuple(Struct(">h").pack(columns) for columns in range(100))
_SHORT = tuple(_LENGTH.pack(length) for length in range(1024))
_POSTGRES_BEGAN = datetime(2000, 1, 1, tzinfo=UTC)


def row(*values: bytes) -> bytes:
    """Return one row of packed values, in the order of the columns."""
    return row_of(len(values), *values)


def row_of(columns: int, *pieces: bytes) -> bytes:
    """Return one row of so many columns; a piece may hold several values, one after the other."""
    return _COUNTS[columns] + b"".join(pieces)


def rows_of(rows: Iterable[bytes]) -> bytes:
    """Return all that a COPY of these packed rows sends."""
    return b"".join((BEGIN, *rows, END))


def binary(value: bytes | None) -> bytes:
    """Pack a bytea."""
    if value is None:
        return NULL
    size = len(value)
    return (_SHORT[size] if size < len(_SHORT) else _LENGTH.pack(size)) + value


def words(value: str | None) -> bytes:
    """Pack a text."""
    return NULL if value is None else binary(value.encode())


def bigint(value: int) -> bytes:
    """Pack a bigint."""
    return _BIGINT.pack(8, value)


def integer(value: int) -> bytes:
    """Pack an integer of four bytes."""
    return _INTEGER.pack(4, value)


def boolean(*, value: bool) -> bytes:
    """Pack a boolean."""
    return binary(b"\x01" if value else b"\x00")


def json(value: bytes) -> bytes:
    """Pack a jsonb, given as its text in UTF-8."""
    return binary(b"\x01" + value)


def array(numbers: Iterable[int]) -> str:
    """Return numbers as the text of an array, for a parameter that a statement casts.

    A driver takes some 1 µs to write a number of a list.
    """
    return f"{{{','.join(map(str, numbers))}}}"


def moment(value: datetime) -> bytes:
    """Pack a timestamp with time zone, which PostgreSQL counts in microseconds from 2000 on."""
    since = value - _POSTGRES_BEGAN
    return bigint((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)
