"""How clients reach the service: by HTTP with a key, by a link in a mail, by a hand of the house."""

import http.client
import json
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from mailer import access
from mailer.access import ApiScope
from tests.promises.system import ROOT, System

PATIENCE = 20.0
"""Seconds after which a client gives up an answer: longer than any wait of the service's own."""


class NotAnswered(Exception):
    """Nobody acknowledged anything: the connection died, or the answer says that it failed."""


class Unforeseen(Exception):
    """An answer that no client had reason to expect, whatever had died."""


@dataclass(frozen=True)
class Answer:
    """What came back, and when it had been read."""

    status: int
    body: str
    at: float
    leads_to: str = ""

    def refuse_but(self, *right: int) -> None:
        """Raise Unforeseen for any other status."""
        if self.status not in right:
            raise Unforeseen(f"{self.status}: {self.body[:200]}")

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Caller:
    """One client's connection to a web, to the other one whenever it died. For one thread."""

    def __init__(self, webs: Sequence[tuple[str, int]], key: str = "") -> None:
        self._ports = [port for _, port in webs]
        self._key = key
        self._web: http.client.HTTPConnection | None = None

    def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """Post a form as a browser or a mailbox does. Raises NotAnswered."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._call("POST", path, urlencode(form).encode(), kind)

    def get(self, path: str) -> Answer:
        """Get a page. Raises NotAnswered."""
        return self._call("GET", path, None, {})

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Call the API. Raises NotAnswered for anything but success and 4xx."""
        headers = {"Authorization": f"Bearer {self._key}"}
        if method != "GET":
            headers |= {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(8)}
        content = None if body is None else json.dumps(body).encode()
        return self._call(method, f"/api/v1{path}", content, headers)

    def hang_up(self) -> None:
        if self._web is not None:
            self._web.close()
            self._web = None

    def _call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        if self._web is None:
            self._web = http.client.HTTPConnection("127.0.0.1", self._ports[0], timeout=PATIENCE)
        try:
            self._web.request(method, path, body=body, headers=dict(headers))
            came = self._web.getresponse()
            text = came.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self.hang_up()
            self._ports.reverse()
            raise NotAnswered(type(error).__name__) from None
        leads_to = came.getheader("Location", "")
        answer = Answer(came.status, text, time.monotonic(), leads_to or "")
        if answer.status >= 500 or answer.status == 429:
            raise NotAnswered(f"{answer.status}")
        return answer


def a_key_for(system: System, *scopes: ApiScope) -> str:
    """Make a key of the API."""
    with system.parts.database.transaction() as session:
        made = access.create_key(
            session,
            name="promises",
            scopes=scopes,
            secret_bytes=secrets.token_bytes(32),
            now=system.parts.clock(),
        )
    return made.plaintext


class House:
    """The process that hands are forked from: one start for all of them, and for each after a death."""

    def __init__(self, system: System) -> None:
        self._door = system.folder / "house"
        self._hands: list[Hand] = []
        with (system.folder / "hand.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.promises.hand", str(self._door)],
                env=system.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
            )

    def hand(self) -> "Hand":
        """Return a hand of its own; it is forked when it first has something to do."""
        self._hands.append(Hand(self._door))
        return self._hands[-1]

    def wait_until_open(self) -> None:
        """Wait until hands can be had."""
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def end(self) -> None:
        """Have no hands any more."""
        for each in self._hands:
            each.end()
        self._process.kill()
        self._process.communicate()


class Hand:
    """A process that calls the rooms as a door of the house does, and may die at any point."""

    def __init__(self, door: Path) -> None:
        self._door = door
        self._lock = threading.Lock()
        self._end: socket.socket | None = None

    def do(self, what: str, **more: Any) -> Any:
        """Have one thing done and return what it answered. Raises NotAnswered."""
        told = json.dumps({"do": what, **more}).encode() + b"\n"
        with self._lock:
            try:
                answer = json.loads(self._ask(told))
            except (OSError, ValueError):
                self.end()
                raise NotAnswered("the hand died") from None
        if "failed" in answer:
            raise NotAnswered(answer["failed"])
        if "unforeseen" in answer:
            raise Unforeseen(answer["unforeseen"])
        return answer

    def end(self) -> None:
        """Let it go; the next thing to do is for another."""
        if self._end is not None:
            self._end.close()
            self._end = None

    def _ask(self, told: bytes) -> bytes:
        if self._end is None:
            self._end = socket.socket(socket.AF_UNIX)
            self._end.connect(str(self._door))
        self._end.sendall(told)
        answer = b""
        while not answer.endswith(b"\n") and (more := self._end.recv(65_536)):
            answer += more
        return answer
