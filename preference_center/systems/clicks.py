"""`/c/{token}/{n}` and `/o/{token}.gif`: answered in front of everything else, by bare ASGI.

A mailbox's worth of clicks comes at once after a campaign; the web framework would cost several
times what the work itself does (docs/decisions/click-front.md).
"""

from base64 import b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from typing import Any, assert_never

from mailer.measure import (
    Answer,
    ClickDesk,
    MailingGone,
    NoSuchLink,
    Redirect,
    TryLater,
    kind_of,
)
from preference_center.headers import content_policy

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]
Headers = list[Header]
DeadEnd = Callable[[int, str, str], bytes]
"""Draws the page of a link that leads nowhere, from status, heading and text, as UTF-8 HTML."""

CLICK, OPEN = "/c/", "/o/"
LONGEST_NUMBER = 3
PIXEL = b64decode("R0lGODlhAQABAPAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
PRIVATE: Headers = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
    (b"x-content-type-options", b"nosniff"),
]
REDIRECT: Headers = [(b"content-length", b"0"), *PRIVATE]
"""What a redirect carries beside its `Location`."""
PAGE: Headers = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", content_policy().encode()),
]
UNREADABLE = (
    "We can't read this link",
    "It may have been cut in two. Open it from the message again. Nothing has changed.",
)
GONE = (
    "This link has run out",
    "The message that it came with is so old that we no longer know where it led.",
)
NOT_NOW = (
    "Please try again in a minute",
    "The link is good, but we can't look up where it leads just now. Nothing has changed.",
)
WRONG_METHOD = ("This is a link", "It can be followed, and nothing can be sent to it.")


def plain_page(status: int, heading: str, text: str) -> bytes:
    """Draw a dead end with nothing but words."""
    title = f"{escape(heading)} ({status})"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title></head><body><main><h1>{escape(heading)}</h1><p>{escape(text)}</p></main>"
        "</body></html>"
    ).encode()


class ClickFront:
    """The ASGI application that answers clicks and open pixels itself and passes the rest on.

    It opens the desk before the application behind it starts, and closes it, everything written,
    before that one stops.
    """

    def __init__(self, app: App, desk: ClickDesk, *, dead_end: DeadEnd = plain_page) -> None:
        self._app = app
        self._desk = desk
        self._dead_end = dead_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection; an ASGI server calls this."""
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith(CLICK):
                return await self._click(scope, path[len(CLICK) :], send)
            if path.startswith(OPEN):
                return await self._open(scope, path[len(OPEN) :], send)
        elif scope["type"] == "lifespan":
            receive = self._minding_the_desk(receive)
        await self._app(scope, receive, send)
        return None

    async def _click(self, scope: Scope, rest: str, send: Send) -> None:
        method: str = scope["method"]
        if method not in {"GET", "HEAD"}:
            await self._page(send, 405, WRONG_METHOD, method, (b"allow", b"GET, HEAD"))
            return
        token, _, number = rest.partition("/")
        n = _number(number)
        answer: Answer = NoSuchLink()
        if n is not None:
            answer = await self._desk.click(token, n, kind_of(method, scope["headers"]))
        await self._answer(send, answer, method)

    async def _answer(self, send: Send, answer: Answer, method: str) -> None:
        match answer:
            case Redirect(location):
                await _respond(send, 302, [(b"location", location)], b"", method)
            case NoSuchLink():
                await self._page(send, 404, UNREADABLE, method)
            case MailingGone():
                await self._page(send, 410, GONE, method)
            case TryLater(seconds):
                later = (b"retry-after", b"%d" % seconds)
                await self._page(send, 503, NOT_NOW, method, later)
            case _:
                assert_never(answer)

    async def _open(self, scope: Scope, rest: str, send: Send) -> None:
        """Answer with the pixel, whatever the token is: a mail never shows a broken image."""
        method: str = scope["method"]
        if method in {"GET", "HEAD"} and rest.endswith(".gif"):
            kind = kind_of(method, scope["headers"])
            await self._desk.see(rest.removesuffix(".gif"), kind)
        await _respond(send, 200, [(b"content-type", b"image/gif")], PIXEL, method)

    async def _page(
        self, send: Send, status: int, words: tuple[str, str], method: str, *more: Header
    ) -> None:
        await _respond(send, status, [*PAGE, *more], self._dead_end(status, *words), method)

    def _minding_the_desk(self, receive: Receive) -> Receive:
        async def minded() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._desk.open()
            elif message["type"] == "lifespan.shutdown":
                await self._desk.close()
            return message

        return minded


def _number(text: str) -> int | None:
    """Read a link's number in its one form: no sign, no zero before it, no other digits."""
    if len(text) > LONGEST_NUMBER or not (text.isascii() and text.isdigit()):
        return None
    return int(text) if text == "0" or not text.startswith("0") else None


async def _respond(send: Send, status: int, headers: Headers, body: bytes, method: str) -> None:
    length = (b"content-length", b"%d" % len(body))
    head = {
        "type": "http.response.start",
        "status": status,
        "headers": [*headers, length, *PRIVATE],
    }
    await send(head)
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
