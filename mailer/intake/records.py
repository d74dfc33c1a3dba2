"""A CSV file, read record by record in little memory; what is broken is told line by line.

A broken line costs itself only: reading goes on at the next one, whatever quotes it left open.
"""

import csv
import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LONGEST_LINE = 65_536
MOST_LINES = 12
"""Physical lines that one record may span, for streets of several lines."""
DELIMITERS = (",", ";", "\t")
BLOCK = 1 << 20
OPEN_QUOTE = "a quote is opened and not closed"


class FileUnreadable(Exception):
    """The whole file cannot be imported; the text says why and what would help."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record, with the line where it begins (the header is line 1)."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that is no record, and why."""

    line: int
    reason: str


Piece = tuple[int, str] | Broken
"""The text of one record, not taken apart yet, with the line where it begins."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the records of one file are written."""

    delimiter: str
    width: int

    def record(self, piece: Piece) -> Record | Broken:
        """Take one piece apart."""
        if isinstance(piece, Broken):
            return piece
        number, text = piece
        cells = _parse(text, self.delimiter)
        if isinstance(cells, str):
            return Broken(number, cells)
        if len(cells) != self.width:
            return Broken(number, f"has {len(cells)} columns instead of {self.width}")
        return Record(number, cells)


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a file before it is read."""

    digest: str
    rows: int
    """Lines after the header: as many records, or a few more."""


def measure(file: Path) -> Measured:
    """Return the file's SHA-256 and its number of rows, in constant memory.

    Raises FileUnreadable for what is not there, empty, or no text in UTF-8 at first sight.
    """
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    try:
        with file.open("rb") as stream:
            for block in iter(lambda: stream.read(BLOCK), b""):
                if last == b"\n":
                    _refuse_other_encodings(block)
                digest.update(block)
                lines += block.count(b"\n")
                last = block
    except OSError as error:
        raise FileUnreadable(f"cannot be read: {error.strerror}") from None
    unended = not last.endswith(b"\n")
    return Measured(digest.hexdigest(), max(lines + unended - 1, 0))


@contextmanager
def open_records(file: Path) -> Iterator[tuple[list[str], Iterator[Record | Broken]]]:
    """Yield the header's cells and the records after it, as `open_pieces` does."""
    with open_pieces(file) as (header, form, pieces):
        yield header, (form.record(piece) for piece in pieces)


@contextmanager
def open_pieces(file: Path) -> Iterator[tuple[list[str], Form, Iterator[Piece]]]:
    """Yield the header's cells, the form found in it, and the pieces after it.

    Bytes that are not UTF-8 arrive as lone surrogates, which no field accepts. Raises
    FileUnreadable.
    """
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        lines = _lines(stream)
        first = next(lines, None)
        if first is None or not first[1].strip():
            raise FileUnreadable("is empty: its first line must be a header")
        delimiter = max(DELIMITERS, key=first[1].count)
        header = _parse(first[1], delimiter)
        if isinstance(header, str):
            raise FileUnreadable(f"has a broken header: {header}")
        form = Form(delimiter, len(header))
        yield header, form, _pieces(lines, form)


def _refuse_other_encodings(start: bytes) -> None:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or start[:200].count(0) > 20:
        raise FileUnreadable("is in UTF-16 or UTF-32; save it as CSV in UTF-8")
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise FileUnreadable("is a spreadsheet; save it as CSV in UTF-8")


def _lines(stream: IO[str]) -> Iterator[tuple[int, str]]:
    """Number the lines; of one that is too long only the beginning is given."""
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        rest = line
        while len(rest) == LONGEST_LINE and not rest.endswith(("\n", "\r")):
            rest = stream.readline(LONGEST_LINE)
        yield number, line


def _pieces(lines: Iterator[tuple[int, str]], form: Form) -> Iterator[Piece]:
    ahead: deque[tuple[int, str]] = deque()
    while True:
        here = ahead.popleft() if ahead else next(lines, None)
        if here is None:
            return
        number, line = here
        if len(line) >= LONGEST_LINE:
            yield Broken(number, f"is longer than {LONGEST_LINE} characters")
        elif '"' in line and _parse(line, form.delimiter) == OPEN_QUOTE:
            yield number, _joined(line, ahead, lines, form)
        elif not line.isspace():
            yield here


def _joined(
    text: str, ahead: deque[tuple[int, str]], lines: Iterator[tuple[int, str]], form: Form
) -> str:
    """Add lines until the quote is closed. Where that makes no record, give them back."""
    first = text
    for taken in range(1, MOST_LINES):
        if len(ahead) < taken:
            more = next(lines, None)
            if more is None:
                break
            ahead.append(more)
        text += ahead[taken - 1][1]
        cells = _parse(text, form.delimiter)
        if isinstance(cells, list) and len(cells) == form.width:
            for _ in range(taken):
                ahead.popleft()
            return text
        if cells != OPEN_QUOTE:
            break
    return first


def _parse(text: str, delimiter: str) -> list[str] | str:
    """Return the cells of one record, or why there are none."""
    if '"' not in text:
        return text.rstrip("\r\n").split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return OPEN_QUOTE
        return "a quote stands in the wrong place"
