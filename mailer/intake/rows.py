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
REST = ("email", "source", "proof", "birth_year", "topics")
"""What a row says beside the facts of a profile and the shop's own fields."""
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
    facts: Sequence[tuple[str, int]]
    """Those of the columns that are facts of a profile."""
    rest: Sequence[int | None]
    """Where those in REST are; None where there is no such column."""

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
    facts = [(name, place) for name, place in fields.items() if name in SAID]
    return Header(fields, own, source, proof, facts, [fields.get(name) for name in REST])


def read_row(record: Record | Broken, header: Header, *, now: datetime) -> Arrival | Rejected:
    """Return what a record says, or why it is refused (C01, C23, C24).

    A column that is missing says nothing; an empty cell says that there is nothing.
    """
    if isinstance(record, Broken):
        return Rejected(record.line, "", record.reason)
    cells = record.cells
    try:
        email, source, proof, birth_year, topics = _rest(cells, header)
        _check_origin(source, proof)
        profile = check_said(
            email,
            {name: cells[place] for name, place in header.facts},
            source=source,
            birth_year=_birth_year(birth_year),
            attributes=_attributes(cells, header),
            now=now,
        )
        return Arrival(record.line, profile, _topics(topics), source, proof)
    except TooYoung as refusal:
        # Nothing of a child is kept, not even the number of a row to look up (C23).
        return Rejected(record.line, refusal.field, refusal.reason)
    except (FieldInvalid, SourceRefused) as refusal:
        return Rejected(record.line, refusal.field, refusal.reason, _shown_id(cells, header))
    except AddressInvalid as refusal:
        return Rejected(record.line, "email", refusal.reason, _shown_id(cells, header))
    except CardNumberFound as refusal:
        reason = "holds what looks like a card number; card numbers are never accepted"
        shown = "" if refusal.field == "external_id" else _shown_id(cells, header)
        return Rejected(record.line, refusal.field, reason, shown)


def _rest(cells: Sequence[str], header: Header) -> tuple[str, str, str, str, str]:
    """Return what stands under REST; the header's source and proof where a row has none."""
    email, source, proof, birth_year, topics = [
        "" if place is None else cells[place].strip(" \t") for place in header.rest
    ]
    return email, source or header.source, proof or header.proof, birth_year, topics


@lru_cache(maxsize=1024)
def _check_origin(source: str, proof: str) -> None:
    """Refuse a source without its proof (C24), and a proof that holds a card number (C01)."""
    check_source(source, proof)
    if proof:
        refuse_card_numbers(proof=proof)


def _attributes(cells: Sequence[str], header: Header) -> dict[str, str] | None:
    if not header.attributes:
        return None
    return {name: cells[place] for name, place in header.attributes.items()}


def _shown_id(cells: Sequence[str], header: Header) -> str:
    """Return the shop's id as it may stand in a report: short, printable."""
    place = header.places.get("external_id")
    text = "" if place is None else cells[place].strip(" \t")
    kept = "".join(sign for sign in text if sign.isprintable())
    return kept.encode("utf-8", "replace").decode()[:LONGEST_SHOWN]


@lru_cache(maxsize=256)
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
