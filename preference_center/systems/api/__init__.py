"""The shop's API under /api/v1: bearer keys with scopes, named calls, problems, cursors."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute

from mailer.access import ApiScope
from mailer.wiring import Parts
from preference_center.systems.api import (
    audiences,
    campaign_life,
    campaigns,
    consents,
    customers,
    digests,
    lists,
    messages,
    orders,
    reports,
    suppressions,
)
from preference_center.systems.api.calls import Desk, Needs

__all__ = ["router", "scopes_of"]

PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457). `type` never changes; `title` is for people.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "example": "about:blank#fields-invalid"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "description": "Name it when you ask us."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "problem", "fix"],
                "properties": {
                    "field": {"type": "string", "example": "fields.tracking.number"},
                    "problem": {"type": "string"},
                    "fix": {"type": "string"},
                },
            },
        },
    },
}
REFUSALS = {
    400: "The body is not JSON, or the cursor is not one of ours.",
    401: "There is no valid API key.",
    403: "The key lacks the scope.",
    404: "There is no such thing.",
    409: "The state of things does not allow it, or the Idempotency-Key was used otherwise.",
    413: "The body is larger than 256 KiB.",
    422: "Some fields are missing or wrong; `errors` names each. No value is repeated in it.",
    503: "The records cannot be reached; try again after `Retry-After` seconds.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/problem+json": {"schema": PROBLEM}}}
    for status, text in REFUSALS.items()
}

ROOMS = (
    customers,
    consents,
    orders,
    audiences,
    lists,
    campaigns,
    campaign_life,
    digests,
    reports,
    suppressions,
    messages,
)


def router(parts: Parts, clock: Callable[[], datetime]) -> APIRouter:
    """Return the routes of the API over these parts; the clock is read once a call."""
    desk = Desk(parts, clock)

    def bind(request: Request) -> None:
        request.state.desk = desk

    api = APIRouter(
        prefix="/api/v1",
        dependencies=[Depends(bind)],
        responses=PROBLEMS,
    )
    for room in ROOMS:
        api.include_router(room.routes)
    return api


def scopes_of(route: APIRoute) -> tuple[ApiScope, ...]:
    """Return the scopes of which a route needs one; empty for a route that asks for none."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, Needs):
            return dependency.call.scopes
    return ()
