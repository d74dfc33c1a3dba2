"""Which clicks the lane takes: what browsers send, and nothing that is more than a plain request."""

from collections.abc import Awaitable, Callable

import pytest

from mailer.measure import ClickDesk
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
