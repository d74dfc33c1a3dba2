"""The service as a newcomer starts it, with a client for its API and eyes for its outbox."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
import pytest

from mailer.development.servers import broker_service

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class RunningService:
    """`fpmail up`, running; its catcher's folder, its log, its database and its broker."""

    web: str
    api_key: str
    mail_folder: Path
    log: Path
    database_url: str
    broker_url: str
    data: Path

    def client(self) -> httpx.Client:
        """A browser without cookies that follows no redirect."""
        return httpx.Client(base_url=self.web, timeout=30, follow_redirects=False)

    def api(self, method: str, path: str, body: object = None, **more: Any) -> httpx.Response:
        """Ask the API with the key for everything."""
        headers = {"Authorization": f"Bearer {self.api_key}", **more.pop("headers", {})}
        return httpx.request(
            method, f"{self.web}/api/v1{path}", json=body, headers=headers, timeout=60, **more
        )

    def mails_to(self, address: str) -> list[EmailMessage]:
        """What the catcher has for an address, oldest first."""
        mails = [parse(path.read_bytes()) for path in sorted(self.mail_folder.glob("*.eml"))]
        return [mail for mail in mails if address in str(mail["To"])]

    def wait_for(self, condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Wait until something is true, and return it."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > end:
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
                raise AssertionError(f"waited {seconds:.0f} s for {what}\n{tail}")
            time.sleep(0.1)
        return found

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(sql).fetchall()


def parse(content: bytes) -> EmailMessage:
    """Read a mail with the library's strict eyes: a defect is an error."""
    message = BytesParser(policy=policy.default.clone(raise_on_defect=True)).parsebytes(content)
    assert isinstance(message, EmailMessage)
    return message


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@pytest.fixture(scope="package")
def service(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """Start everything once for all journeys; the servers come from here, the rest from `up`."""
    folder = tmp_path_factory.mktemp("service")
    with contextlib.ExitStack() as stack:
        database_url = stack.enter_context(a_database(server_url))
        broker_url = (
            os.environ.get("TEST_BROKER_URL")
            or stack.enter_context(broker_service(folder / "broker", throwaway=True)).url
        )
        log = folder / "up.log"
        yield stack.enter_context(brought_up(folder, log, database_url, broker_url))


@contextlib.contextmanager
def a_database(server_url: str) -> Iterator[str]:
    name = f"journeys_{os.getpid()}_{secrets.token_hex(3)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield server_url.rpartition("/")[0] + "/" + name
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def brought_up(
    folder: Path, log: Path, database_url: str, broker_url: str
) -> Iterator[RunningService]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MAILER_")
    }
    environment |= {
        "MAILER_DATA_DIR": str(folder / "data"),
        "MAILER_DATABASE_URL": database_url,
        "MAILER_BROKER_URL": broker_url,
        "MAILER_PACE_PER_SECOND": "0",
    }
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "mailer", "up", "--json", "--no-demo", "--port", "0"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, log.read_text()
            said = json.loads(line)
            yield RunningService(
                web=said["web"],
                api_key=said["api_key"],
                mail_folder=Path(said["mail_folder"]),
                log=log,
                database_url=database_url,
                broker_url=broker_url,
                data=folder / "data",
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
            process.stdout.close()
