"""Requests that are recorded as the desk records them, without a desk."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

from mailer import permission
from mailer.database import Database
from mailer.measure import Event
from mailer.measure.events import TYPES, columns_of, ids_of, statement
from mailer.measure.line import Lines


def event_id(at: datetime, random: bytes) -> UUID:
    """Make the id of a request that came alone."""
    return UUID(bytes=ids_of([at], random)[0])


def record(database: Database, events: Sequence[Event]) -> None:
    """Write them in one set; committed on return."""

    async def write(threads: ThreadPoolExecutor) -> None:
        lines = Lines(database, statement(database, permission.measurable()), TYPES, threads)
        try:
            await lines.run(
                columns_of([each.id.bytes for each in events], [each.taken for each in events])
            )
        finally:
            lines.close()

    with ThreadPoolExecutor(1) as threads:
        asyncio.run(write(threads))
