"""The time of day by which every process of the house lives, on whatever host it runs."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EVERY_SECONDS = 10.0
"""How long a process goes on by its own monotonic clock before it asks the database again."""

AT_ONCE_SECONDS = 1.0
"""An answer that took longer may be off by half of that: it is believed until there is a better one."""


def host_clock() -> datetime:
    """Return the time of day of this host, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Heard:
    told: datetime
    at: float
    took: float


class HouseClock:
    """PostgreSQL's time of day, carried on by this host's monotonic clock between two questions.

    All processes share one database, so all agree
    what time it is, however their hosts' clocks stand or jump: a pace that one pushes on, a wait
    that one writes down, mean the same to every other. Until the database was first heard, the
    host's own time of day is all that there is. Whoever has the connections tells it (`hear`).
    """

    def __init__(
        self,
        host: Callable[[], datetime] = host_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._monotonic = monotonic
        self._heard: _Heard | None = None
        self._asking = threading.Lock()

    def __call__(self) -> datetime:
        """Return the moment it is, aware, in UTC."""
        heard = self._heard
        if heard is None:
            return self._host()
        return heard.told + timedelta(seconds=self._monotonic() - heard.at)

    def hear(self, ask: Callable[[], datetime]) -> None:
        """Have the database asked, unless it was a short while ago or is just being asked.

        The answer is taken for the middle of the time that it took to come; one that was long on
        its way, as from a server that was frozen, takes no better one's place. Raises what `ask` does.
        """
        if not self._is_due() or not self._asking.acquire(blocking=False):
            return
        try:
            if not self._is_due():
                return
            asked = self._monotonic()
            told = ask()
            took = self._monotonic() - asked
            if self._heard is None or took <= AT_ONCE_SECONDS or took <= self._heard.took:
                self._heard = _Heard(told.astimezone(UTC), asked + took / 2, took)
        finally:
            self._asking.release()

    def _is_due(self) -> bool:
        heard = self._heard
        if heard is None or heard.took > AT_ONCE_SECONDS:
            return True
        return self._monotonic() - heard.at > EVERY_SECONDS
