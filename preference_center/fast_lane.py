"""The lane of whole, plain clicks: read, taken in and answered without the framework's machinery.

It stands in uvicorn's own protocol, before its parser. A request that is one whole click in the
plainest form, on a connection where nothing else is under way, is answered from here; every other
byte goes to the parser as it came, and a click among it to `ClickFront`, whose answers are the
same.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from mailer.measure import Kind
from preference_center.outermost import HEAD_TOO_LONG, NO_REQUEST, Outermost
from preference_center.plain_click import plain_click
from preference_center.problems import Problem

TakeClick = Callable[[str, int, Kind, Callable[[bytes], object]], bool]
"""Takes a click and calls back with where it leads once it is kept; False to go the long way."""

LARGEST_HEAD = 64 * 1024
"""Bytes of one request before its body, or of the trailers behind it, that may wait for their end."""
HEAD_SECONDS = 30.0
"""The time for a request's head, or for its trailers, to arrive whole, and between two pieces of a body."""
IDLE_SECONDS = 75.0
"""How long a connection is kept that asks for nothing: longer than a proxy in front keeps it."""

NEVER = math.inf


class FastLane(HttpToolsProtocol):
    """uvicorn's protocol with the lane of clicks in front, and bounds on how a head may arrive."""

    def __init__(
        self,
        take_click: TakeClick,
        dated: Callable[[list[tuple[bytes, bytes]]], bytes],
        outermost: Outermost,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._take_click = take_click
        self._dated = dated
        self._outermost = outermost
        self._clicking = False
        """A click of this connection waits to be kept."""
        self._held = b""
        """What arrived behind it."""
        self._leaving = False
        self._head_bytes = 0
        """How much of a head or of trailers has arrived that are not whole; 0 outside of both."""
        self._in_message = False
        self._in_head = False
        self._end = NEVER
        """When the connection is closed, by the loop's time, if nothing happens before."""
        self._clock: asyncio.TimerHandle | None = None
        self._rings_at = NEVER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; a connection that sends no whole head in good time is closed."""
        super().connection_made(cast(asyncio.Transport, transport))  # a stream is all we serve
        self._wind_up(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; a click that waits is kept all the same."""
        self._stop_clock()
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in a plain click, or pass the bytes on to the parser."""
        if self._clicking:
            self._hold(data)
        elif not (self._is_between_requests() and self._took(data)):
            self._pass_on(data)

    def shutdown(self) -> None:
        """Close the connection, after the answer that it waits for."""
        self._leaving = True
        if not self._clicking:
            super().shutdown()

    def on_message_begin(self) -> None:
        """Note that the parser is inside a request, whose head has its own time from here on."""
        self._stop_clock()
        self._in_message = self._in_head = True
        self._head_bytes = 1
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is dropped: it says nothing that a head may say (RFC 9110 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Note that the head is whole."""
        self._in_head = False
        self._arrived()
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Note that trailers may follow: no body does behind the last chunk."""
        self._head_bytes = 1

    def on_body(self, body: bytes) -> None:
        """Note that the body goes on, and a chunk was not the last."""
        self._arrived()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the parser stands between two requests."""
        self._in_message = False
        self._arrived()
        super().on_message_complete()

    def _arrived(self) -> None:
        self._head_bytes = 0
        self._stop_clock()

    # the lane

    def _is_between_requests(self) -> bool:
        """Say whether nothing is under way, nor waits for a visitor who reads no answers."""
        is_free = self.cycle is None or self.cycle.response_complete
        return is_free and not (self._in_message or self.flow.write_paused)

    def _took(self, data: bytes) -> bool:
        click = plain_click(data)
        if click is None:
            return False
        self._stop_clock()
        self._unset_keepalive_if_required()
        self._clicking = True  # it may be answered before `_take_click` returns
        took = self._take_click(*click, self._redirect)
        if not took:
            self._clicking = False
        return took

    def _redirect(self, location: bytes) -> None:
        """Answer the click that is kept now, and take up what arrived meanwhile."""
        self._clicking = False
        if self.transport.is_closing():
            return
        dated = self._dated(self.server_state.default_headers)
        self.transport.write(b"HTTP/1.1 302 Found\r\nlocation: %b%b" % (location, dated))
        self.server_state.total_requests += 1
        if self._leaving:
            self.transport.close()
            return
        self._wind_up(IDLE_SECONDS)
        if self._held:
            held, self._held = self._held, b""
            self.flow.resume_reading()
            self.data_received(held)

    def _hold(self, data: bytes) -> None:
        """Keep what comes behind a click until that is answered: answers come in order."""
        self._held += data
        self.flow.pause_reading()

    # the parser's way

    def _pass_on(self, data: bytes) -> None:
        if self._head_bytes:
            self._head_bytes += len(data)  # the parser begins anew at whatever is whole in it
        elif self._end == NEVER and not self._in_message:
            self._wind_up(HEAD_SECONDS)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head_bytes > LARGEST_HEAD:
            self._refuse(HEAD_TOO_LONG)
        elif self._in_message and self._end == NEVER:
            self._wind_up(HEAD_SECONDS)

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser cannot read, and close; uvicorn's own words are left unsaid."""
        del msg
        self._refuse(NO_REQUEST)

    def _refuse(self, problem: Problem) -> None:
        path = self.url.decode("latin-1") if self._in_message else ""
        answer = self._outermost.refuse(problem, path)
        headers = [*self.server_state.default_headers, *answer.raw_headers]
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(
            b"HTTP/1.1 %d Bad Request\r\n%bconnection: close\r\n\r\n%b"
            % (answer.status_code, head, bytes(answer.body))
        )
        self.transport.close()

    def _wind_up(self, seconds: float) -> None:
        """Have the connection closed after so long, unless something happens before."""
        self._end = self.loop.time() + seconds
        if self._clock is not None and self._rings_at > self._end:
            self._clock.cancel()
            self._clock = None
        if self._clock is None:
            self._set_clock()

    def _set_clock(self) -> None:
        self._rings_at = self._end
        self._clock = self.loop.call_later(self._end - self.loop.time(), self._ring)

    def _stop_clock(self) -> None:
        """Let the time run that it likes; the clock itself is left alone, which costs less."""
        self._end = NEVER

    def _ring(self) -> None:
        """Look whether the time is over, or was put off since the clock was set."""
        self._clock = None
        if self._end == NEVER:
            return
        if self.loop.time() < self._end:
            self._set_clock()
        else:
            self._too_late()

    def _too_late(self) -> None:
        self._stop_clock()
        if self.flow.read_paused:
            self._wind_up(HEAD_SECONDS)  # it is we who do not read on
        elif not self.transport.is_closing():
            self.transport.close()


class _Dated:
    """What follows the `Location`: the server's own headers, of which `Date` is new each second."""

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._ours = headers
        self._of: list[tuple[bytes, bytes]] | None = None
        self._written = b""

    def __call__(self, of: list[tuple[bytes, bytes]]) -> bytes:
        if of is not self._of:
            lines = b"".join(b"%b: %b\r\n" % header for header in (*of, *self._ours))
            self._of, self._written = of, b"\r\n%b\r\n" % lines
        return self._written


def lane(
    take_click: TakeClick,
    headers: list[tuple[bytes, bytes]],
    outermost: Outermost = Outermost(),  # noqa: B008 - frozen
) -> type[FastLane]:
    """Return the protocol for one desk, whose redirects carry these headers."""
    dated = _Dated(headers)

    class Lane(FastLane):
        """The lane to this desk, made as uvicorn makes its protocols."""

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(take_click, dated, outermost, *given, **named)

    return Lane
