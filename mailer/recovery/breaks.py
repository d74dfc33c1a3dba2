"""A file whose chain is broken: what stands before the break, and where reading goes on."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mailer.journal import JournalBroken, Mark
from mailer.recovery.looking import Reading
from mailer.recovery.telling import Handed, LineUnread, Spoken


@dataclass(frozen=True, slots=True)
class Break:
    """A place at which a file cannot be followed, and how many lines lie behind it."""

    file: str
    line: int
    lines_behind: int
    """The broken one included."""

    def told(self) -> dict[str, object]:
        """Return it for the ledger and for scripts."""
        return {"file": self.file, "line": self.line, "lines_behind": self.lines_behind}


def told_around(path: Path, mark: Mark | None) -> tuple[list[Spoken | Handed], Break, Mark]:
    """Return what a broken file tells before its break, the break, and a mark behind all of it.

    Lines that a living process writes to it after this are read again, chained to the last one.
    """
    reading = Reading(path.parent, {path.name: mark} if mark else {})
    told: list[Spoken | Handed] = []
    try:
        for each in reading.told_by(path):
            told.append(each)
    except (JournalBroken, LineUnread):
        pass
    reached = reading.marks.get(path.name, Mark(path.name))
    behind = _behind_all(path)
    lines_behind = behind.line - reached.line
    return told, Break(path.name, reached.line + 1, lines_behind), behind


def _behind_all(path: Path) -> Mark:
    """Return the mark behind the last whole line, whatever it says."""
    line = end = 0
    before = Mark(path.name).before
    with path.open("rb") as file:
        for content in file:
            if not content.endswith(b"\n"):
                break
            line, end = line + 1, end + len(content)
            before = hashlib.sha256(content).hexdigest()
    return Mark(path.name, line, end, before)
