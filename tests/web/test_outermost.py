"""What the server says by itself carries what every other answer carries."""

import asyncio
import json
import socket
import time
from collections.abc import MutableMapping
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from mailer.database import Database
from preference_center.fast_lane import LARGEST_HEAD
from preference_center.headers import HSTS
from preference_center.last_resort import LastResort
from preference_center.outermost import Outermost
from tests.browser.site import running_site
from tests.web.house import environment_for
from tests.web.test_frame import POLICY

LONG = (b"GET /api/v1/campaigns HTTP/1.1\r\nX-Long: ", b"a" * LARGEST_HEAD)


def said_to(site: str, *sent: bytes) -> tuple[int, Message, bytes]:
    """Send pieces to a site; return status, headers and body of what it answers before it closes."""
    place = urlsplit(site)
    with socket.create_connection((place.hostname, place.port or 80), timeout=10) as line:
        for each in sent:
            line.sendall(each)
            time.sleep(0.1)
        heard = b""
        while piece := line.recv(65536):
            heard += piece
    head, _, body = heard.partition(b"\r\n\r\n")
    first, _, headers = head.partition(b"\r\n")
    return int(first.split()[1]), BytesParser().parsebytes(headers), body


def check(headers: Message) -> None:
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["date"]
    assert len(headers["x-request-id"]) == 16


def test_what_is_no_request_is_answered_as_everything_else_is(
    database: Database, tmp_path: Path
) -> None:
    with running_site(environment_for(database.url, tmp_path)) as site:
        for sent, words in {
            b"nonsense\r\n\r\n": "We can’t read this request\n",
            b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n": "We can’t read this request\n",
        }.items():
            status, headers, body = said_to(site, sent)
            assert (status, body.decode()) == (400, words)
            assert headers["connection"] == "close"
            check(headers)
        status, headers, body = said_to(site, *LONG)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    problem = json.loads(body)
    assert problem["type"] == "about:blank#head-too-long"
    assert problem["request_id"] == headers["x-request-id"]
    check(headers)


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("jo@example.com")


async def hanging(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(60)


def answered(app: ASGIApp, path: str, *, cut_off: bool = False) -> tuple[int, Message, bytes]:
    """Ask an application behind the last resort, as a server does."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        scope: Scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        resort = LastResort(app, answer=Outermost("+1 800 555 0100", hsts=True).answer)
        task = asyncio.ensure_future(resort(scope, cast("Receive", None), send))
        await asyncio.sleep(0.01)
        if cut_off:
            task.cancel()
        [failed] = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(failed, asyncio.CancelledError) is cut_off

    asyncio.run(run())
    headers = b"\r\n".join(b"%b: %b" % each for each in sent[0]["headers"])
    return sent[0]["status"], BytesParser().parsebytes(headers), sent[1]["body"]


@pytest.mark.parametrize("path", ["/c/x/0", "/api/v1/campaigns"])
@pytest.mark.parametrize(("app", "cut_off"), [(failing, False), (hanging, True)])
def test_what_nobody_caught_has_the_voice_of_all_and_a_line_in_the_log(
    app: ASGIApp, *, cut_off: bool, path: str
) -> None:
    with capture_logs() as lines:
        status, headers, body = answered(app, path, cut_off=cut_off)
    assert status == 500
    assert headers["strict-transport-security"] == HSTS
    assert headers["content-security-policy"] == POLICY
    assert [each["request_id"] for each in lines] == [headers["x-request-id"]]
    assert "jo@" not in str(lines)
    if path.startswith("/api/"):
        assert "+1 800 555 0100" in json.loads(body)["detail"]
    else:
        assert body.decode() == "Something went wrong on our side\n"
