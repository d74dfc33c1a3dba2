"""Leaving within a bound: no process of a worker may hold up a deploy for ever."""

import os
import signal
import threading
from contextlib import suppress

import structlog
from billiard import active_children

log = structlog.get_logger()

LAST_SECONDS = 10.0
"""How long the worker itself may stay when its pool is gone."""


def leave_within(seconds: float, *, last: float = LAST_SECONDS) -> None:
    """End whatever process of this worker's pool is still there after so long; returns at once.

    The worker itself is ended `last` seconds later: with a broker that is gone, the library may
    wait for itself.

    A process that was started in the very moment in which the pool was told to close may never hear
    of it, and the worker would wait for it until somebody kills them both. What such an end does to
    mail in hand is what any `kill -9` does: it becomes of unknown fate, and nobody gets it twice.
    """
    for due, act in ((seconds, _end_the_rest), (seconds + last, _end_this)):
        timer = threading.Timer(due, act)
        timer.daemon = True
        timer.start()


def _end_the_rest() -> None:
    rest = active_children()
    log.error("worker.ended", processes=len(rest), why="they did not leave in time")
    for process in rest:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def _end_this() -> None:
    log.error("worker.ended", processes=1, why="it did not leave in time")
    os._exit(1)
