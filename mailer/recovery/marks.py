"""How far each file of a journal is known to a database, and the number of the journal."""

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session, select

from mailer.journal import Mark
from mailer.recovery._tables import MarkRow

NUMBER_FILE = "journal.id"
"""Lies beside the journal's files: two machines may begin files of the same name."""


def journal_number(folder: Path) -> str | None:
    """Return by what number a journal is known, giving it one; None where nothing was written yet.

    Raises OSError where it has none and cannot be given one.
    """
    if not folder.is_dir():
        return None
    path = folder / NUMBER_FILE
    if not path.exists():
        _give_number(path)
    return path.read_text().strip()


def _give_number(path: Path) -> None:
    """Write a number whole before it is there to be read; of two writers the first one's holds."""
    draft = path.with_name(f"{NUMBER_FILE}.{os.getpid()}")
    try:
        with draft.open("w") as file:
            file.write(secrets.token_hex(8))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def marks_of(session: Session, journal: str) -> dict[str, Mark]:
    """Return how far the files of a journal are known, by their names."""
    rows = session.exec(select(MarkRow).where(MarkRow.journal == journal))
    return {row.file: Mark(row.file, row.line, row.bytes, row.before) for row in rows}


def journals_known(session: Session) -> set[str]:
    """Return the numbers of the journals that this database knows anything of."""
    return set(session.exec(select(MarkRow.journal).distinct()))


def keep_marks(session: Session, journal: str, marks: Iterable[Mark], *, now: datetime) -> None:
    """Know files up to these marks from the commit on; what is known further stays so."""
    rows = [
        {
            "journal": journal,
            "file": each.file,
            "line": each.line,
            "bytes": each.end,
            "before": each.before,
            "at": now,
        }
        for each in sorted(marks, key=lambda mark: mark.file)
    ]
    if rows:
        session.execute(_KEEP, rows)


_KEEP = text(
    """
    INSERT INTO recovery_mark AS m (journal, file, line, bytes, before, at)
    VALUES (:journal, :file, :line, :bytes, :before, :at)
    ON CONFLICT (journal, file) DO UPDATE
    SET line = excluded.line, bytes = excluded.bytes, before = excluded.before, at = excluded.at
    WHERE m.bytes < excluded.bytes
    """
)
