"""A small TCP proxy that stands between the service and what it talks to, and cuts connections.

A process of its own: `python -m tests.promises.proxy NAME=HOST:PORT …` prints the ports by name as
one JSON line, then obeys one JSON line after the other on standard input, and ends with it.
"""

import asyncio
import contextlib
import json
import random
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
ROOM = 65_536


class Link:
    """What one name leads to, and the connections through it."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._open: list[list[asyncio.StreamWriter]] = []
        self.cuts = 0

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry both ways until either side ends or the connection is cut."""
        try:
            there, back = await asyncio.open_connection(self._host, self._port)
        except OSError:
            _reset(writer)
            return
        both = [writer, back]
        self._open.append(both)
        ways = [asyncio.ensure_future(_carry(reader, back))]
        ways.append(asyncio.ensure_future(_carry(there, writer)))
        with contextlib.suppress(asyncio.CancelledError):  # the proxy itself ends
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if both in self._open:
            self._open.remove(both)
        is_whole = all(not way.cancelled() and way.result() for way in ways if way.done())
        for way in ways:
            way.cancel()
        for each in both:
            if is_whole:
                each.close()
            else:
                _reset(each)

    def cut(self, chance: random.Random, share: float) -> int:
        """Cut a share of the connections: both ends are reset, what was on its way is lost."""
        chosen = [both for both in self._open if chance.random() < share]
        for both in chosen:
            self._open.remove(both)
            for writer in both:
                _reset(writer)
        self.cuts += len(chosen)
        return len(chosen)


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        end = writer.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Carry one way until its end; say whether it ended in good order, or was reset."""
    try:
        while data := await reader.read(ROOM):
            writer.write(data)
            await writer.drain()
    except OSError:
        return False
    return True


async def serve(places: Mapping[str, tuple[str, int]]) -> None:
    """Serve until standard input ends."""
    links = {name: Link(*place) for name, place in places.items()}
    servers = {
        name: await asyncio.start_server(link.welcome, "127.0.0.1", 0)
        for name, link in links.items()
    }
    ports = {name: each.sockets[0].getsockname()[1] for name, each in servers.items()}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    chance = random.Random(1)
    while line := await orders.readline():
        order = json.loads(line)
        done = links[order["cut"]].cut(chance, order["share"])
        sys.stdout.write(json.dumps({"cut": done}) + "\n")
        sys.stdout.flush()


@dataclass
class RunningProxy:
    """A proxy that serves: the ports by name, and a way to cut."""

    ports: dict[str, int]
    _process: "subprocess.Popen[bytes]"

    def cut(self, name: str, share: float = 1.0) -> int:
        """Cut a share of the connections of one name; return how many."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"cut": name, "share": share}).encode() + b"\n")
        self._process.stdin.flush()
        done: dict[str, int] = json.loads(self._process.stdout.readline())
        return done["cut"]


@contextlib.contextmanager
def proxy_process(places: Mapping[str, tuple[str, int]]) -> Iterator[RunningProxy]:
    """Serve from a process of its own."""
    words = [f"{name}={host}:{port}" for name, (host, port) in places.items()]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.promises.proxy", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield RunningProxy(json.loads(process.stdout.readline()), process)
        finally:
            process.stdin.close()
            process.wait(10)


def main(words: list[str]) -> None:
    """Serve the places that the command line names."""
    places = {}
    for word in words:
        name, _, place = word.partition("=")
        host, _, port = place.rpartition(":")
        places[name] = (host, int(port))
    asyncio.run(serve(places))


if __name__ == "__main__":
    main(sys.argv[1:])
