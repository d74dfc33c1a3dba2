"""What a measurement stands on: PostgreSQL, a broker, a database with a crowd, our own processes.

The servers are the embedded ones, durable: every commit is on the disk before it counts.
"""

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from mailer.development.places import free_port
from mailer.development.servers import Service, broker_service, postgres_service
from mailer.migrations import migrate
from mailer.settings import read_settings
from mailer.vault import Vault
from mailer.wiring import Parts, build
from workers.doorbell import BrokerDoorbell

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / ".bench" / "logs"
SERVER_SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "1GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "track_io_timing": "off",
}
"""As a server of this size would be set; no checkpoint falls into one side of a pair only."""
POSTAL_ADDRESS = "FocalPoint, 10 Corporate Place South, Piscataway, NJ 08854"


@dataclass(frozen=True)
class Keys:
    """The keys of one run, base64, as the environment takes them."""

    secret: str = field(repr=False)
    sealing: str = field(repr=False)
    index: str = field(repr=False)

    @classmethod
    def fresh(cls) -> "Keys":
        return cls(_key(), _key(), _key())

    def vault(self) -> Vault:
        return Vault([base64.b64decode(self.sealing)], [base64.b64decode(self.index)])


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Child:
    """One process of ours, with its log."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *words],
                env=environment,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def has_said(self, word: str) -> bool:
        return word in self.log.read_text(errors="replace")

    def stop(self) -> None:
        """Ask it to stop, and end its group if it does not within a while."""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class House:
    """One database with its crowd, the parts of this process, and the processes started for it."""

    folder: Path
    environment: dict[str, str]
    parts: Parts
    stack: ExitStack
    smtp_port: int

    @property
    def url(self) -> str:
        return self.environment["MAILER_DATABASE_URL"]

    def worker(self, **settings: str) -> Child:
        """Start `fpmail worker`, and `fpmail beat` beside it, and wait until it is ready."""
        self.child("beat", "-m", "mailer", "beat")
        child = self.child("worker", "-m", "mailer", "worker", **settings)
        wait_for(lambda: child.has_said("worker.ready"), 60, "the worker", child)
        return child

    def web(self) -> str:
        """Start `fpmail web` and return its URL once it answers."""
        port = free_port()
        child = self.child("web", "-m", "mailer", "web", "--port", str(port))
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{url}/healthz"), 60, "the web", child)
        return url

    def child(self, name: str, *words: str, **settings: str) -> Child:
        """Start a Python process in this house; it ends with it."""
        environment = {**self.environment, **settings}
        child = Child(words, environment, self.folder / f"{name}.log")
        self.stack.callback(child.stop)
        return child

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement by a connection of the measurement's own, and commit it."""
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []


@dataclass
class Stage:
    """The servers of a run, and the crowds that were made on them."""

    folder: Path
    database: Service
    broker: Service
    keys: Keys
    templates: set[str] = field(default_factory=set)

    @contextmanager
    def house(
        self, *, crowd: int, apart: int = 0, smtp_port: int = 25, **settings: str
    ) -> Iterator[House]:
        """Yield a database of its own with a crowd in it, dropped afterwards.

        A crowd of a size is made once and copied, so that every measure meets the same.
        """
        template = self._template(crowd, apart)
        name = f"house_{secrets.token_hex(4)}"
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        with ExitStack() as stack:
            stack.callback(self._administer, f'DROP DATABASE "{name}" WITH (FORCE)')
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self.folder)))
            environment = self._environment(folder, self._url(name), smtp_port) | settings
            read = read_settings(environment)
            parts = build(
                read, process="bench", clock=lambda: datetime.now(UTC), ring=BrokerDoorbell(read)
            )
            stack.callback(parts.close)
            with logs_kept(folder, LOGS / name):
                yield House(folder, environment, parts, stack, smtp_port)

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """Yield the URL of a database without tables, dropped afterwards."""
        name = f"plain_{secrets.token_hex(4)}"
        self._administer(f'CREATE DATABASE "{name}"')
        try:
            yield self._url(name)
        finally:
            self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _template(self, crowd: int, apart: int) -> str:
        from bench.crowd import make_crowd  # noqa: PLC0415 - it needs the keys from here

        name = f"crowd_{crowd}_{apart}"
        if name not in self.templates:
            self._administer(f'CREATE DATABASE "{name}"')
            migrate(self._url(name))
            with psycopg.connect(self._url(name), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION pg_stat_statements")
            make_crowd(self._url(name), self.keys, crowd, apart=apart, now=datetime.now(UTC))
            with psycopg.connect(self._url(name), autocommit=True) as connection:
                connection.execute("VACUUM (FREEZE, ANALYZE)")
            self.templates.add(name)
        return name

    def _environment(self, folder: Path, url: str, smtp_port: int) -> dict[str, str]:
        outside = {name: at for name, at in os.environ.items() if not name.startswith("MAILER_")}
        return outside | {
            "MAILER_ENV": "development",
            "MAILER_DATA_DIR": str(folder / "data"),
            "MAILER_DATABASE_URL": url,
            "MAILER_BROKER_URL": self.broker.url,
            "MAILER_PUBLIC_URL": "https://mail.focalpointsystem.com",
            "MAILER_SECRET_KEYS": self.keys.secret,
            "MAILER_VAULT_KEYS": self.keys.sealing,
            "MAILER_INDEX_KEYS": self.keys.index,
            "MAILER_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "MAILER_POSTAL_ADDRESS": POSTAL_ADDRESS,
            "PYTHONUNBUFFERED": "1",
        }

    def _url(self, name: str) -> str:
        return f"{self.database.url.rpartition('/')[0]}/{name}"

    def _administer(self, sql: str) -> None:
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            connection.execute(sql.encode())


@contextmanager
def logs_kept(folder: Path, kept: Path) -> Iterator[None]:
    """Keep the logs of a measure that breaks off, and say where: a doubt without a cause helps nobody."""
    try:
        yield
    except Exception as error:
        kept.mkdir(parents=True)
        for log in folder.glob("*.log"):
            shutil.copy(log, kept)
        error.add_note(f"its logs are kept under .bench/logs as {kept.name}")
        raise


@contextmanager
def a_stage() -> Iterator[Stage]:
    """Run the servers of a measurement; everything they hold is thrown away at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database = stack.enter_context(
            postgres_service(folder / "postgres", throwaway=True, durable=True)
        )
        _set_up(database)
        broker = stack.enter_context(broker_service(folder / "broker", throwaway=True))
        yield Stage(folder, database, broker, Keys.fresh())


def _set_up(database: Service) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        for name, value in SERVER_SETTINGS.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
    database.stop()
    database.start()


def answers(url: str) -> bool:
    """Say whether a web server of ours answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - a URL of ours
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for(
    condition: Callable[[], bool],
    seconds: float,
    what: str,
    child: Child | None = None,
    *,
    pause: float = 0.02,
) -> None:
    """Wait for a condition, asked every `pause` seconds, which costs what is measured.

    Raises RuntimeError with the end of the child's log.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        ended = child is not None and child.process.poll() is not None
        if ended or time.monotonic() > deadline:
            words = child.log.read_text(errors="replace")[-2000:] if child else ""
            raise RuntimeError(f"waited in vain for {what}\n{words}")
        time.sleep(pause)
