"""The web process looks at its journal, too: the nos that a restored database lacks stand in it.

Where web and workers have hosts of their own, no worker's journal holds a no.
"""

import anyio
import anyio.to_thread
import structlog

from mailer.recovery import look_again
from mailer.wiring import Parts

LOOK_SECONDS = 10.0

log = structlog.get_logger()


async def keep_looking(parts: Parts) -> None:
    """Look at the journal now and every few seconds, until cancelled; no failure ends it."""
    while True:
        await anyio.to_thread.run_sync(look_once, parts)
        await anyio.sleep(LOOK_SECONDS)


def look_once(parts: Parts) -> None:
    """Compare the database with this host's journal.

    Promotional mail is refused on all hosts where the database is behind, or the journal cannot
    be read: what it holds is in no other host's.
    """
    try:
        refused = look_again(parts.database, parts.journal.folder, now=parts.clock())
    except (
        Exception
    ) as error:  # whatever breaks while looking: pages go on, and the next look comes
        log.warning("journal.waiting", why=type(error).__name__)
        return
    if refused is not None:
        log.error("promotional.refused", why=refused.why)
