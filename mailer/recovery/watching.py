"""A process that sends looks at the journal before it claims: at its start, anew on each new
connection, and every few seconds while it claims."""

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import event

from mailer import delivery
from mailer.database import Database
from mailer.recovery.looking import look_again

FRESH_SECONDS = 10.0
"""How long a look lets a process claim; then its token changes, too, so that no backup that is
older than that holds it."""

TELLS_MORE = "fpmail journal verify"
"""The command that says how much the database lacks, and of what."""

log = structlog.get_logger()


def look_and_tell(
    database: Database, folder: Path, *, now: datetime, told: str | None = None
) -> str | None:
    """Look; return why promotional mail is refused, None where it may go.

    The log says it in one line that names no person, unless that is what was `told` before. Raises
    DatabaseAway and CommitInDoubt.
    """
    try:
        refused = look_again(database, folder, now=now)
    except OSError as error:
        log.error("journal.unreadable", why=error.strerror)
        return str(error.strerror)
    if refused is None:
        return None
    if refused.why != told:
        log.warning("promotional.refused", why=refused.why, more=TELLS_MORE)
    return refused.why


class Watch:
    """The clearance of one process (`delivery.Clearance`), by the journal of its machine."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._monotonic = monotonic
        self._token: uuid.UUID | None = None
        self._stands: uuid.UUID | None = None
        """The token that this process has put into the database, whatever the look found."""
        self._refused: str | None = None
        self._until = float("-inf")
        event.listen(database.engine, "connect", self._look_before_the_next)

    def token(self) -> uuid.UUID | None:
        """Return the token of a fresh look; None while promotional mail is refused.

        Between two looks it costs a glance at the clock. Raises DatabaseAway and CommitInDoubt.
        """
        if self._monotonic() >= self._until:
            self._until = self._monotonic() + FRESH_SECONDS  # a connection made by the look ends it
            self._token = self._look()
        return self._token

    def _look_before_the_next(self, *_: Any) -> None:
        """Somebody may have restored the database behind a connection that broke."""
        self._until = float("-inf")

    def _look(self) -> uuid.UUID | None:
        """Put a token in before the look: a database that is restored behind it lacks it again."""
        self._token = None
        with self._database.transaction() as session:
            self._stands = delivery.clear(session, before=self._stands)
        self._refused = look_and_tell(
            self._database, self._folder, now=self._clock(), told=self._refused
        )
        return self._stands if self._refused is None else None
