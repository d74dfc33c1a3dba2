"""What was found out lately: read anew after some seconds, by one caller at a time."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Lately(Generic[Value]):
    """Answers with what `read` said at most `seconds` ago; who comes meanwhile waits for it.

    However many ask, and whoever they are, the database is asked once.
    """

    def __init__(
        self,
        read: Callable[[], Value],
        *,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._monotonic = monotonic
        self._lock = Lock()
        self._kept: tuple[Value, float] | None = None

    def __call__(self) -> Value:
        """Return the value; raises what `read` raises, and keeps nothing then."""
        with self._lock:
            if self._kept is None or self._monotonic() >= self._kept[1]:
                value = self._read()
                self._kept = value, self._monotonic() + self._seconds
            return self._kept[0]
