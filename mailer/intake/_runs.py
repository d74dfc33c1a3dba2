"""How far an import has come: one row, moved on in the commit of each set."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.expression import bindparam
from sqlmodel import Session

from mailer import ledger
from mailer.database import rows_changed

ACTOR = "import"


class ImportTaken(Exception):
    """Another process is importing the same file at this moment."""


class SetsLost(Exception):
    """The server crashed and came back without the last sets: they must be taken again."""


@dataclass(frozen=True, slots=True)
class Run:
    """An import's position and books so far."""

    id: int = 0
    """0 for a dry run, of which nothing is kept."""
    rows_done: int = 0
    rejects_bytes: int = 0
    granted_to: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def position(self) -> tuple[int, int]:
        """What tells whether a step was committed."""
        return self.rows_done, self.granted_to

    def after(
        self,
        *,
        rows: int = 0,
        rejects_bytes: int | None = None,
        granted_to: int | None = None,
        counts: Mapping[str, int],
        reasons: Mapping[str, int] | None = None,
    ) -> "Run":
        """Return the run with one more step done."""
        return replace(
            self,
            rows_done=self.rows_done + rows,
            rejects_bytes=self.rejects_bytes if rejects_bytes is None else rejects_bytes,
            granted_to=self.granted_to if granted_to is None else granted_to,
            counts=dict(Counter(self.counts) + Counter(counts)),
            reasons=dict(Counter(self.reasons) + Counter(reasons or {})),
        )


def begin_run(session: Session, fingerprint: str, *, now: datetime) -> Run:
    """Return the unfinished run of this fingerprint, or a new one."""
    session.execute(BEGIN, {"fingerprint": fingerprint, "now": now})
    return _run(session.execute(OPEN_RUN, {"fingerprint": fingerprint}).one())


def run_of(session: Session, run_id: int) -> Run:
    """Return a run as it is stored."""
    return _run(session.execute(RUN, {"id": run_id}).one())


def advance(session: Session, before: Run, after: Run) -> None:
    """Store a step, together with what it did.

    Raises ImportTaken where another stored one, SetsLost where the step before it is gone.
    """
    if not before.id:
        return
    given = {
        "id": before.id,
        "rows_before": before.rows_done,
        "granted_before": before.granted_to,
        "rows_done": after.rows_done,
        "rejects_bytes": after.rejects_bytes,
        "granted_to": after.granted_to,
        "counts": dict(after.counts),
        "reasons": dict(after.reasons),
    }
    if rows_changed(session, ADVANCE, given) != 1:
        refuse_lost(before, run_of(session, before.id))
        raise ImportTaken


def refuse_lost(before: Run, stored: Run) -> None:
    """Go on from no step that the database does not have any more. Raises SetsLost."""
    if stored.position < before.position:
        raise SetsLost


def finish_run(session: Session, run: Run, *, now: datetime) -> None:
    """Close the run and enter it in the ledger; what proves a permission is kept (C24)."""
    session.execute(FORGET, {"id": run.id})
    session.execute(FINISH, {"id": run.id, "now": now})
    detail = {"import": run.id, "rows": run.rows_done, **run.counts}
    ledger.record(session, "customers.imported", at=now, actor=ACTOR, detail=detail)


def _run(row: Any) -> Run:
    return Run(*row)


COLUMNS = "id, rows_done, rejects_bytes, granted_to, counts, reasons"
BEGIN = text(
    "INSERT INTO intake_run (fingerprint, started_at, rows_done, rejects_bytes, granted_to,"
    " counts, reasons) VALUES (:fingerprint, :now, 0, 0, 0, '{}', '{}') ON CONFLICT DO NOTHING"
)
OPEN_RUN = text(
    f"SELECT {COLUMNS} FROM intake_run WHERE fingerprint = :fingerprint AND finished_at IS NULL"
)
RUN = text(f"SELECT {COLUMNS} FROM intake_run WHERE id = :id")
ADVANCE = text(
    "UPDATE intake_run SET rows_done = :rows_done, rejects_bytes = :rejects_bytes,"
    " granted_to = :granted_to, counts = :counts, reasons = :reasons"
    " WHERE id = :id AND rows_done = :rows_before AND granted_to = :granted_before"
    " AND finished_at IS NULL"
).bindparams(bindparam("counts", type_=JSONB), bindparam("reasons", type_=JSONB))
FINISH = text("UPDATE intake_run SET finished_at = :now WHERE id = :id")
FORGET = text("DELETE FROM intake_arrival WHERE run_id = :id AND proof = ''")
