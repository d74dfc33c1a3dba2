"""The whole service as processes of its own, so that a test can aim, kill, stop and restart them."""

import base64
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
from kombu.connection import Connection

from mailer.development.places import free_port
from mailer.development.servers import Service, broker_service, postgres_service
from mailer.migrations import migrate
from mailer.settings import read_settings
from mailer.wiring import Parts, build
from tests.promises.moved import MovedClocks
from tests.promises.proxy import RunningProxy, proxy_process
from tests.promises.witness import RunningWitness, Script, witness_process

ROOT = Path(__file__).resolve().parents[2]
REPLY_TIMEOUT = 4.0
LEASE = 5.0


def a_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass
class Part:
    """One process of ours in a group of its own, with its log."""

    name: str
    words: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    _output: IO[bytes] | None = None
    _began_at: int = 0

    def start(self) -> None:
        self._began_at = self.log.stat().st_size if self.log.exists() else 0
        self._output = self.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mailer", *self.words],
            env=self.environment,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )

    def has_said(self, word: str) -> bool:
        """Say whether this start of the part has logged a word."""
        return word in self.since_its_start()

    def since_its_start(self) -> str:
        """What this start of the part has logged."""
        with self.log.open("rb") as log:
            log.seek(self._began_at)
            return log.read().decode(errors="replace")

    def signal(self, number: int) -> None:
        """Send a signal to every process of the part."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """kill -9, all of it, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self._wait(10)

    def terminate(self, seconds: float = 60) -> int:
        """SIGTERM as a deploy does it, to the first process; return its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(seconds)
        self.signal(signal.SIGKILL)
        self._wait(5)
        return status

    def _wait(self, seconds: float) -> None:
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        if self._output is not None:
            self._output.close()
            self._output = None


@dataclass
class System:
    """Database, broker, witness and our parts; `parts` is this process's own way in."""

    folder: Path
    database: Service | None
    broker: Service | None
    broker_url: str
    witness: RunningWitness
    environment: dict[str, str]
    port: int
    parts: Parts
    eye_url: str
    """The database itself, whatever stands between it and the service."""
    proxy: RunningProxy | None = None
    clocks: MovedClocks | None = None
    """What moves the time of day of a single part, if anything does."""
    second_port: int = 0
    """Where a second web answers, if there is one."""
    for_webs: dict[str, str] = field(default_factory=dict)
    """Variables that webs have otherwise than the other processes."""
    processes: dict[str, Part] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def webs(self) -> list[tuple[str, int]]:
        """Every web's name, and the port at which it answers."""
        both = [("web", self.port), ("web-2", self.second_port)]
        return [(name, port) for name, port in both if port]

    def start(self, name: str, *words: str, **environment: str) -> Part:
        moved = self.clocks.environment(name) if self.clocks is not None else {}
        own = (
            {**self.environment, **environment, **moved}
            if environment or moved
            else self.environment
        )
        part = Part(name, words, own, self.folder / f"{name}.log")
        part.start()
        self.processes[name] = part
        return part

    def start_all(self) -> None:
        for name, port in self.webs():
            self.start(name, "web", "--port", str(port), **self.for_webs)
        for n in (1, 2):
            self.start(f"worker-{n}", "worker")
        self.start("beat", "beat")
        self.wait_for(self.is_web_up, 60, "the web to answer")

    def is_web_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_for(self, condition: Any, seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds:.0f} s for {what}\n{self.last_words()}")
            time.sleep(0.1)

    def last_words(self) -> str:
        """The end of each log, for a failure that can be read."""
        tails = []
        for name, part in self.processes.items():
            lines = part.log.read_text(errors="replace").splitlines()[-15:]
            tails.append(f"--- {name}\n" + "\n".join(lines))
        return "\n".join(tails)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the database by a connection of the test's own."""
        with psycopg.connect(self.eye_url) as connection:
            return connection.execute(sql, values).fetchall()

    def seen(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what `rows` does, however long the database is away."""
        end = time.monotonic() + 60
        while True:
            try:
                return self.rows(sql, *values)
            except psycopg.Error:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def flush_broker(self) -> None:
        """Empty the broker: every doorbell is lost."""
        if self.broker_url.startswith("redis"):
            import redis

            with contextlib.closing(redis.Redis.from_url(self.broker_url)) as client:
                client.flushall()
        else:
            with Connection(self.broker_url) as connection:  # type: ignore[no-untyped-call]
                for queue in ("orders", "promotional", "chores"):
                    connection.default_channel.queue_purge(queue)

    def leave(self) -> None:
        """Have every part leave in good order, all at once, so that nothing changes any more."""
        running = [part.process for part in self.processes.values() if part.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)

    def stop_all(self) -> None:
        for part in self.processes.values():
            part.signal(signal.SIGCONT)
            part.signal(signal.SIGKILL)
            part._wait(10)

    def ended_by_the_kernel(self) -> int:
        """Count senders that met the signal of their start window."""
        return self.worker_log().count("exited with 'signal 14 (SIGALRM)'")

    def worker_log(self) -> str:
        return "".join(
            part.log.read_text(errors="replace")
            for name, part in self.processes.items()
            if name.startswith("worker")
        )


@contextlib.contextmanager
def running_system(folder: Path, *, script: Script = (), is_cut: bool = False) -> Iterator[System]:
    """Bring up everything but our own processes; call `start_all` once the data is there.

    Where `is_cut`, our processes reach database, broker and witness through a proxy that cuts.
    """
    with contextlib.ExitStack() as stack:
        database, database_url = _database(folder, stack)
        broker, broker_url = _broker(folder, stack)
        witness = stack.enter_context(witness_process(folder / "witness.jsonl", script=script))
        port = free_port()
        environment = {
            **os.environ,
            "MAILER_ENV": "development",
            "MAILER_DATA_DIR": str(folder / "data"),
            "MAILER_DATABASE_URL": database_url,
            "MAILER_BROKER_URL": broker_url,
            "MAILER_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "MAILER_SECRET_KEYS": a_key(),
            "MAILER_VAULT_KEYS": a_key(),
            "MAILER_INDEX_KEYS": a_key(),
            "MAILER_SMTP_URL": f"smtp://127.0.0.1:{witness.port}",
            "MAILER_POSTAL_ADDRESS": "FocalPoint, 10 Corporate Place South, Piscataway, NJ 08854",
            "MAILER_REPLY_TIMEOUT": str(REPLY_TIMEOUT),
            "MAILER_LEASE_SECONDS": str(LEASE),
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
        }
        migrate(database_url)
        parts = build(read_settings(environment), process="test", clock=lambda: datetime.now(UTC))
        proxy = _between(environment, stack) if is_cut else None
        system = System(
            folder,
            database,
            broker,
            broker_url,
            witness,
            environment,
            port,
            parts,
            database_url,
            proxy,
        )
        stack.callback(parts.close)
        stack.callback(system.stop_all)
        yield system


BETWEEN = {
    "database": "MAILER_DATABASE_URL",
    "broker": "MAILER_BROKER_URL",
    "witness": "MAILER_SMTP_URL",
}
"""What a proxy can stand before, and the variable that says where it is."""


def _between(environment: dict[str, str], stack: contextlib.ExitStack) -> RunningProxy:
    """Put a proxy before everything that the service talks to."""
    urls = {name: urlsplit(environment[variable]) for name, variable in BETWEEN.items()}
    places = {name: (url.hostname or "", url.port or 0) for name, url in urls.items()}
    proxy = stack.enter_context(proxy_process(places))
    for name, variable in BETWEEN.items():
        before = f":{urls[name].port}"
        environment[variable] = environment[variable].replace(before, f":{proxy.ports[name]}", 1)
    return proxy


def _database(folder: Path, stack: contextlib.ExitStack) -> tuple[Service | None, str]:
    given = os.environ.get("TEST_DATABASE_URL")
    if not given:
        service = stack.enter_context(
            postgres_service(folder / "postgres", throwaway=True, durable=True)
        )
        return service, service.url
    name = f"promises_{os.getpid()}_{secrets.token_hex(3)}"
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    stack.callback(_drop, given, name)
    return None, given.rpartition("/")[0] + "/" + name


def _drop(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _broker(folder: Path, stack: contextlib.ExitStack) -> tuple[Service | None, str]:
    given = os.environ.get("TEST_BROKER_URL")
    if given:
        return None, given
    service = stack.enter_context(broker_service(folder / "broker", throwaway=True))
    return service, service.url


def as_json(line: str) -> dict[str, Any]:
    """One line of a structured log, or nothing."""
    try:
        read = json.loads(line)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
