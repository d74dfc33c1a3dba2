"""Serving the web door: granian in front, the application made inside its worker process."""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from sqlalchemy.exc import SQLAlchemyError

from mailer import delivery, permission
from mailer.database import DatabaseAway
from mailer.measure import ClickDesk
from mailer.settings import Settings
from mailer.wiring import Clock, Parts, build, log_as_json, no_bell, refuse_lost_keys, wall_clock
from preference_center.app import create_app
from preference_center.pages import Pages
from preference_center.systems.clicks import ClickFront
from workers.doorbell import BrokerDoorbell

PR_SET_PDEATHSIG = 1
ENDINGS = (signal.SIGTERM, signal.SIGINT)
GRACE_SECONDS = 20
"""How long a request may take to end after SIGTERM; an opt-out's barrier takes three."""


def serve(settings: Settings, *, host: str, port: int, clock: Clock = wall_clock) -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are answered first.

    One worker process, so that clicks are written in one group and figures are counted once; it
    is made anew should it die. Raises PortTaken, and SettingsInvalid also where a key is missing
    that protects what is stored; a database that is away is waited for while serving.
    """
    with suppress(DatabaseAway, SQLAlchemyError):  # /readyz will say it
        refuse_lost_keys(settings)
    refuse_taken(host, port)
    server = Granian(
        "preference_center.server",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=1,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_SECONDS,
        log_enabled=False,
    )
    _end_when_told(server)
    server.serve(target_loader=partial(_load, settings, clock))


class PortTaken(Exception):
    """Something listens on the port already, or nobody may."""


def refuse_taken(host: str, port: int) -> None:
    """Raise PortTaken unless this process alone can listen there.

    The server itself binds with SO_REUSEPORT: the kernel would let two of them share the port and
    deal out the requests.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"port {port} of {host} cannot be had: {error.strerror}") from None


def _end_when_told(server: Any) -> None:
    """Hear SIGTERM and SIGINT in a thread of its own, from before the worker is made.

    A handler that sets the event on which the main thread is just beginning to wait would lock
    itself up, and a worker that has not yet installed its own would swallow what it was told.
    Blocked signals wait instead: here for the thread, in the worker until it can be ended by them.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    os.register_at_fork(after_in_child=_take_signals_again)
    threading.Thread(target=_hear, args=(server,), daemon=True).start()


def _hear(server: Any) -> None:
    """Wait for the end and pass it on; leave by force should it not come in good time."""
    signal.sigwait(ENDINGS)
    server.signal_handler_interrupt()
    time.sleep(GRACE_SECONDS + 10)
    os._exit(1)


def _take_signals_again() -> None:
    """In a new worker: nothing has begun, so that a signal may end it as it stands."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)


def _load(settings: Settings, clock: Clock, _: str) -> ClickFront:
    """Make the application in the worker process: no connection crosses a fork."""
    _end_with_the_parent()
    log_as_json()
    ring = BrokerDoorbell(settings) if settings.broker_url else no_bell
    return front(build(settings, process="web", ring=ring, clock=clock))


def _end_with_the_parent() -> None:
    """Ask Linux to end this worker when its parent is killed: an orphan would keep the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def front(parts: Parts) -> ClickFront:
    """Return the whole web door as one ASGI application: clicks in front, pages behind."""
    settings = parts.settings
    desk = ClickDesk(
        parts.database,
        parts.links,
        Path(settings.data_dir) / "measure",
        targets_of=delivery.targets_of,
        tracking_of=permission.tracking_of,
        clock=parts.clock,
    )
    return ClickFront(create_app(parts), desk, dead_end=partial(_dead_end, Pages(settings)))


def _dead_end(pages: Pages, status: int, title: str, text: str) -> bytes:
    """Draw the page of a link that leads nowhere, in the look of all others."""
    del status  # the number says nothing to a reader
    view: dict[str, Any] = {"title": title, "lines": [text], "request_id": ""}
    return pages.text("problem.html", view).encode()
