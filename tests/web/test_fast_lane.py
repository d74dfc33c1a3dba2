"""The lane of clicks, over a real socket: nothing is answered before it is kept, nor out of turn."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast
from unittest.mock import ANY

import pytest
import uvicorn
from sqlalchemy import text

from mailer.measure import ClickDesk, Kind, Manners
from preference_center.fast_lane import HEAD_SECONDS, LARGEST_HEAD, NEVER, FastLane, lane
from preference_center.systems.clicks import REDIRECT, App, ClickFront, Receive, Scope, Send
from tests.browser.site import free_port
from tests.measure.conftest import ANNA, JO, QUICK, SHOP, TEAM, World
from tests.measure.conftest import world as world  # noqa: PLC0414 - a fixture
from tests.measure.test_click_front import behind
from tests.measure.test_desk import until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


PATIENT = replace(QUICK, patience=30.0)
"""Nobody is answered because the machine was slow."""
A_LITTLE = 0.1


def request(path: str, *headers: str, method: str = "GET") -> bytes:
    """Write a request as a browser does."""
    lines = [f"{method} {path} HTTP/1.1", "Host: mail.example.com", "User-Agent: Mozilla/5.0 (X11)"]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def play(
    world: World,
    act: Callable[[Callable[[], Awaitable[Streams]], ClickDesk], Awaitable[None]],
    *,
    app: App = behind,
    manners: Manners = PATIENT,
    lanes: list[FastLane] | None = None,
    took: list[str] | None = None,
) -> None:
    """Serve a desk behind its lane, and act as its visitors.

    `lanes` gets each lane that is opened, `took` the token of each click that went by it.
    """

    async def run() -> None:
        desk, port = world.desk(manners=manners), free_port()

        def take_click(token: str, n: int, kind: Kind, then: Callable[[bytes], object]) -> bool:
            went_by_it = desk.click_at_hand(token, n, kind, then)
            if went_by_it and took is not None:
                took.append(token)
            return went_by_it

        protocol = lane(take_click, REDIRECT)

        def opened(**given: Any) -> FastLane:
            made = protocol(**given)
            if lanes is not None:
                lanes.append(made)
            return made

        config = uvicorn.Config(
            ClickFront(app, desk),
            port=port,
            http=cast("type[FastLane]", opened),
            ws="none",
            log_config=None,
            log_level="critical",
            server_header=False,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve())
        await until(lambda: server.started)
        await act(lambda: asyncio.open_connection("127.0.0.1", port), desk)
        server.should_exit = True
        await serving

    asyncio.run(run())


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().split("\r\n")
    named = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(named.get("content-length", "0")))
    return int(head[0].split()[1]), named, body


async def ask(streams: Streams, *requests: bytes) -> list[tuple[int, str]]:
    """Send requests in one piece; return status and `Location` of each answer."""
    streams[1].write(b"".join(requests))
    answers = [await answer(streams[0]) for _ in requests]
    return [(status, named.get("location", "")) for status, named, _ in answers]


def test_the_lane_and_the_long_way_give_the_same_answer(world: World) -> None:
    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams, path = await connect(), f"/c/{world.token()}/1"
        streams[1].write(request(path))  # the long way: nobody knows the targets yet
        first = await answer(streams[0])
        streams[1].write(request(path))
        second = await answer(streams[0])
        assert first[0] == second[0] == 302
        assert first[1] | {"date": ""} == second[1] | {"date": ""}
        assert second[1]["location"] == TEAM
        streams[1].close()

    play(world, act)
    assert world.clicks() == [(JO, 1, "get"), (JO, 1, "get")]


@pytest.mark.clause("C16")
def test_no_click_is_answered_before_its_row_is_committed(world: World) -> None:
    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams, click = await connect(), request(f"/c/{world.token()}/0")
        await ask(streams, click)
        with world.database.transaction() as session:
            session.execute(text("LOCK TABLE measure_click IN ACCESS EXCLUSIVE MODE"))
            streams[1].write(click)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(streams[0].read(1)), A_LITTLE)
            assert (desk.figures.recorded, desk.figures.spooled) == (1, 0)
        await until(lambda: desk.figures.recorded == 2)
        streams[1].close()

    play(world, act)
    assert len(world.clicks()) == 2


def test_answers_come_in_the_order_of_their_requests(world: World) -> None:
    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams = await connect()
        to_shop, to_team = (request(f"/c/{world.token()}/{n}") for n in (0, 1))
        await ask(streams, to_shop)
        with world.database.transaction() as session:
            session.execute(text("LOCK TABLE measure_click IN ACCESS EXCLUSIVE MODE"))
            streams[1].write(to_team)
            await asyncio.sleep(A_LITTLE)
            streams[1].write(request("/o/forged.gif") + to_shop)
            await asyncio.sleep(A_LITTLE)
        answers = [await answer(streams[0]) for _ in range(3)]
        assert [each[0] for each in answers] == [302, 200, 302]
        assert [each[1].get("location") for each in answers] == [TEAM, None, SHOP]
        streams[1].close()

    play(world, act)


def test_who_asks_and_leaves_is_counted_and_holds_nobody_up(world: World) -> None:
    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams = await connect()
        await ask(streams, request(f"/c/{world.token()}/0"))
        with world.database.transaction() as session:
            session.execute(text("LOCK TABLE measure_click IN ACCESS EXCLUSIVE MODE"))
            leaving = await connect()
            leaving[1].write(request(f"/c/{world.token(ANNA)}/0"))
            await asyncio.sleep(A_LITTLE)
            leaving[1].transport.abort()
            streams[1].write(request(f"/c/{world.token()}/1"))
        assert (await answer(streams[0]))[0] == 302
        streams[1].close()

    play(world, act)
    assert (ANNA, 0, "get") in world.clicks()


def test_a_door_that_closes_answers_the_click_that_waits(world: World) -> None:
    answering: list[asyncio.Task[tuple[int, dict[str, str], bytes]]] = []

    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        reader, writer = await connect()
        await ask((reader, writer), request(f"/c/{world.token()}/0"))
        locked = threading.Event()
        holding = asyncio.get_running_loop().run_in_executor(None, hold_the_table, locked)
        await until(locked.is_set)
        writer.write(request(f"/c/{world.token()}/1"))
        await until(lambda: bool(desk._under_way))
        answering.append(asyncio.create_task(answer(reader)))
        answering[0].add_done_callback(lambda _: writer.close())
        del holding

    def hold_the_table(locked: threading.Event) -> None:
        with world.database.transaction() as session:
            session.execute(text("LOCK TABLE measure_click IN ACCESS EXCLUSIVE MODE"))
            locked.set()
            time.sleep(A_LITTLE)

    play(world, act)
    assert answering[0].result()[0] == 302


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_head_has_its_time_and_no_more_by_coming_in_drops(world: World, before: int) -> None:
    lanes: list[FastLane] = []

    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams, click = await connect(), request(f"/c/{world.token()}/0")
        for _ in range(before):  # the long way, then the lane
            await ask(streams, click)
        begun = lanes[0].loop.time()
        streams[1].write(click[:20])
        await until(lambda: lanes[0]._head_bytes > 0)
        end = lanes[0]._end
        assert begun <= end - HEAD_SECONDS <= lanes[0].loop.time()
        assert lanes[0]._rings_at <= end
        streams[1].write(click[20:40])
        await until(lambda: lanes[0]._head_bytes > 20)
        assert lanes[0]._end == end
        lanes[0]._too_late()
        assert await streams[0].read() == b""
        streams[1].close()

    play(world, act, lanes=lanes)


def test_a_clock_that_rings_early_waits_for_the_end_that_was_put_off(world: World) -> None:
    lanes: list[FastLane] = []

    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams, click = await connect(), request(f"/c/{world.token()}/0")
        for _ in range(2):
            await ask(streams, click)
        lanes[0]._ring()
        assert lanes[0]._clock is not None
        assert lanes[0]._rings_at == lanes[0]._end
        assert (await ask(streams, click))[0] == (302, SHOP)
        lanes[0]._wind_up(0.01)
        assert await streams[0].read() == b""
        streams[1].close()

    play(world, act, lanes=lanes)


def test_a_head_without_end_is_refused(world: World) -> None:
    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams = await connect()
        streams[1].write(b"GET /c/x/0 HTTP/1.1\r\nX-Long: ")
        for _ in range(4):
            await asyncio.sleep(0.01)
            streams[1].write(b"a" * (LARGEST_HEAD // 3))
        assert (await answer(streams[0]))[0] == 400
        streams[1].close()

    play(world, act)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand behind the front, and say how long the body was and what the head named."""
    if scope["type"] == "lifespan":
        return await behind(scope, receive, send)
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    said = b" ".join([b"%d" % size, *(name for name, _ in scope["headers"])])
    head = [(b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    return await send({"type": "http.response.body", "body": said})


CHUNKED = request("/echo", "Transfer-Encoding: chunked", method="POST")


def test_a_trailer_is_no_header(world: World) -> None:
    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        reader, writer = await connect()
        writer.write(CHUNKED + b"2\r\nab\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
        assert await answer(reader) == (200, ANY, b"2 host user-agent transfer-encoding")
        writer.write(request("/echo"))
        assert (await answer(reader))[2] == b"0 host user-agent"
        writer.close()

    play(world, act, app=echo)


def test_a_body_that_stops_coming_is_waited_for_no_longer_than_a_head(world: World) -> None:
    lanes: list[FastLane] = []

    def put_off(before: float) -> Callable[[], bool]:
        return lambda: lanes[0]._end not in (NEVER, before)

    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        reader, writer = await connect()
        posted = request("/echo", "Content-Length: 4", method="POST")
        for piece in (posted, b"a", b"b"):
            before = lanes[0]._end if lanes else NEVER
            writer.write(piece)
            await until(put_off(before))
        writer.write(b"cd")
        assert (await answer(reader))[2].startswith(b"4 ")
        assert lanes[0]._end == NEVER
        writer.write(posted + b"a")
        await until(lambda: lanes[0]._end != NEVER)
        lanes[0]._too_late()
        assert await reader.read() == b""
        writer.close()

    play(world, act, app=echo, lanes=lanes)


def test_trailers_without_end_are_refused(world: World) -> None:
    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        reader, writer = await connect()
        writer.write(CHUNKED + b"0\r\nX-Long: ")
        for _ in range(4):
            await asyncio.sleep(0.01)
            writer.write(b"a" * (LARGEST_HEAD // 3))
        assert (await answer(reader))[0] == 400
        writer.close()

    play(world, act, app=echo)


@pytest.mark.parametrize("whole", [10, 200])
def test_a_long_body_right_behind_a_head_or_a_chunks_size_is_no_long_head(
    world: World, whole: int
) -> None:
    size = LARGEST_HEAD * 2
    posted = CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"a" * size)

    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        reader, writer = await connect()
        cut = min(whole, posted.index(b"aaaa"))
        writer.write(posted[:cut])
        await asyncio.sleep(0.01)
        writer.write(posted[cut:])
        status, _, said = await answer(reader)
        assert (status, said.split()[0]) == (200, b"%d" % size)
        writer.close()

    play(world, act, app=echo)


def test_who_reads_no_answers_gets_no_more_of_them(world: World) -> None:
    lanes: list[FastLane] = []

    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams, click = await connect(), request(f"/c/{world.token()}/0")
        await ask(streams, click)
        lanes[0].pause_writing()  # as the transport says it
        streams[1].write(click)
        answering = asyncio.create_task(answer(streams[0]))
        await asyncio.wait({answering}, timeout=A_LITTLE)
        assert not answering.done()
        lanes[0].resume_writing()
        assert (await answering)[0] == 302
        streams[1].close()

    play(world, act, lanes=lanes)


def test_a_click_that_is_answered_at_once_leaves_a_connection_that_ends(world: World) -> None:
    lanes: list[FastLane] = []

    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams, click = await connect(), request(f"/c/{world.token()}/0")
        await ask(streams, click)
        assert (await ask(streams, click))[0] == (302, SHOP)
        assert desk.figures.lost == 2
        assert lanes[0]._end != NEVER
        streams[1].close()

    play(world, act, manners=replace(PATIENT, waiting=0), lanes=lanes)


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ("Connection: close", 302),
        ("Content-Length: 0", 302),
        ("Sec-Purpose: prefetch", 302),
        ("Expect: 100-continue", 302),
        ("Connection: keep-alive", 302),
        ("Bad Name: x", 400),
    ],
)
def test_whatever_a_head_says_the_parser_has_its_say(world: World, extra: str, status: int) -> None:
    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        streams = await connect()
        await ask(streams, request(f"/c/{world.token()}/0"))
        assert (await ask(streams, request(f"/c/{world.token(ANNA)}/0", extra)))[0][0] == status
        streams[1].close()

    play(world, act)
    assert len(world.clicks()) == (2 if status == 302 else 1)
    if "prefetch" in extra:
        assert (ANNA, 0, "prefetch") in world.clicks()
