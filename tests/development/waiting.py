"""Waiting in tests of real processes: as short as it can be, and never for ever."""

import time
from collections.abc import Callable

import psutil


def eventually(true: Callable[[], object], *, within: float = 20.0) -> bool:
    """Say whether something becomes true in time."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def is_over(pid: int) -> bool:
    """Say whether a process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
