"""The record outside the database: who said no or yes, and which batches went into hand.

A database restored from a backup forgets what came later; these files do not. Each line carries
ids, versions and keyed hashes only, never an address, and is on the disk before `write` returns.
"""

import errno
import hashlib
import os
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from mailer.failpoints import Failpoint, reached

FORMAT = "fpmail-journal-2"
FORMATS = frozenset({"fpmail-journal-1", FORMAT})
"""What is read. The first one's lines name no marks of addresses, no door, no root of a batch."""
NOTHING_BEFORE = "0" * 64
KIND = re.compile(r"[a-z][a-z_]{0,31}")
PROCESS = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
RESERVED = frozenset({"before", "kind", "at"})
LONGEST_TEXT = 200


class JournalUnwritable(Exception):
    """The line is not safely on the disk: it is full, read-only or failing."""


class JournalBroken(Exception):
    """A line does not follow the one before it: the file was damaged or altered."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__(f"{file}, line {line}: does not follow the line before it")
        self.file = file
        self.line = line


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One thing that happened, as it stands on the disk."""

    file: str
    line: int
    kind: str
    at: datetime
    ids: dict[str, int | str]


@dataclass(frozen=True, slots=True)
class TornLine:
    """The unfinished last line of a file whose process died, or whose disk filled, in mid-write."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file is known: its whole lines, where they end, and what the next one follows."""

    file: str
    line: int = 0
    end: int = 0
    before: str = NOTHING_BEFORE


class Journal:
    """Appends lines to a file of this process's own, each chained to the line before by sha256.

    The file is begun at the first line and again after a fork or a failure, so that a torn line
    can only ever be a file's last. Threads share one fsync where they write at the same time.
    """

    def __init__(self, folder: Path, *, process: str) -> None:
        if not PROCESS.fullmatch(process):
            raise ValueError("a process is named by small letters, digits and hyphens")
        self.folder = folder
        self.process = process
        self._file: _File | None = None
        self._lock = threading.Lock()
        _after_fork(weakref.WeakMethod(self._forget_the_parents_file))

    def write(self, kind: str, *, at: datetime, **ids: int | str) -> None:
        """Put one line on the disk and return when it is there.

        `at` is aware; `ids` are numbers and short texts such as versions. Raises ValueError for
        what does not belong here (an address above all) and JournalUnwritable when the line is
        not known to be on the disk.
        """
        entry = _entry(kind, at, ids)
        try:
            with self._lock:
                reached(Failpoint.LINE_BEGUN)
                file = self._open_file(at)
                end = file.append(entry)
            reached(Failpoint.LINE_WRITTEN)
            file.sync(end)
            reached(Failpoint.LINE_SAFE)
        except OSError as error:
            raise JournalUnwritable(error.strerror or "input/output error") from error

    def close(self) -> None:
        """Close the file; a later line begins another."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    def _open_file(self, at: datetime) -> "_File":
        if self._file is not None and self._file.spoilt:
            self._file.close()
            self._file = None
        if self._file is None:
            self._file = _File.begin(self.folder, self.process, at)
        return self._file

    def _forget_the_parents_file(self) -> None:
        self._lock = threading.Lock()
        file, self._file = self._file, None
        if file is not None:
            file.leave_to_the_parent()


class _File:
    """An open journal file and how much of it is known to be on the disk."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before = NOTHING_BEFORE
        self._written = 0
        self._synced = 0
        self._syncing = threading.Lock()
        self._failed = False
        self.spoilt = False
        """No further line may follow: the last one is torn, or the file is closed."""

    @classmethod
    def begin(cls, folder: Path, process: str, at: datetime) -> "_File":
        _make_folder(folder)
        path, descriptor = _create(folder, f"{at:%Y%m%dT%H%M%S}-{process}")
        file = cls(descriptor)
        try:
            file.append({"format": FORMAT, "process": process})
            _sync_folder(folder)
        except OSError:
            file.close()
            with suppress(OSError):
                path.unlink()
            raise
        return file

    def append(self, entry: dict[str, Any]) -> int:
        """Write one chained line and return where it ends; the caller keeps other threads out."""
        line = orjson.dumps({"before": self._before, **entry}) + b"\n"
        left = line
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            self.spoilt = True
            raise
        self._before = hashlib.sha256(line).hexdigest()
        self._written += len(line)
        return self._written

    def sync(self, end: int) -> None:
        """Return when everything up to `end` is on the disk.

        Whoever waited while another thread's fsync covered its line returns without one. After
        a failed fsync the kernel may call the next one a success, so that the file is given up.
        """
        with self._syncing:
            if self._synced < end:
                self._sync_all()

    def close(self) -> None:
        """Sync what others still wait for, and close."""
        with self._syncing:
            if self._synced < self._written and not self._failed:
                with suppress(OSError):
                    self._sync_all()
            self.leave_to_the_parent()

    def leave_to_the_parent(self) -> None:
        """Close without asking for the lock, which a thread of the parent may have held."""
        self._failed = self.spoilt = True
        with suppress(OSError):
            os.close(self._descriptor)

    def _sync_all(self) -> None:
        if self._failed:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        covered = self._written
        try:
            os.fsync(self._descriptor)
        except OSError:
            self._failed = self.spoilt = True
            raise
        self._synced = covered


