"""One log line per request: the route's template, never the path with its token, no address."""

import secrets
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("fpmail.web")
FAILED_FROM = 500
"""From this status on the fault is ours, and the line is a warning that a terminal shows."""


class RequestLog:
    """ASGI middleware that names each request with an id and writes its line when it has ended.

    The id is our own (`scope["state"]["request_id"]`, header `X-Request-ID`, and the reference on
    an error page), so that no one can write into our log through a header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        begun = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            told = log.warning if status >= FAILED_FROM else log.info
            told(
                "request",
                method=_method(scope["method"]),
                route=route_of(scope),
                status=status,
                ms=round((time.perf_counter() - begun) * 1000, 1),
                request_id=request_id,
            )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _method(method: str) -> str:
    return method if method in _METHODS else "OTHER"


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered, as `/u/{token}`; `-` where none did."""
    route = scope.get("route")
    return str(getattr(route, "path", "-"))
