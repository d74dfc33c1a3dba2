"""The import of a customers' file: sets of rows, each a transaction of its own, resumable."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

from sqlmodel import Session

from mailer import people
from mailer.database import CommitInDoubt, Database, DatabaseAway, may_be_lost
from mailer.failpoints import Failpoint, reached
from mailer.intake._drafts import Draft, Drafting, Stretch
from mailer.intake._helpers import helpers_for, helping
from mailer.intake._runs import (
    Run,
    SetsLost,
    advance,
    begin_run,
    finish_run,
    refuse_lost,
    run_of,
)
from mailer.intake._sets import grant_next, reasons_of, take_draft, take_rows
from mailer.intake.records import FileUnreadable, Measured, Piece, measure, open_pieces
from mailer.intake.rejects import RejectsFile
from mailer.intake.rows import read_header
from mailer.people import Reserved
from mailer.vault import Vault

SET_SIZE = 5000
PATIENCE = (0.2, 1.0, 3.0, 10.0)
"""Seconds to wait before a set is tried again while the database is away."""

Progress = Callable[[int, int], None]
"""Called after each set with the rows done and the rows in all (as lines tell)."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be read."""

    source: str = ""
    """Stands where a row names none."""
    proof: str = ""
    """Stands where a row names none: where the permission of an offline source can be found."""
    ignore: frozenset[str] = frozenset()
    """Columns to leave out, in small letters."""
    rejects: Path | None = None
    """Where refused rows are listed; by default beside the file, as `<name>.rejects.csv`."""
    dry_run: bool = False
    """Do everything but commit."""
    set_size: int = SET_SIZE
    helpers: int | None = None
    """Processes that read and seal beside the one that writes; None: as the file is large."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file's rows: created + changed + unchanged + duplicates + rejected."""

    rows: int
    created: int
    changed: int
    unchanged: int
    duplicates: int
    """Rows about a customer of whom an earlier row of the same file spoke."""
    rejected: int
    topics_on: int
    """Topics that were switched on: yeses of people who had never answered."""
    reasons: dict[str, int] = field(default_factory=dict)
    """How often each field was refused for each reason."""
    rejects: Path | None = None
    """The rejects file, where there is one."""
    resumed_after: int = 0
    """Rows that an interrupted import of the same file had done before."""
    dry_run: bool = False


def import_customers(
    database: Database,
    vault: Vault,
    file: Path,
    *,
    options: ImportOptions,
    now: datetime,
    progress: Progress | None = None,
) -> ImportReport:
    """Import `file` (docs/import.md) and report what became of each row.

    A long run: every set of rows is a transaction of its own, begun here. A refused row never
    stops it. Interrupted, it goes on where its last commit ended when the same file is imported
    with the same options again. Yeses are handed on last, so that of two rows about one customer
    the more restrictive holds; they never weaken an opt-out (C08). Memory does not grow with the
    file. In a dry run a customer with rows in two sets counts as created twice.

    Raises FileUnreadable before anything is written, ImportTaken where another process imports
    the same file, DatabaseAway where the database stays away, CommitInDoubt, HelperGone where a
    process that helped was killed, OSError for the rejects file.
    """
    measured, path = measure(file), _rejects_path(file, options)
    from_there = partial(_import, database, vault, file, path, measured, options, now, progress)
    while True:
        with suppress(SetsLost):
            return from_there()


def _import(
    database: Database,
    vault: Vault,
    file: Path,
    path: Path,
    measured: Measured,
    options: ImportOptions,
    now: datetime,
    progress: Progress | None,
) -> ImportReport:
    """Import from where the database is. Raises SetsLost where it fell back behind that."""
    with open_pieces(file) as (cells, form, pieces):
        header = read_header(
            cells, source=options.source, proof=options.proof, ignore=options.ignore
        )
        work = _Import(database, Drafting(vault, form, header, now), options)
        work.begin(measured)
        rejects, before = RejectsFile(path, keep=work.run.rejects_bytes), work.run.rows_done
        count = helpers_for(measured.rows, options.set_size)
        count = count if options.helpers is None else options.helpers
        with helping(work.drafting.draft, count) as helpers:
            stretches = work.stretches(islice(pieces, before, None))
            for stretch, draft in helpers.answers(stretches):
                work.take(stretch.pieces, draft, rejects)
                if progress is not None:
                    progress(work.run.rows_done, max(measured.rows, work.run.rows_done))
        work.grant()
    return _report(work.run, rejects, before, options)


