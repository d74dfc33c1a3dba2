"""`fpmail journal verify`: every line of every file, and what the database lacks of them."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mailer.database import Database
from mailer.journal import JournalBroken, Mark, files_of
from mailer.recovery.breaks import Break, told_around
from mailer.recovery.lacking import Lacking, lacking
from mailer.recovery.looking import NUMBERLESS, Reading, in_sets, standing_halt
from mailer.recovery.marks import journal_number, journals_known, marks_of
from mailer.recovery.telling import Handed, LineUnread, Spoken


@dataclass(slots=True)
class Verified:
    """A journal as it lies there, and how the database stands to it."""

    files: int = 0
    lines: int = 0
    first: datetime | None = None
    last: datetime | None = None
    torn: list[str] = field(default_factory=list)
    """Files whose last line is unfinished: its wish was never acknowledged."""
    broken: list[Break] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    """Files that hold less than the database knows of them, or are not here at all."""
    lacking: Lacking = field(default_factory=Lacking)
    refused: str | None = None
    """Why promotional mail is refused on account of this journal, where it is."""
    other_journals: int = 0
    """Journals that the database knows and that are not this one: of other machines, or lost."""

    @property
    def is_behind(self) -> bool:
        """Say whether the database lacks anything that this journal holds."""
        return bool(self.lacking)

    @property
    def is_sound(self) -> bool:
        """Say whether every line follows the one before it."""
        return not self.broken


def verify(database: Database, folder: Path) -> Verified:
    """Read the whole journal, compare what lies behind the database's marks, and change nothing.

    Raises DatabaseAway.
    """
    found = Verified()
    journal = journal_number(folder)
    with database.reading() as session:
        marks = marks_of(session, journal) if journal else {}
        found.other_journals = len(journals_known(session) - {journal})
        refusing = standing_halt(session, journal or NUMBERLESS)
        found.refused = refusing.why if refusing else None
    found.cut = cut_files(folder, marks)
    for path in files_of(folder):
        _read_whole(found, path)
    _compare(database, folder, marks, found)
    return found


def is_whole(database: Database, folder: Path) -> bool:
    """Say whether all that the database knows of this journal lies here still.

    A folder without a number is a new one: where the database knows another journal, that is not
    here. Raises DatabaseAway.
    """
    journal = journal_number(folder)
    with database.reading() as session:
        marks = marks_of(session, journal) if journal else {}
        others = journals_known(session) - {journal}
    return not cut_files(folder, marks) and bool(marks or not others)


def cut_files(folder: Path, marks: dict[str, Mark]) -> list[str]:
    """Return which files hold less than the database knows of them."""
    sizes = {path.name: path.stat().st_size for path in files_of(folder)}
    return sorted(name for name, mark in marks.items() if sizes.get(name, 0) < mark.end)


def _read_whole(found: Verified, path: Path) -> None:
    reading = Reading(path.parent)
    try:
        for _ in reading.told_by(path):
            pass
    except (JournalBroken, LineUnread):
        found.broken.append(told_around(path, None)[1])
    found.files += 1
    found.lines += reading.lines
    found.torn += [each.file for each in reading.torn]
    if reading.first and reading.last:
        found.first = min(reading.first, found.first or reading.first)
        found.last = max(reading.last, found.last or reading.last)


def _compare(database: Database, folder: Path, marks: dict[str, Mark], found: Verified) -> None:
    reading = Reading(folder, dict(marks))
    for path in files_of(folder):
        told: list[Spoken | Handed] = []
        try:
            for some in in_sets(reading.told_by(path)):
                told = some
                _add(database, found, told)
        except (JournalBroken, LineUnread):
            _add(database, found, told_around(path, marks.get(path.name))[0])


def _add(database: Database, found: Verified, told: list[Spoken | Handed]) -> None:
    with database.reading() as session:
        found.lacking.add(lacking(session, told))
