"""Cursors: an opaque place in a list, so that pages stay right while the list grows."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from preference_center.problems import Problem

MOST = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins (after this id; 0 for the start) and how long it is at most."""

    after: int
    limit: int

    def next_cursor(self, ids: Sequence[int]) -> str | None:
        """Return the cursor behind the last of these ids, or None when the list has ended."""
        return _write(ids[-1]) if len(ids) == self.limit else None


def place(
    cursor: Annotated[
        str | None,
        Query(
            max_length=64, description="`next_cursor` of the page before; leave out for the first."
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = 50,
) -> Place:
    """Read the page that a request asks for."""
    return Place(after=_read(cursor) if cursor else 0, limit=limit)


PlaceOf = Annotated[Place, Depends(place)]


def _write(last: int) -> str:
    return base64.urlsafe_b64encode(f"after:{last}".encode()).decode().rstrip("=")


def _read(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        after = int(text.removeprefix("after:"))
    except (binascii.Error, ValueError):
        after = -1
    if after < 0 or after > 2**63 - 1 or _write(after) != cursor:
        raise Problem(
            400,
            "cursor-invalid",
            "This cursor is not one of ours",
            "Start again without a cursor, or use `next_cursor` as it was given.",
        )
    return after
