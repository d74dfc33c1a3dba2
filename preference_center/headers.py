"""The headers that every answer carries: what a browser may do with our pages."""

from collections.abc import Iterable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: dict[str, str] = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
"""What a page may load and where it may post: our own bytes, framed by nobody."""


def content_policy(**changed: str) -> str:
    """Return the Content-Security-Policy, some directives changed: `content_policy(frame_src="'self'")`."""
    whole = POLICY | {name.replace("_", "-"): value for name, value in changed.items()}
    return "; ".join(f"{name} {value}".strip() for name, value in whole.items())


ALWAYS: dict[str, str] = {
    "Content-Security-Policy": content_policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
}
PRIVATE: dict[str, str] = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
"""What a page behind a token carries besides: kept by nobody, listed nowhere."""
HSTS = "max-age=63072000; includeSubDomains"


class SecurityHeaders:
    """ASGI middleware that sets each header that the answer has not set itself.

    Paths in `private` (first segments, as `u` of `/u/{token}`) also get the PRIVATE headers,
    whatever the answer is: a page for a bad token is as private as one for a good one.
    """

    def __init__(self, app: ASGIApp, *, private: Iterable[str], hsts: bool) -> None:
        self._app = app
        self._private = frozenset(private)
        self._always = ALWAYS | ({"Strict-Transport-Security": HSTS} if hsts else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with the headers set."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = self._wanted(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in wanted.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _wanted(self, scope: Scope) -> dict[str, str]:
        path: Any = scope["path"]
        first = str(path).lstrip("/").partition("/")[0]
        return self._always | PRIVATE if first in self._private else self._always
