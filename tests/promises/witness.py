"""The witness: an SMTP server outside the product that writes down what reached it, and when.

It has its own process, clock and log, speaks PIPELINING as fast as the sender, and misbehaves
on a script. As a process: `python -m tests.promises.witness --log FILE [--port N]`; it prints
its port as one JSON line, takes a new script as one JSON line on standard input, and ends with
standard input or SIGTERM. In tests: `witness_process` and `witness_thread`.
"""

import argparse
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.promises.witness_guest import Guest, Habits
from tests.promises.witness_log import Handed, read_log
from tests.promises.witness_script import Act, Director, Script, script_read, script_written

__all__ = [
    "Act",
    "Habits",
    "Handed",
    "RunningWitness",
    "Script",
    "Witness",
    "main",
    "read_log",
    "witness_process",
    "witness_thread",
]

ROOM = 262_144


class Witness:
    """The server: one thread, one selector. `port` is known once it is made."""

    def __init__(
        self, log: Path, *, port: int = 0, habits: Habits | None = None, seed: int = 1
    ) -> None:
        self.habits = habits or Habits()
        self.director = Director(seed)
        self.kept: list[tuple[str, bytes]] | None = None
        """Recipients and contents of what was taken, if a test puts a list here."""
        self.connections = 0
        self._log = log.open("ab", buffering=0)
        self._lines: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", port), backlog=256)
        self._listening.settimeout(0)
        if self.habits.receive_buffer is not None:
            size = self.habits.receive_buffer
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        self.port: int = self._listening.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ, self._welcome)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, self._stop)
        self._is_running = True
        self._guests: set[Guest] = set()
        self._waiting: set[Guest] = set()
        self.room = bytearray(ROOM)

    def listen_to(self, descriptor: int, heard: Callable[[], None]) -> None:
        """Call `heard` whenever `descriptor` can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ, heard)

    def serve(self) -> None:
        """Serve until `stop`; at the end every connection is closed and the log is whole."""
        while self._is_running:
            for key, _ in self._selector.select(self._patience()):
                key.data()
            now = time.monotonic()
            for guest in [each for each in self._waiting if each.due <= now]:
                guest.go_on(now)
            self.write_log()
        for guest in list(self._guests):
            guest.gone()
        self.write_log()
        self._listening.close()
        self._selector.close()
        self._wake.close()
        self._woken.close()
        self._log.close()

    def stop(self) -> None:
        """End `serve`, from any thread or signal handler."""
        self._is_running = False
        with contextlib.suppress(OSError):
            self._wake.send(b"x")

    def note(self, handed: Handed) -> None:
        """Write one finished message down."""
        self._lines.append(orjson.dumps(handed) + b"\n")

    def watch(self, guest: "Guest", *, is_reading: bool) -> None:
        """Read from a guest, or stop reading from it."""
        if is_reading:
            self._selector.register(guest.socket, selectors.EVENT_READ, guest.arrived)
        else:
            self._selector.unregister(guest.socket)

    def wait_for(self, guest: "Guest", *, is_waiting: bool) -> None:
        """Come back to a guest when it is due."""
        (self._waiting.add if is_waiting else self._waiting.discard)(guest)

    def know(self, guest: "Guest") -> None:
        """A connection has begun."""
        self._guests.add(guest)

    def forget(self, guest: "Guest") -> None:
        """Its connection has ended."""
        self._guests.discard(guest)
        self._waiting.discard(guest)

    def _patience(self) -> float | None:
        if not self._waiting:
            return None
        return max(0.0, min(guest.due for guest in self._waiting) - time.monotonic())

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listening.accept()
            self.connections += 1
            Guest(self, connection, self.connections)

    def _stop(self) -> None:
        self._is_running = False

    def write_log(self) -> None:
        """Put what was noted on file."""
        if self._lines:
            os.write(self._log.fileno(), b"".join(self._lines))
            self._lines.clear()


# As a thread of a test, and as a process of its own


@dataclass
class RunningWitness:
    """A witness that serves: where it is, and what it has written."""

    port: int
    log: Path
    play: Callable[[Script], None]
    """Change its script, from the next command on."""

    @property
    def url(self) -> str:
        """Its address as MAILER_SMTP_URL wants it."""
        return f"smtp://127.0.0.1:{self.port}"

    def handed(self) -> list[Handed]:
        """What it has written so far."""
        return read_log(self.log)

    def accepted(self) -> list[Handed]:
        """The messages that it took."""
        return [handed for handed in self.handed() if handed.accepted]


@contextlib.contextmanager
def witness_thread(
    log: Path,
    *,
    script: Script = (),
    habits: Habits | None = None,
    kept: list[tuple[str, bytes]] | None = None,
) -> Iterator[RunningWitness]:
    """Serve from a thread of this process: quick to start, for tests that need no separation."""
    witness = Witness(log, habits=habits)
    witness.kept = kept
    witness.director.play(script)
    thread = threading.Thread(target=witness.serve, name="witness", daemon=True)
    thread.start()
    try:
        yield RunningWitness(witness.port, log, witness.director.play)
    finally:
        witness.stop()
        thread.join(10)


@contextlib.contextmanager
def witness_process(log: Path, *, script: Script = (), port: int = 0) -> Iterator[RunningWitness]:
    """Serve from a process of its own, which outlives whatever befalls the product's."""
    command = [sys.executable, "-m", "tests.promises.witness"]
    command += ["--log", str(log), "--port", str(port), "--script", script_written(script)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin = process.stdin

        def play(script: Script) -> None:
            stdin.write(script_written(script).encode() + b"\n")
            stdin.flush()

        try:
            yield RunningWitness(json.loads(process.stdout.readline())["port"], log, play)
        finally:
            stdin.close()
            process.wait(10)


def _take_scripts(witness: Witness) -> Callable[[], None]:
    """Follow standard input: each line is a script, its end is ours."""
    rest = b""

    def heard() -> None:
        nonlocal rest
        arrived = os.read(sys.stdin.fileno(), 65_536)
        *lines, rest = (rest + arrived).split(b"\n")
        for line in lines:
            witness.director.play(script_read(line))
        if not arrived:
            witness.stop()

    return heard


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until standard input ends or SIGTERM comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", default="[]", help="a JSON list of acts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-pipelining", action="store_true")
    options = parser.parse_args(arguments)
    script = script_read(options.script)
    habits = Habits(pipelining=not options.no_pipelining)
    witness = Witness(options.log, port=options.port, habits=habits, seed=options.seed)
    witness.director.play(script)
    signal.signal(signal.SIGTERM, lambda *_: witness.stop())
    witness.listen_to(sys.stdin.fileno(), _take_scripts(witness))
    sys.stdout.write(json.dumps({"port": witness.port}) + "\n")
    sys.stdout.flush()
    witness.serve()


if __name__ == "__main__":
    main()
