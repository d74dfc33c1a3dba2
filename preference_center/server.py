"""Serving the web door: one process, uvicorn with the lane of clicks in front."""

import gc
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from mailer import delivery, permission
from mailer.database import DatabaseAway
from mailer.measure import ClickDesk
from mailer.settings import Environment, Settings
from mailer.wiring import Clock, Parts, build, log_as_json, no_bell, refuse_lost_keys
from preference_center.app import create_app
from preference_center.fast_lane import IDLE_SECONDS, lane
from preference_center.last_resort import LastResort
from preference_center.outermost import Outermost
from preference_center.pages import Pages
from preference_center.systems.clicks import REDIRECT, ClickFront
from workers.doorbell import BrokerDoorbell

ENDINGS = (signal.SIGTERM, signal.SIGINT)
GRACE_SECONDS = 20
"""How long a request may take to end after SIGTERM; an opt-out's barrier takes three."""


def serve(settings: Settings, *, host: str, port: int, clock: Clock | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are answered first.

    One process, so that clicks are written in one group and figures are counted once. Raises
    PortTaken, and SettingsInvalid also where a key is missing that protects what is stored; a
    database that is away is waited for while serving.
    """
    with suppress(DatabaseAway, SQLAlchemyError):  # /readyz will say it
        refuse_lost_keys(settings)
    refuse_taken(host, port)
    log_as_json()
    ring = BrokerDoorbell(settings) if settings.broker_url else no_bell
    parts = build(settings, process="web", ring=ring, clock=clock)
    server = _Server(_config(parts, host=host, port=port))
    gc.collect()
    gc.freeze()  # what lives as long as the process is not looked through again and again
    server.run()


def _config(parts: Parts, *, host: str, port: int) -> uvicorn.Config:
    desk = click_desk(parts)
    return uvicorn.Config(
        LastResort(front(parts, desk), answer=outermost(parts.settings).answer),
        host=host,
        port=port,
        http=lane(desk.click_at_hand, REDIRECT, outermost(parts.settings)),
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",  # each request has its line in the log already
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, ended by SIGTERM and SIGINT with code 0, by force if it must be."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear the signals for as long as this process lives."""
        for ending in ENDINGS:
            signal.signal(ending, self._end)
        yield

    def _end(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if not self.should_exit:
            self.should_exit = True
            last = threading.Timer(GRACE_SECONDS + 10, os._exit, [1])
            last.daemon = True
            last.start()


class PortTaken(Exception):
    """Something listens on the port already, or nobody may."""


def refuse_taken(host: str, port: int) -> None:
    """Raise PortTaken unless this process can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"port {port} of {host} cannot be had: {error.strerror}") from None


def click_desk(parts: Parts) -> ClickDesk:
    """Return the desk where this process takes clicks in."""
    return ClickDesk(
        parts.database,
        parts.links,
        Path(parts.settings.data_dir) / "measure",
        targets_of=delivery.targets_of,
        measurable=permission.measurable(),
        clock=parts.clock,
    )


def front(parts: Parts, desk: ClickDesk | None = None) -> ClickFront:
    """Return the whole web door as one ASGI application: clicks in front, pages behind."""
    pages = Pages(parts.settings)
    return ClickFront(
        create_app(parts), desk or click_desk(parts), dead_end=partial(_dead_end, pages)
    )


def outermost(settings: Settings) -> Outermost:
    """Return what speaks where the application cannot."""
    return Outermost(settings.care_phone, hsts=settings.env is Environment.PRODUCTION)


def _dead_end(pages: Pages, status: int, title: str, text: str) -> bytes:
    """Draw the page of a link that leads nowhere, in the look of all others."""
    del status  # the number says nothing to a reader
    view: dict[str, Any] = {"title": title, "lines": [text], "request_id": ""}
    return pages.text("problem.html", view).encode()
