"""Postfix's sink, which takes mail and counts it, and Postfix's own load generator."""

import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.yardsticks import account, tool
from mailer.development.places import free_port

COUNTED = re.compile(rb"mesg=(\d+)")
SESSIONS = 10
TAIL = 4096


class Sink:
    """A running smtp-sink. It reports its count after every message."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    @property
    def counted(self) -> int:
        """How many messages it has taken in since it started."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - TAIL))
            found = COUNTED.findall(log.read())
        return int(found[-1]) if found else 0


@contextmanager
def sink(port: int | None = None, *, dump: Path | None = None) -> Iterator[Sink]:
    """Run a sink; with `dump` it keeps every message in that folder, which slows it down.

    Raises Missing.
    """
    program = tool("smtp-sink")
    port = port or free_port()
    keep = () if dump is None else ("-d", f"{dump}/m.")
    with tempfile.TemporaryDirectory(prefix="bench-sink-") as folder:
        log = Path(folder) / "count"
        with log.open("wb") as output:
            running = subprocess.Popen(
                [program.path, "-c", *account(), *keep, f"inet:127.0.0.1:{port}", "1000"],
                env=program.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_for(port, running)
            yield Sink(port, log)
        finally:
            running.kill()
            running.wait()


@contextmanager
def dump_folder() -> Iterator[Path]:
    """Yield a folder that the sink may write to, whoever it runs as."""
    with tempfile.TemporaryDirectory(prefix="bench-dump-") as folder:
        os.chmod(folder, 0o777)  # noqa: S103 - made-up mail of ours, for a moment
        yield Path(folder)


def dumped(folder: Path) -> list[str]:
    """Return the messages that a sink kept, as they came, with LF at each line's end."""
    return [file.read_text(encoding="utf-8", errors="replace") for file in folder.iterdir()]


def source(port: int, *, messages: int, size: int) -> float:
    """Send messages of `size` bytes by smtp-source over ten kept sessions; return the seconds.

    Raises Missing.
    """
    program = tool("smtp-source")
    words = [program.path, "-d", "-s", str(SESSIONS), "-l", str(size), "-m", str(messages)]
    words += ["-f", "news@focalpointsystem.com", "-t", "jo@example.com", f"inet:127.0.0.1:{port}"]
    began = time.perf_counter()
    subprocess.run(words, env=program.environment, check=True, capture_output=True)
    return time.perf_counter() - began


def _wait_for(port: int, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and running.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError("smtp-sink did not start")
