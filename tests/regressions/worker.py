"""A worker in a process of its own that a test ends or holds at a named step.

`python -m tests.regressions.worker` with the database's URL, a folder, the moment, the step, and
what happens there: `kill` or `hold`. Whom its provider took a message for stands in a file at once.
"""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailer.failpoints import Failpoint, acting
from mailer.providers import MemoryProvider, Outgoing
from mailer.vocabulary import Lane
from mailer.wiring import build_sender
from tests.campaigns.conftest import Desk, parts_over
from tests.web.house import settings_for
from workers.shift import Shift

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


@dataclass
class Worker:
    """A worker that runs."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    def is_held(self) -> None:
        """Wait until it stands at its step."""
        until = time.monotonic() + PATIENCE
        while not (self.folder / "held").exists():
            assert self.process.poll() is None, "it ended before"
            assert time.monotonic() < until
            time.sleep(0.02)

    def goes_on(self) -> int:
        """Let it go on; return how it ended."""
        (self.folder / "go").touch()
        return self.process.wait(PATIENCE)

    def taken(self) -> list[str]:
        """Whom its provider took a message for."""
        log = self.folder / "taken"
        return log.read_text().split() if log.exists() else []


def sweep_an_hour_apart(desk: Desk) -> None:
    """Let another worker see what is in hand, and look once more when its time is over."""
    hours = itertools.count()
    sender = build_sender(desk.parts, provider=desk.provider)
    shift = Shift(desk.parts, sender, monotonic=lambda: next(hours) * 3600.0)
    for _ in range(2):
        shift.sweep()


@contextlib.contextmanager
def a_worker(
    database_url: str, folder: Path, now: datetime, point: Failpoint, act: str
) -> Iterator[Worker]:
    """Start a worker that sends what is due at a moment, and comes to a step."""
    folder.mkdir()
    words = [database_url, str(folder), now.isoformat(), point.value, act]
    command = [sys.executable, "-m", "tests.regressions.worker", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            yield Worker(process, folder)
        finally:
            process.kill()


def main(url: str, folder: Path, now: datetime, point: Failpoint, act: str) -> None:
    """Send all that is due, unless something happens on the way."""

    def take(mail: Outgoing) -> None:
        with (folder / "taken").open("a") as log:
            log.write(f"{mail.recipient}\n")

    def at(reached: Failpoint) -> None:
        if reached is not point:
            return
        if act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / "held").touch()
        while not (folder / "go").exists():
            time.sleep(0.02)

    with parts_over(settings_for(url, folder), [now]) as parts, acting(at):
        sender = build_sender(parts, provider=MemoryProvider(keep=take))
        while sender.deliver_one(Lane.PROMOTIONAL):
            pass
        sender.close()


if __name__ == "__main__":
    main(
        sys.argv[1],
        Path(sys.argv[2]),
        datetime.fromisoformat(sys.argv[3]),
        Failpoint(sys.argv[4]),
        sys.argv[5],
    )
