"""What a row of a customers' file means: a profile with its yeses, or why it is refused. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from mailer.intake.records import Broken, FileUnreadable, Record
from mailer.intake.sources import SourceRefused, check_source
from mailer.people import (
    SAID,
    AddressInvalid,
    CardNumberFound,
    CheckedProfile,
    FieldInvalid,
    TooYoung,
    check_said,
    refuse_card_numbers,
)
from mailer.vocabulary import Topic

COLUMNS = frozenset({"email", *SAID, "birth_year", "source", "topics", "proof"})
FACTS = frozenset(SAID)
ATTRIBUTE = "attribute."
LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Arrival:
    """A row that was accepted."""

    line: int
    profile: CheckedProfile
    topics: frozenset[Topic]
    source: str
    proof: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was refused: which field, and why; none of its personal data."""

    line: int
    field: str
    reason: str
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """Which column holds what, and what stands for a source and proof that a row does not give."""

    places: Mapping[str, int]
    attributes: Mapping[str, int]
    source: str
    proof: str

    @property
    def has_topics(self) -> bool:
        """Whether rows can say yes to topics."""
        return "topics" in self.places


def read_header(
    cells: Sequence[str], *, source: str = "", proof: str = "", ignore: frozenset[str] = frozenset()
) -> Header:
    """Return the meaning of the columns; upper case and outer blanks do not matter.

    Raises FileUnreadable for a column that is unknown and not ignored (a misspelt one would
    lose data without a word), one that stands twice, and where email or every source is missing.
    """
    names = [cell.strip().casefold() for cell in cells]
    known = {name: place for place, name in enumerate(names) if name not in ignore}
    unknown = sorted(name for name in known if not _is_known(name))
    if "email" not in known:
        raise FileUnreadable(f"has no column email; it has {_listed(names)}")
    if unknown:
        raise FileUnreadable(
            f"has columns that mean nothing here: {_listed(unknown)}; rename them, keep them as"
            f" {ATTRIBUTE}<name>, or leave them out with --ignore"
        )
    if twice := sorted({name for name in known if names.count(name) > 1}):
        raise FileUnreadable(f"has a column twice: {_listed(twice)}")
    if "source" not in known and not source:
        raise FileUnreadable("has no column source, and no source was given with --source")
    fields = {name: place for name, place in known.items() if name in COLUMNS}
    own = {
        name.removeprefix(ATTRIBUTE): place
        for name, place in known.items()
        if name in known.keys() - COLUMNS
    }
    return Header(fields, own, source, proof)


def read_row(record: Record | Broken, header: Header, *, now: datetime) -> Arrival | Rejected:
    """Return what a record says, or why it is refused (C01, C23, C24).

    A column that is missing says nothing; an empty cell says that there is nothing.
    """
    if isinstance(record, Broken):
        return Rejected(record.line, "", record.reason)
    cells = _Cells(record, header)
    try:
        source, proof = cells.get("source") or header.source, cells.get("proof") or header.proof
        check_source(source, proof)
        if proof:
            refuse_card_numbers(proof=proof)
        profile = _profile(cells, header, source, now)
        return Arrival(record.line, profile, _topics(cells.get("topics")), source, proof)
    except TooYoung as refusal:
        # Nothing of a child is kept, not even the number of a row to look up (C23).
        return Rejected(record.line, refusal.field, refusal.reason)
    except (FieldInvalid, SourceRefused) as refusal:
        return Rejected(record.line, refusal.field, refusal.reason, cells.shown_id())
    except AddressInvalid as refusal:
        return Rejected(record.line, "email", refusal.reason, cells.shown_id())
    except CardNumberFound as refusal:
        reason = "holds what looks like a card number; card numbers are never accepted"
        shown = "" if refusal.field == "external_id" else cells.shown_id()
        return Rejected(record.line, refusal.field, reason, shown)


class _Cells:
    """The cells of one record by the names of their columns."""

    __slots__ = ("_cells", "_places")

    def __init__(self, record: Record, header: Header) -> None:
        self._cells, self._places = record.cells, header.places

    def get(self, name: str) -> str:
        place = self._places.get(name)
        return "" if place is None else self._cells[place].strip(" \t")

    def said(self) -> dict[str, str]:
        cells = self._cells
        return {name: cells[place] for name, place in self._places.items() if name in FACTS}

    def at(self, place: int) -> str:
        return self._cells[place]

    def shown_id(self) -> str:
        """Return the shop's id as it may stand in a report: short, printable."""
        kept = "".join(sign for sign in self.get("external_id") if sign.isprintable())
        return kept.encode("utf-8", "replace").decode()[:LONGEST_SHOWN]


def _profile(cells: _Cells, header: Header, source: str, now: datetime) -> CheckedProfile:
    own = {name: cells.at(place) for name, place in header.attributes.items()}
    return check_said(
        cells.get("email"),
        cells.said(),
        source=source,
        birth_year=_birth_year(cells.get("birth_year")),
        attributes=own if header.attributes else None,
        now=now,
    )


def _birth_year(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        raise FieldInvalid("birth_year", "is not a year of four digits")
    return int(text)


@lru_cache(maxsize=1024)
def _topics(text: str) -> frozenset[Topic]:
    words = text.replace(";", " ").replace("|", " ").replace(",", " ").split()
    try:
        return frozenset(Topic(word.casefold()) for word in words)
    except ValueError:
        names = ", ".join(topic.value for topic in Topic)
        raise FieldInvalid("topics", f"are not all among {names}") from None


def _is_known(name: str) -> bool:
    own = name.removeprefix(ATTRIBUTE)
    return name in COLUMNS or (own != name and own.isascii() and own.isidentifier())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name if name.isprintable() and name else repr(name) for name in names[:20])
