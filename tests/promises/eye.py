"""A look into the database for open batches, shared by all who aim at them."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import psycopg

OPEN = """
    SELECT b.id, b.mailing_id, r.persons,
           CASE b.state WHEN 'claimed' THEN b.lease_until > now()
                        ELSE b.handing_at > now() - %s * interval '1 second' END
    FROM delivery_batch b
    JOIN delivery_roster r ON r.batch_id = b.id
    WHERE b.lane = 'promotional' AND b.state IN ('claimed', 'handing')
"""
FRESH = 0.02
"""Seconds for which one look serves everybody."""
LIVES = 1.5
"""Seconds in hand after which a batch's sender is taken for dead: it has little left to begin."""


@dataclass(frozen=True)
class OpenBatch:
    """A batch that is claimed or in hand, and who stands in it."""

    id: int
    mailing: int
    persons: list[int]
    is_live: bool
    """Whether a sender is at it, as far as can be seen."""


class Eye:
    """Looks by a connection of its own, past any proxy; changes nothing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._looked = float("-inf")
        self._seen: list[OpenBatch] = []

    def open_batches(self) -> list[OpenBatch]:
        """Return the open batches of this moment. Raises psycopg.Error while none can be seen."""
        with self._lock:
            if time.monotonic() - self._looked > FRESH:
                self._seen = self._look()
                self._looked = time.monotonic()
            return list(self._seen)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    def _look(self) -> list[OpenBatch]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True)
        return [OpenBatch(*row) for row in self._connection.execute(OPEN, (LIVES,))]
