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


def in_portions(
    session: Session, part: Numbers, decide: Callable[[Numbers], DryRun], pace: Pace
) -> Iterator[tuple[Numbers, DryRun]]:
    """Decide on a part, portion by portion, as far as a step's time goes: on the least at least.

    A portion that was quick makes the next one larger. A step keeps no size for the next step: it
    finds its own within a few portions.
    """
    began = time.monotonic()
    at, size = part.first, max(pace.first, pace.least)
    while at < part.end and (at == part.first or time.monotonic() - began < pace.step_seconds):
        portion = Numbers(at, min(at + size, part.end))
        portion_began = time.monotonic()
        try:
            ran = _tried(session, portion, decide, pace)
        except _TooLong:
            if at > part.first:
                return
            size = pace.least
            continue
        yield portion, ran
        at = portion.end
        if time.monotonic() - portion_began < pace.step_seconds / 3:
            size *= 3


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
