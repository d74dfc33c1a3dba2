"""Which clicks the lane takes: what browsers send, and nothing that is more than a plain request."""

import re
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.measure import PURPOSE_HEADERS, ClickDesk, Kind, kind_of
from preference_center.plain_click import NOT_PLAIN, plain_click
from tests.measure.conftest import ANNA, JO, TEAM, World
from tests.measure.conftest import world as world  # noqa: PLC0414 - a fixture
from tests.web.test_fast_lane import Streams, answer, ask, play, request

CHROMIUM = """\
Host: mail.example.com
Connection: keep-alive
sec-ch-ua: "Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"
sec-ch-ua-mobile: ?0
sec-ch-ua-platform: "Windows"
Upgrade-Insecure-Requests: 1
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
Chrome/142.0.0.0 Safari/537.36
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7
Sec-Fetch-Site: cross-site
Sec-Fetch-Mode: navigate
Sec-Fetch-User: ?1
Sec-Fetch-Dest: document
Referer: https://mail.google.com/
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7
"""
FIREFOX = """\
Host: mail.example.com
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
Accept-Language: en-US,en;q=0.5
Accept-Encoding: gzip, deflate, br, zstd
Connection: keep-alive
Upgrade-Insecure-Requests: 1
Sec-Fetch-Dest: document
Sec-Fetch-Mode: navigate
Sec-Fetch-Site: none
Sec-Fetch-User: ?1
Priority: u=0, i
TE: trailers
"""
UNCONNECTED = FIREFOX.replace("Connection: keep-alive\n", "")


def went_by_the_lane(world: World, head: str) -> bool:
    """Say whether a click with this head is taken by the lane; it is a person's click either way."""
    took: list[str] = []

    async def act(connect: Callable[[], Awaitable[Streams]], desk: ClickDesk) -> None:
        reader, writer = await connect()
        await ask((reader, writer), request(f"/c/{world.token()}/0"))  # the targets come to hand
        lines = [f"GET /c/{world.token(ANNA)}/1 HTTP/1.1", *head.splitlines(), "", ""]
        writer.write("\r\n".join(lines).encode())
        status, named, _ = await answer(reader)
        assert (status, named["location"]) == (302, TEAM)
        writer.close()

    play(world, act, took=took)
    assert world.clicks() == [(JO, 0, "get"), (ANNA, 1, "get")]
    return took == [world.token(ANNA)]


@pytest.mark.parametrize(
    "head", [CHROMIUM, FIREFOX, UNCONNECTED], ids=["Chromium", "Firefox", "HTTP/1.1"]
)
def test_what_a_browser_sends_goes_by_the_lane(world: World, head: str) -> None:
    assert went_by_the_lane(world, head)


@pytest.mark.parametrize("spelt", [str.title, str.lower, str.upper])
@pytest.mark.parametrize(
    "line",
    [
        "content-length: 0",
        "transfer-encoding: identity, chunked",
        "upgrade: h2c",
        "expect: 100-continue",
        "connection: close",
        "connection: upgrade",
        "connection: keep-alive, upgrade",
    ],
)
def test_what_is_more_than_a_plain_request_goes_to_the_parser(
    world: World, line: str, spelt: Callable[[str], str]
) -> None:
    name, value = line.split(":")
    assert not went_by_the_lane(world, f"{UNCONNECTED}{spelt(name)}:{value}\n")


def written(*lines: bytes) -> bytes:
    """Write a click on link 7 with these lines in its head."""
    return b"\r\n".join([b"GET /c/a.b/7 HTTP/1.1", *lines, b"", b""])


def read_line_by_line(data: bytes) -> tuple[str, int, Kind] | None:
    """Read a click as the lane is to, the slow and plain way."""
    first, _, head = data.partition(b"\r\n")
    asked = re.fullmatch(rb"(GET|HEAD) /c/([\w.-]{1,160})/(0|[1-9][0-9]{0,2}) HTTP/1[.]1", first)
    lines = head.split(b"\r\n")
    if asked is None or lines[-2:] != [b"", b""] or len(lines) < 3:
        return None
    headers = []
    for line in lines[:-2]:
        header = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00\r\n]*)", line)
        if header is None or header[1].lower() in NOT_PLAIN:
            return None
        headers.append((header[1].lower(), header[2]))
    if any(name == b"connection" and not keeps(value) for name, value in headers):
        return None
    return asked[2].decode(), int(asked[3]), kind_of(asked[1].decode(), headers)


def keeps(connection: bytes) -> bool:
    return re.fullmatch(rb"[ \t]*keep-alive", connection, re.IGNORECASE) is not None


NAMES = [
    *NOT_PLAIN,
    b"connection",
    b"user-agent",
    b"upgrade-insecure-requests",
    b"accept",
    b"x-m",
    b"",
]
VALUES = [
    b"",
    b" keep-alive",
    b"\tKeep-Alive",
    b"keep-alive ",
    b" close",
    b" curl/8",
    b" Mozilla/5.0 (X11)",
]
ODD = [b"\r", b"\n", b"\r\n", b"\0", b":", b" ", b"\r\n folded", b"\r\nX:", b"\r\r\n", b"\n\n"]


@given(
    headers=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=6),
    spelt=st.sampled_from([bytes.lower, bytes.upper, bytes.title]),
    odd=st.sampled_from([b"", *ODD]),
    where=st.integers(0, 400),
)
def test_one_walk_reads_what_line_by_line_is_read(
    headers: list[tuple[bytes, bytes]], spelt: Callable[[bytes], bytes], odd: bytes, where: int
) -> None:
    whole = written(*(spelt(name) + b":" + value for name, value in headers))
    where %= len(whole) + 1
    data = whole[:where] + odd + whole[where:]
    assert plain_click(data) == read_line_by_line(data)


@pytest.mark.parametrize("odd", [b"\r", b"\n", b"\0", b"\r\r\n", b"\n\n", b"\r\n folded", b"\nX:"])
def test_a_line_that_ends_oddly_is_left_to_the_parser(odd: bytes) -> None:
    host = b"Host: mail.example.com"
    assert plain_click(written(host, b"X: ab")) is not None
    assert plain_click(written(host, b"X: a" + odd + b"b")) is None


@pytest.mark.parametrize("name", sorted(PURPOSE_HEADERS))
def test_what_was_made_ahead_of_time_is_left_to_the_parser(name: bytes) -> None:
    assert plain_click(written(name + b": prefetch")) is None
    assert plain_click(written(name + b"-: prefetch")) is not None


def test_the_last_agent_counts_as_it_does_the_long_way() -> None:
    assert plain_click(written(b"User-Agent: curl/8", b"USER-AGENT: Firefox ")) == (
        "a.b",
        7,
        Kind.GET,
    )
    assert plain_click(written(b"User-Agent: curl/8")) == ("a.b", 7, Kind.SCANNER)
    assert plain_click(written(b"Host: x")) == ("a.b", 7, Kind.SCANNER)