class _Import:
    """One file on its way in, set by set."""

    def __init__(self, database: Database, drafting: Drafting, options: ImportOptions) -> None:
        self._database, self.drafting, self._options = database, drafting, options
        self._vault, self._now = drafting.vault, drafting.now
        self._most_are_new = True
        self.run = Run()

    def begin(self, measured: Measured) -> None:
        """Find the run of this file that was interrupted, or begin one."""
        if not self._options.dry_run:
            with self._database.transaction() as session:
                fingerprint = _fingerprint(measured, self._options)
                self.run = begin_run(session, fingerprint, now=self._now)

    def stretches(self, pieces: Iterable[Piece]) -> Iterator[Stretch]:
        """Cut the file into sets; whom they speak of is made ready ahead while most are new."""
        left = iter(pieces)
        while chunk := list(islice(left, self._options.set_size)):
            yield Stretch(self.run.id, chunk, self._reserve(len(chunk)))

    def _reserve(self, count: int) -> Reserved:
        """Take numbers; while the database is away none, so that the set goes in row by row."""
        try:
            with self._database.transaction() as session:
                return people.reserve(session, count if self._most_are_new else 0)
        except (DatabaseAway, CommitInDoubt):
            return Reserved((), ())

    def take(self, pieces: Sequence[Piece], draft: Draft, rejects: RejectsFile) -> None:
        """Take one set; what it refuses is on disk before its commit."""
        reached(Failpoint.SET_READ)
        rejects.write(draft.rejected)

        def step(session: Session, run: Run) -> Run:
            counts = self._take(session, run, pieces, draft)
            after = run.after(
                rows=len(pieces),
                rejects_bytes=rejects.length,
                counts=counts,
                reasons=reasons_of(draft.rejected),
            )
            return self._rehearse(session, after) if self._options.dry_run else after

        self._do(step)

    def _take(
        self, session: Session, run: Run, pieces: Sequence[Piece], draft: Draft
    ) -> Counter[str]:
        """Take who is new as they were made ready, and everybody else row by row."""
        left = take_draft(session, self._vault, draft)
        rows = [self.drafting.read(pieces[place]) for place in left]
        counts = take_rows(session, self._vault, rows, run_id=run.id, now=self._now)
        counts["created"] += len(draft.places) - len(left)
        counts["rejected"] += len(draft.rejected)
        self._most_are_new = 2 * counts["created"] >= len(draft.places)
        return counts

    def grant(self) -> None:
        """Hand on all yeses, then close the run."""
        if self._options.dry_run:
            return
        before = None
        while before != self.run.position:
            before = self.run.position
            self._do(self._grant_some)
        reached(Failpoint.IMPORT_ENDED)
        with self._database.transaction() as session:
            finish_run(session, self.run, now=self._now)

    def _rehearse(self, session: Session, run: Run) -> Run:
        """Hand on a set's yeses at once: a dry run keeps nothing until the end."""
        before = None
        while before != run.position:
            before = run.position
            run = self._grant_some(session, run)
        return run.after(granted_to=0, counts={})

    def _grant_some(self, session: Session, run: Run) -> Run:
        granted = grant_next(session, run, now=self._now)
        if granted is None:
            return run
        person_id, switched = granted
        return run.after(granted_to=person_id, counts={"topics_on": switched})

    def _do(self, step: Callable[[Session, Run], Run]) -> None:
        """Do a step in a transaction of its own, again where the database was away for a while."""
        for wait in (*PATIENCE, None):
            try:
                self.run = self._once(step)
                return
            except (DatabaseAway, CommitInDoubt):
                if wait is None:
                    raise
                time.sleep(wait)
                if self._was_stored():
                    return

    def _once(self, step: Callable[[Session, Run], Run]) -> Run:
        if self._options.dry_run:
            with self._database.reading() as session:
                return step(session, self.run)
        with self._database.transaction() as session:
            # A set that a crash takes back is taken again; closing the run is durable.
            may_be_lost(session)
            after = step(session, self.run)
            advance(session, self.run, after)
            reached(Failpoint.SET_WRITTEN)
        reached(Failpoint.SET_COMMITTED)
        return after

    def _was_stored(self) -> bool:
        """After a doubtful commit: look whether the step is there, and if so take it as done.

        Raises SetsLost where not even the one before it is.
        """
        try:
            with self._database.reading() as session:
                stored = run_of(session, self.run.id) if self.run.id else self.run
        except DatabaseAway:
            return False
        refuse_lost(self.run, stored)
        done = stored.position != self.run.position
        self.run = stored
        return done


def _fingerprint(measured: Measured, options: ImportOptions) -> str:
    said = [measured.digest, options.source, options.proof, sorted(options.ignore)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _rejects_path(file: Path, options: ImportOptions) -> Path:
    path = options.rejects or file.with_name(f"{file.name}.rejects.csv")
    if path.resolve() == file.resolve():
        raise FileUnreadable("cannot be its own rejects file")
    return path


def _report(
    run: Run, rejects: RejectsFile, resumed_after: int, options: ImportOptions
) -> ImportReport:
    kinds = ("created", "changed", "unchanged", "duplicates", "rejected", "topics_on")
    return ImportReport(
        rows=run.rows_done,
        **{kind: run.counts.get(kind, 0) for kind in kinds},
        reasons=dict(sorted(run.reasons.items(), key=lambda pair: -pair[1])),
        rejects=rejects.path if rejects.length else None,
        resumed_after=resumed_after,
        dry_run=options.dry_run,
    )
