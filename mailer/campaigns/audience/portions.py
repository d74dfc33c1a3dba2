"""A part of a count in portions, so that a step of it ends in time whatever its rule costs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg.errors
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from mailer.campaigns.audience.select import Numbers
from mailer.delivery import DryRun

STEP_SECONDS = 0.3
"""After how long a step begins no further portion."""
LONGEST_SECONDS = 0.5
"""After how long a portion is given up; a smaller one is tried."""
FIRST, LEAST = 20_000, 1_000
"""How many customers' numbers the first portion holds, and how many are decided on in any case."""


class _TooLong(Exception):
    """A portion did not end in time; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a part is cut into portions."""

    first: int = FIRST
    least: int = LEAST
    step_seconds: float = STEP_SECONDS
    longest_seconds: float = LONGEST_SECONDS


class Portions:
    """A part that is decided on portion by portion, as far as a step's time goes: some in any case.

    A portion that was quick makes the next one larger; one that was given up, smaller.
    """

    size: int
    """How many numbers the next portion holds: a count's next step had best begin with as many."""

    def __init__(
        self, session: Session, part: Numbers, decide: Callable[[Numbers], DryRun], pace: Pace
    ) -> None:
        self.size = max(pace.first, pace.least)
        self._session, self._part, self._decide, self._pace = session, part, decide, pace

    def __iter__(self) -> Iterator[tuple[Numbers, DryRun]]:
        """Decide on each portion; what was given up before the first one takes no step's time."""
        part, step_ends = self._part, None
        at = part.first
        while at < part.end and (step_ends is None or time.monotonic() < step_ends):
            portion = Numbers(at, min(at + self.size, part.end))
            began = time.monotonic()
            try:
                ran = _tried(self._session, portion, self._decide, self._pace)
            except _TooLong:
                self.size = max((portion.end - portion.first) // 4, self._pace.least)
                if step_ends is None:
                    continue
                return
            self._grow(portion, time.monotonic() - began)
            step_ends = step_ends or began + self._pace.step_seconds
            yield portion, ran
            at = portion.end

    def _grow(self, portion: Numbers, seconds: float) -> None:
        was_whole = portion.end - portion.first == self.size
        if was_whole and seconds < self._pace.step_seconds / 3:
            self.size *= 3


def _tried(
    session: Session, portion: Numbers, decide: Callable[[Numbers], DryRun], pace: Pace
) -> DryRun:
    if portion.end - portion.first <= pace.least:
        return decide(portion)  # or a count would never end
    with session.begin_nested(), _ending(session, pace.longest_seconds):
        return decide(portion)


@contextmanager
def _ending(session: Session, seconds: float) -> Iterator[None]:
    """Let no statement run for longer. Raises _TooLong."""
    before = session.execute(text("SELECT current_setting('statement_timeout')")).scalar_one()
    session.execute(_LET_RUN, {"time": f"{round(seconds * 1000)}ms"})
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, psycopg.errors.QueryCanceled):
            raise _TooLong(_TooLong.__doc__) from error
        raise
    session.execute(_LET_RUN, {"time": before})


_LET_RUN = text("SELECT set_config('statement_timeout', :time, true)")
