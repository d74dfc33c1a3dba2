"""The web process looks at its journal, too: the nos that a restored database lacks stand in it.

Where web and workers have hosts of their own, no worker's journal holds a no.
"""

import anyio
import anyio.to_thread
import structlog

from mailer.recovery import look_and_tell
from mailer.wiring import Parts

LOOK_SECONDS = 10.0

log = structlog.get_logger()


async def keep_looking(parts: Parts) -> None:
    """Look at the journal now and every few seconds, until cancelled; no failure ends it."""
    told: str | None = None
    while True:
        told = await anyio.to_thread.run_sync(look_once, parts, told)
        await anyio.sleep(LOOK_SECONDS)


def look_once(parts: Parts, told: str | None = None) -> str | None:
    """Compare the database with this host's journal; return why promotional mail is refused, if so.

    It is refused on all hosts where the database is behind, or the journal cannot be read: what it
    holds is in no other host's. The log says why, unless that is what was `told` before.
    """
    try:
        return look_and_tell(parts.database, parts.journal.folder, now=parts.clock(), told=told)
    except (
        Exception
    ) as error:  # whatever breaks while looking: pages go on, and the next look comes
        log.warning("journal.waiting", why=type(error).__name__)
        return told
