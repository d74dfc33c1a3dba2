"""The front: bare answers for clicks and pixels, everything else passed on untouched."""

import asyncio
import string
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import pytest

from mailer.links import Purpose
from mailer.vocabulary import MailingId
from preference_center.systems.clicks import ClickFront, Receive, Scope, Send
from tests.measure.conftest import ANNA, JO, NEWS, SHOP, TEAM, World
from tests.measure.test_desk import away_desk

BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    """The application behind the front: says which path came through."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": str(scope["path"]).encode()})


async def ask(
    front: ClickFront, path: str, method: str = "GET", headers: dict[str, str] = BROWSER
) -> Reply:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await front({"type": "http", "method": method, "path": path, "headers": raw}, receive, send)
    start, *bodies = sent
    named = {name.decode(): value.decode() for name, value in start["headers"]}
    return Reply(start["status"], named, b"".join(part["body"] for part in bodies))


def reply_to(world: World, path: str, method: str = "GET", **headers: str) -> Reply:
    async def play() -> Reply:
        front = ClickFront(behind, world.desk())
        return await ask(front, path, method, BROWSER | headers)

    return asyncio.run(play())


@pytest.mark.clause("C16")
def test_a_click_is_redirected_and_kept_by_nobody(world: World) -> None:
    reply = reply_to(world, f"/c/{world.token()}/1")
    assert (reply.status, reply.headers["location"], reply.body) == (302, TEAM, b"")
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["content-length"] == "0"
    assert world.clicks() == [(JO, 1, "get")]


def test_head_is_answered_alike_and_is_no_persons_click(world: World) -> None:
    reply = reply_to(world, f"/c/{world.token()}/0", "HEAD")
    assert (reply.status, reply.headers["location"]) == (302, SHOP)
    assert world.clicks() == [(JO, 0, "head")]


@pytest.mark.clause("C16")
def test_no_change_of_one_character_in_a_token_redirects(world: World) -> None:
    token = world.token()
    alphabet = string.ascii_letters + string.digits + "-_.=~ %/"

    async def play() -> None:
        front = ClickFront(behind, world.desk())
        for place in range(len(token)):
            for letter in alphabet.replace(token[place], ""):
                changed = token[:place] + letter + token[place + 1 :]
                assert (await ask(front, f"/c/{changed}/0")).status == 404
            shorter = token[:place] + token[place + 1 :]
            assert (await ask(front, f"/c/{shorter}/0")).status == 404
        assert (await ask(front, f"/c/{token}/0")).status == 302

    asyncio.run(play())
    assert world.clicks() == [(JO, 0, "get")]


@pytest.mark.parametrize(
    "rest", ["", "/", "/00", "/+1", "/1/", "/1 ", "/x", "/-1", "/1000", "/²", "/2", "//0"]
)
def test_a_link_has_one_form_only(world: World, rest: str) -> None:
    reply = reply_to(world, f"/c/{world.token()}{rest}")
    assert reply.status == 404
    assert "location" not in reply.headers
    assert b"We can&#x27;t read this link" in reply.body


def test_nothing_can_be_posted_to_a_link(world: World) -> None:
    reply = reply_to(world, f"/c/{world.token()}/0", "POST")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
    assert world.clicks() == []


def test_a_mailing_that_is_no_longer_known_is_410(world: World) -> None:
    assert reply_to(world, f"/c/{world.token(mailing=MailingId(404))}/0").status == 410


def test_an_unknown_target_is_503_while_the_database_is_away(world: World) -> None:
    async def play() -> None:
        front = ClickFront(behind, away_desk(world))
        unknown = await ask(front, f"/c/{world.token(mailing=MailingId(5))}/0")
        assert (unknown.status, unknown.headers["retry-after"]) == (503, "30")
        assert (await ask(front, f"/c/{world.token()}/0")).status == 302

    asyncio.run(play())


@pytest.mark.clause("C18")
def test_the_pixel_is_a_small_image_that_nobody_keeps(world: World) -> None:
    reply = reply_to(world, f"/o/{world.links.sign(Purpose.OPEN, NEWS, ANNA)}.gif")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/gif")
    assert reply.headers["cache-control"] == "no-store"
    assert (len(reply.body), reply.body[:6], reply.body[-1:]) == (43, b"GIF89a", b";")
    assert world.opens() == [(ANNA, "get")]


@pytest.mark.parametrize("path", ["/o/forged.gif", "/o/", "/o/x", "/o/.gif"])
def test_a_pixel_is_an_image_whatever_is_asked_for(world: World, path: str) -> None:
    assert reply_to(world, path).headers["content-type"] == "image/gif"
    assert world.opens() == []


@pytest.mark.clause("C18")
def test_a_fetch_ahead_is_told_by_its_header(world: World) -> None:
    reply = reply_to(world, f"/c/{world.token()}/0", **{"sec-purpose": "prefetch"})
    assert reply.status == 302
    assert world.clicks() == [(JO, 0, "prefetch")]


@pytest.mark.parametrize("path", ["/", "/c", "/contact", "/u/token", "/o"])
def test_everything_else_is_passed_on(world: World, path: str) -> None:
    reply = reply_to(world, path)
    assert (reply.status, reply.body) == (299, path.encode())


@pytest.mark.clause("C09")
def test_a_dead_end_shows_neither_token_nor_address_and_may_be_drawn_by_others(
    world: World,
) -> None:
    async def play() -> None:
        drawn = ClickFront(behind, world.desk(), dead_end=lambda *what: repr(what).encode())
        assert (await ask(drawn, "/c/forged/0")).body.startswith(b"(404, ")

    asyncio.run(play())
    reply = reply_to(world, "/c/<script>/0")
    assert b"script" not in reply.body
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_the_desk_opens_before_the_application_and_closes_with_everything_written(
    world: World,
) -> None:
    async def earlier() -> None:
        gone = away_desk(world)
        await ask(ClickFront(behind, gone), f"/c/{world.token()}/0")
        await gone.close()

    async def play() -> None:
        front = ClickFront(behind, world.desk())
        steps: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        done: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        life = asyncio.create_task(front({"type": "lifespan"}, steps.get, done.put))
        await steps.put({"type": "lifespan.startup"})
        assert (await done.get())["type"] == "lifespan.startup.complete"
        while world.spooled():
            await asyncio.sleep(0.01)
        click = asyncio.create_task(ask(front, f"/c/{world.token(ANNA)}/0"))
        await asyncio.sleep(0)
        await steps.put({"type": "lifespan.shutdown"})
        assert (await done.get())["type"] == "lifespan.shutdown.complete"
        assert world.clicks() == [(JO, 0, "get"), (ANNA, 0, "get")]
        assert (await click).status == 302
        await life

    asyncio.run(earlier())
    asyncio.run(play())
