"""Leaving within a bound: no process of a pool may hold up a deploy for ever."""

import os
import signal
import threading
from contextlib import suppress

import structlog
from billiard import active_children

log = structlog.get_logger()


def leave_within(seconds: float) -> None:
    """End whatever process of this worker's pool is still there after so long; returns at once.

    A process that was started in the very moment in which the pool was told to close may never hear
    of it, and the worker would wait for it until somebody kills them both. What such an end does to
    mail in hand is what any `kill -9` does: it becomes of unknown fate, and nobody gets it twice.
    """
    last = threading.Timer(seconds, _end_the_rest)
    last.daemon = True
    last.start()


def _end_the_rest() -> None:
    rest = active_children()
    log.error("worker.ended", processes=len(rest), why="they did not leave in time")
    for process in rest:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
