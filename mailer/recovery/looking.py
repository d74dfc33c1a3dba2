"""One look: the lines behind the marks are read and compared, and the marks follow."""

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlmodel import Session

from mailer import delivery
from mailer.database import Database
from mailer.delivery import Halt
from mailer.journal import JournalBroken, JournalLine, Mark, TornLine, files_of, read_on
from mailer.recovery.lacking import Lacking, lacking
from mailer.recovery.marks import journal_number, keep_marks, marks_of
from mailer.recovery.numbers import Highest, number_beyond
from mailer.recovery.telling import Handed, LineUnread, Spoken, read_line

SET = 2_000
"""Lines that are compared at once."""
NUMBERLESS = "unread"
"""Under what a halt stands whose journal's number cannot be read; any journal's replay lifts it,
and the next look puts it back where nothing was put right."""
OUR_OWN_NEED = frozenset(
    getattr(errno, name)
    for name in ("EINTR", "EMFILE", "ENFILE", "ENOENT", "ENOMEM", "ENOSPC", "EDQUOT", "EROFS")
)
"""Errors of a process, or of a file that goes while it is looked at: the next look may have none."""


class JournalUnread(Exception):
    """A file of the journal, or its folder, cannot be read."""


def unread(error: OSError) -> JournalUnread:
    """Return what to tell of a journal. Raises the error where it says nothing of the journal."""
    if error.errno in OUR_OWN_NEED:
        raise error
    name = Path(str(error.filename)).name if error.filename else "a file"
    return JournalUnread(f"{name}: {error.strerror or type(error).__name__}")


@dataclass(slots=True)
class Reading:
    """The lines of a journal behind its marks; knows how far it has come."""

    folder: Path
    marks: dict[str, Mark] = field(default_factory=dict)
    lines: int = 0
    torn: list[TornLine] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    highest: Highest = field(default_factory=Highest)

    def told(self) -> Iterator[Spoken | Handed]:
        """Yield what the lines say, file by file.

        Raises JournalBroken, LineUnread, JournalUnread, and OSError where the process lacks means.
        """
        try:
            for path in files_of(self.folder):
                yield from self.told_by(path)
        except OSError as error:  # of files alone: whoever asks the database does so between sets
            raise unread(error) from error

    def told_by(self, path: Path) -> Iterator[Spoken | Handed]:
        """Yield what the lines of one file say. Raises JournalBroken, LineUnread and OSError."""
        mark = self.marks.get(path.name, Mark(path.name))
        if path.stat().st_size <= mark.end:  # most files ended long ago
            return
        for line, after in read_on(path, mark):
            if isinstance(line, TornLine):
                self.torn.append(line)
            elif line is not None:
                told = read_line(line)
                self._count(line)
                if told is not None:
                    self.highest.see(told)
                    yield told
            self.marks[path.name] = after

    def _count(self, line: JournalLine) -> None:
        self.lines += 1
        self.first = min(line.at, self.first or line.at)
        self.last = max(line.at, self.last or line.at)


def in_sets(told: Iterator[Spoken | Handed]) -> Iterator[list[Spoken | Handed]]:
    """Yield what was told in sets, so that memory does not grow with the journal."""
    while some := list(islice(told, SET)):
        yield some


def compare(database: Database, reading: Reading) -> Lacking:
    """Return what the database lacks of all that a reading tells. Raises as `told` does.

    Each set is compared in a sight of its own, after it was read: whatever a line is about was
    committed before.
    """
    found = Lacking()
    for some in in_sets(reading.told()):
        with database.reading() as session:
            found.add(lacking(session, some))
    return found


def look_again(database: Database, folder: Path, *, now: datetime) -> Halt | None:
    """Compare what came since the last look; keep the marks, or refuse promotional mail.

    Returns why it is refused on account of this journal, which stays so until it is replayed: what
    came since may hide by now what the database lacks. A database that is restored while it is looked
    at is looked at anew. Raises DatabaseAway, CommitInDoubt, and OSError where the process lacks the
    means to read.
    """
    journal = _numbered(folder, now)
    if journal is None:
        return None
    if isinstance(journal, Halt):
        with database.transaction() as session:
            delivery.halt(session, journal)
        return journal
    with database.transaction() as session:
        standing, marks = _known(session, journal)
        if standing is not None:
            return standing
        witness = delivery.clear(session, before=None)
    found, reading = _look(database, folder, journal, marks, now)
    with database.transaction() as session:
        if found is not None:
            delivery.halt(session, found)
            number_beyond(session, reading.highest)  # order updates go on, and make new mailings
        else:
            moved = [each for each in reading.marks.values() if each != marks.get(each.file)]
            keep_marks(session, journal, moved, now=now)
        # Marks alone would not tell: a backup of just now holds the same ones.
        if delivery.withdraw(session, witness):
            return found
        session.rollback()
    return look_again(database, folder, now=now)


def what_refuses(database: Database, folder: Path, *, now: datetime) -> Halt | None:
    """Say why promotional mail is refused, or would be by the next look; changes nothing.

    Raises as `look_again` does.
    """
    with database.reading() as session:
        standing = delivery.halts(session)
    if standing:
        return standing[0]
    journal = _numbered(folder, now)
    if journal is None or isinstance(journal, Halt):
        return journal
    with database.reading() as session:
        _, marks = _known(session, journal)
    return _look(database, folder, journal, marks, now)[0]


def _numbered(folder: Path, now: datetime) -> str | Halt | None:
    """Return the journal's number; None of no journal, a halt where it cannot be read."""
    try:
        return journal_number(folder)
    except OSError as error:
        return Halt(NUMBERLESS, unread_words(unread(error)), now)


def _look(
    database: Database, folder: Path, journal: str, marks: Mapping[str, Mark], now: datetime
) -> tuple[Halt | None, Reading]:
    reading = Reading(folder, dict(marks))
    try:
        found = compare(database, reading)
    except (JournalBroken, LineUnread) as error:
        return Halt(journal, broken_words(error), now), reading
    except JournalUnread as error:
        return Halt(journal, unread_words(error), now), reading
    return (_halt_of(journal, found, now) if found else None), reading


def _known(session: Session, journal: str) -> tuple[Halt | None, dict[str, Mark]]:
    """In the order in which a restore locks the tables, so that neither waits for the other."""
    marks = marks_of(session, journal)
    return standing_halt(session, journal), marks


def standing_halt(session: Session, journal: str) -> Halt | None:
    """Return why promotional mail is refused on account of this journal."""
    halts = delivery.halts(session)
    return next((each for each in halts if each.journal in (journal, NUMBERLESS)), None)


def broken_words(error: JournalBroken | LineUnread) -> str:
    """Say that a journal cannot be read, where, and what decides about it."""
    return (
        f"the journal cannot be read ({error}); look at it with: fpmail journal verify, and decide"
        " with: fpmail journal replay --up-to-the-break"
    )


def unread_words(error: JournalUnread) -> str:
    """Say that a journal cannot be read at all, and what to do about it."""
    return f"the journal cannot be read ({error}); put it right, then run: fpmail journal replay"


def _halt_of(journal: str, found: Lacking, now: datetime) -> Halt:
    why = (
        "the database is older than the journal, by the nos and yeses of"
        f" {len(found.persons | found.addresses):,} and the batches of {len(found.mailings):,}"
        " mailings; run: fpmail journal replay"
    )
    return Halt(journal, why, now, len(found.persons | found.addresses), len(found.mailings))
