"""What went wrong, once: as problem+json for machines (RFC 9457), as a page for people.

Rooms raise their own words; tables at the doors (`troubles.py`, `systems/api/errors.py`) turn each
into one of these.
"""

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """A request that ends without what was asked for.

    `slug` names the kind for programs and never changes; `title` and `detail` are for people and
    hold no address, name or key. `more` adds members to the JSON (`errors`, `retry_after` …).
    """

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(slug)
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def as_json(self, *, request_id: str) -> dict[str, Any]:
        """Return the members of the problem+json object."""
        return {
            "type": f"about:blank#{self.slug}",
            "title": self.title,
            "status": self.status,
            **({"detail": self.detail} if self.detail else {}),
            "request_id": request_id,
            **self.more,
        }
