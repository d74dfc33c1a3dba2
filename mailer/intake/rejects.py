"""The rejects file: which line was refused, in which field, and why. For the operator."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from mailer.intake.rows import Rejected

HEADER = ("line", "field", "reason", "external_id")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class RejectsFile:
    """Grows set by set and is on disk before the set's commit; made with its first row."""

    def __init__(self, path: Path, *, keep: int) -> None:
        """Go on at `path` after its first `keep` bytes; what a lost set wrote behind is dropped."""
        self.path = path
        self.length = min(keep, path.stat().st_size) if keep and path.exists() else 0
        if path.exists():
            os.truncate(path, self.length)

    def write(self, rows: Sequence[Rejected]) -> None:
        """Append `rows` and wait until the disk has them. Raises OSError."""
        if not rows:
            return
        text = io.StringIO()
        writer = csv.writer(text)
        if not self.length:
            writer.writerow(HEADER)
        for row in rows:
            writer.writerow((row.line, row.field, row.reason, _plain(row.external_id)))
        with self.path.open("ab") as file:
            file.write(text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())
            self.length = file.tell()


def _plain(text: str) -> str:
    """Keep a spreadsheet from taking an id for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
