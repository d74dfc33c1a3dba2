"""Clicks on disk while the database is away, each once, until they are recorded."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Lock
from uuid import UUID

import orjson

from mailer.measure.events import Event
from mailer.measure.machines import Kind
from mailer.vocabulary import MailingId, PersonId


class Spool:
    """Appends events to a file of this process's own, fsynced once per set.

    A file is locked while it is written to, so that whoever replays the folder, this process or
    another, takes only files that nobody writes to any more: closed ones, and a dead process's.
    """

    def __init__(self, folder: Path, *, process: str) -> None:
        self.folder = folder
        self._process = process
        self._descriptor: int | None = None
        self._lock = Lock()

    def append(self, events: Sequence[Event]) -> None:
        """Put a set of events on the disk. Raises OSError when they are not known to be there."""
        lines = b"".join(_line(event) for event in events)
        with self._lock:
            if self._descriptor is None:
                self._descriptor = self._begin()
            try:
                _write_all(self._descriptor, lines)
                os.fsync(self._descriptor)
            except OSError:
                self._close()
                raise

    def close(self) -> None:
        """Let go of the file, so that it may be replayed; later events begin another."""
        with self._lock:
            self._close()

    def files(self) -> list[Path]:
        """Return the files that hold events, this process's own included, sorted by name."""
        return sorted(self.folder.glob("*.clicks"))

    @contextmanager
    def taken(self, path: Path) -> Iterator[bool]:
        """Hold a file for replaying; False when another process holds it, or it is gone."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            yield False
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield os.fstat(descriptor).st_nlink > 0
        finally:
            os.close(descriptor)

    def _begin(self) -> int:
        """Create a file and lock it; again, should a replay have taken it away in between."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = 0
        while True:
            path = self.folder / f"{self._process}-{os.getpid()}-{number}.clicks"
            number += 1
            with suppress(FileExistsError):
                descriptor = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600
                )
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink > 0:
                    self._sync_folder()
                    return descriptor
                os.close(descriptor)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_spooled(path: Path) -> Iterator[Event]:
    """Yield the events of a file; a line that was torn when a disk filled is passed over."""
    with path.open("rb") as file:
        for line in file:
            event = _event(line)
            if event is not None:
                yield event


def _line(event: Event) -> bytes:
    ids = (event.id, event.mailing_id, event.person_id)
    return orjson.dumps((*ids, event.n, event.kind, event.at)) + b"\n"


def _event(line: bytes) -> Event | None:
    try:
        known_as, mailing_id, person_id, n, kind, at = orjson.loads(line)
        moment = datetime.fromisoformat(at)
        return Event(
            UUID(known_as), MailingId(mailing_id), PersonId(person_id), n, Kind(kind), moment
        )
    except (ValueError, TypeError):
        return None


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
