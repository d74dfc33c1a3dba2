"""Seats: how many processes of a worker may do a kind of work at once, freed by the kernel.

A process that is ended in the act, by the start window's own signal or by kill -9, runs no
`finally`. So a seat is a record lock on one byte of a file (POSIX `fcntl`), which belongs to the
process that took it and ends with it.
"""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Seats:
    """A fixed number of seats, made before the fork and shared by the processes after it."""

    def __init__(self, count: int) -> None:
        self.count = count
        # Kept open for as long as the process lives: closing it would give up every lock.
        self._file, name = tempfile.mkstemp(prefix="fpmail-seats-")
        Path(name).unlink()

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Take a seat if one is free, for as long as the block runs; say whether it was."""
        seat = next((each for each in range(self.count) if self._take(each)), None)
        try:
            yield seat is not None
        finally:
            if seat is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, seat)

    def _take(self, seat: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, seat)
        except OSError:
            return False
        return True
