"""The web application: which corridors it has, and what every request passes on its way in."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from mailer.database import DatabaseAway
from mailer.delivery import Gauges, gauges
from mailer.settings import Environment
from mailer.wiring import Clock, Parts
from preference_center.customers import front, policy_page, preferences, unsubscribe
from preference_center.door import WebDoor
from preference_center.headers import SecurityHeaders
from preference_center.last_resort import LastResort
from preference_center.pages import Pages
from preference_center.problems import Problem
from preference_center.request_log import RequestLog
from preference_center.systems import api, health, metrics, outbox, static
from preference_center.systems.keeper import keep_looking
from preference_center.systems.lately import Lately
from preference_center.systems.meters import Meters
from preference_center.troubles import TABLE, answer_problem

PRIVATE = ("u", "p", "c", "o", "why")
"""First segments of the paths that carry a token."""
CORRIDORS = (
    front.router,
    unsubscribe.router,
    preferences.router,
    policy_page.router,
    health.router,
    metrics.router,
    static.router,
)


def create_app(parts: Parts, *, clock: Clock | None = None) -> FastAPI:
    """Return the application over these parts. Touches no network and no database yet.

    A POST is never redirected for a slash too many (RFC 8058); every answer carries the security
    headers; what goes wrong is told by the table in `troubles.py`. `clock` replaces the parts' own.
    """
    app = FastAPI(
        title="FocalPoint Mail",
        version="1",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=_lifespan(parts),
    )
    app.state.door = WebDoor(
        parts=parts,
        clock=clock or parts.clock,
        pages=Pages(parts.settings),
        meters=Meters(
            Lately(_gauges_reader(parts, clock or parts.clock), seconds=metrics.SEEN_SECONDS)
        ),
        readiness=Lately(partial(health.look, parts), seconds=health.SEEN_SECONDS),
    )
    for router in _corridors(parts, clock or parts.clock):
        app.include_router(router)
    for kind in (*TABLE, Problem, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer_problem)
    _add_middleware(app, hsts=parts.settings.env is Environment.PRODUCTION)
    return app


def _corridors(parts: Parts, clock: Clock) -> Iterator[APIRouter]:
    yield from CORRIDORS
    yield api.router(parts, clock)
    if parts.settings.env is Environment.DEVELOPMENT and parts.settings.mail_catcher:
        yield outbox.router


def _add_middleware(app: FastAPI, *, hsts: bool) -> None:
    """Stack what every request passes; the last one added is passed first."""
    app.add_middleware(LastResort, answer=answer_problem)
    app.add_middleware(RequestLog)
    app.add_middleware(SecurityHeaders, private=PRIVATE, hsts=hsts)


def _lifespan(parts: Parts) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # An opt-out may wait three seconds at the barrier, holding a thread and no connection:
        # the usual forty threads would be taken by forty people who press at once.
        anyio.to_thread.current_default_thread_limiter().total_tokens = parts.settings.web_threads
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_looking, parts)
            yield
            tasks.cancel_scope.cancel()

    return lifespan


def _gauges_reader(parts: Parts, clock: Clock) -> Callable[[], Gauges | None]:
    def read() -> Gauges | None:
        try:
            with parts.database.reading() as session:
                return gauges(session, now=clock())
        except DatabaseAway:
            return None

    return read
