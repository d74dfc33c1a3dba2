"""Counts over everybody, which answer in time whatever the number of customers."""

import time
from collections.abc import Callable

from fastapi import Response
from sqlmodel import Session

from mailer.campaigns import Count
from preference_center.systems.api.calls import Call

COUNT_SECONDS = 1.0
"""After how long no further step of a count is begun; an answer leaves within two seconds."""


def counted_in_time(call: Call, response: Response, step: Callable[[Session], Count]) -> Count:
    """Let a count go on, a transaction a step, until it is whole or the answer must leave (202)."""
    until = time.monotonic() + COUNT_SECONDS
    told: Count | None = None
    while told is None or not (told.is_whole or time.monotonic() >= until):
        with call.step_long() as session:
            told = step(session)
    response.status_code = 200 if told.is_whole else 202
    return told