def _after_fork(method: "weakref.WeakMethod[Callable[[], None]]") -> None:
    """Call the method in each child, for as long as its object lives."""

    def call() -> None:
        alive = method()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=call)


def _entry(kind: str, at: datetime, ids: dict[str, int | str]) -> dict[str, Any]:
    if not KIND.fullmatch(kind):
        raise ValueError("a kind of line is named by small letters")
    if at.utcoffset() != timedelta(0):
        raise ValueError("a journal's times are in UTC")
    for name, value in ids.items():
        _refuse_personal(name, value)
    return {"kind": kind, "at": at.isoformat(), **ids}


def _refuse_personal(name: str, value: int | str) -> None:
    if name in RESERVED:
        raise ValueError(f"{name} is the journal's own word")
    if isinstance(value, str) and ("@" in value or len(value) > LONGEST_TEXT):
        raise ValueError(f"{name} is not an id; the journal holds ids only")


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sync_folder(folder.parent)


def _create(folder: Path, stem: str) -> tuple[Path, int]:
    """Create a file that nobody else has, readable by us alone."""
    number = 0
    while True:
        path = folder / f"{stem}-{number}.jsonl"
        try:
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileExistsError:
            number += 1


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_journal(folder: Path) -> Iterator[JournalLine | TornLine]:
    """Yield every line of every file, file by file in the order in which they were begun.

    A file's unfinished last line comes as a TornLine. Raises JournalBroken at the first line
    that does not follow the one before it. Lines cut off whole at the end of a file, or a file
    taken away, leave no trace here. An absent folder is an empty journal.
    """
    for path in files_of(folder):
        for line, _ in read_on(path, Mark(path.name)):
            if line is not None:
                yield line


def files_of(folder: Path) -> list[Path]:
    """Return the files of a journal in the order in which they were begun; none of no folder.

    Raises OSError for a folder that cannot be read, which `glob` takes for an empty one.
    """
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix == ".jsonl")


def read_on(path: Path, mark: Mark) -> Iterator[tuple[JournalLine | TornLine | None, Mark]]:
    """Yield the lines of a file behind a mark, each with the mark that stands behind it.

    A file's first line, which says what the file is, comes as None. A torn line moves no mark: in
    a file that lives it may be whole a moment later. Raises JournalBroken.
    """
    with path.open("rb") as file:
        file.seek(mark.end)
        for line in file:
            number = mark.line + 1
            if not line.endswith(b"\n"):
                yield TornLine(path.name, number), mark
                return
            entry = _read_line(line)
            if entry is None or entry.pop("before", None) != mark.before:
                raise JournalBroken(path.name, number)
            after = hashlib.sha256(line).hexdigest()
            mark = Mark(path.name, number, mark.end + len(line), after)
            yield _told(path.name, number, entry), mark


def _told(file: str, number: int, entry: dict[str, Any]) -> JournalLine | None:
    if number > 1:
        return _line(file, number, entry)
    if entry.get("format") not in FORMATS:
        raise JournalBroken(file, number)
    return None


def _read_line(line: bytes) -> dict[str, Any] | None:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) else None


def _line(file: str, number: int, entry: dict[str, Any]) -> JournalLine:
    try:
        kind, at = entry.pop("kind"), datetime.fromisoformat(entry.pop("at"))
    except (KeyError, TypeError, ValueError):
        raise JournalBroken(file, number) from None
    return JournalLine(file, number, kind, at, entry)
