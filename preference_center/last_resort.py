"""The last resort: an error that no table knows becomes a page, inside the frame of headers and log."""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Answer = Callable[[Request, BaseException], Awaitable[Response]]


class LastResort:
    """ASGI middleware that answers what nobody caught, unless an answer has begun already.

    So it does where a stopping server waits no longer for an answer.
    """

    def __init__(self, app: ASGIApp, *, answer: Answer) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_noting(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except (Exception, CancelledError) as error:
            if begun:
                raise
            response = await self._answer(Request(scope, receive), error)
            await response(scope, receive, send)
            if isinstance(error, CancelledError):
                raise
