"""A process whose time of day is moved sees it move at once; what it waits by stays as it is."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.promises.moved import MovedClocks
from tests.tools import GCC, need

HOUR = 3600.0
TELL = """
import sys, time
from datetime import datetime, timezone
for _ in sys.stdin:
    print(time.time(), datetime.now(timezone.utc).timestamp(), time.monotonic(), flush=True)
"""


@pytest.fixture
def clocks(tmp_path: Path) -> MovedClocks:
    need(GCC)
    return MovedClocks(tmp_path / "clocks")


@contextmanager
def told_by(clocks: MovedClocks) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", TELL],
        env={**os.environ, **clocks.environment("worker-1")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process


def ask(process: "subprocess.Popen[str]") -> list[float]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("now\n")
    process.stdin.flush()
    return [float(word) for word in process.stdout.readline().split()]


@pytest.mark.parametrize("off", [HOUR, -HOUR, 0.5, -0.5])
def test_it_sees_another_time_of_day_and_the_same_running_clock(
    clocks: MovedClocks, off: float
) -> None:
    with told_by(clocks) as process:
        for moved in (0.0, off, 0.0):
            clocks.move("worker-1", moved)
            of_time, of_date, monotonic = ask(process)
            assert of_time == pytest.approx(time.time() + moved, abs=0.2)
            assert of_date == pytest.approx(time.time() + moved, abs=0.2)
            assert monotonic == pytest.approx(time.monotonic(), abs=0.2)


def test_whoever_waits_in_it_waits_as_long_as_ever(clocks: MovedClocks) -> None:
    wait = "import threading, time; threading.Event().wait(0.6); time.sleep(0.6)"
    environment = {**os.environ, **clocks.environment("worker-1")}
    mover = threading.Timer(0.4, clocks.move, ("worker-1", -HOUR))
    begun = time.monotonic()
    mover.start()
    subprocess.run([sys.executable, "-c", wait], env=environment, check=True, timeout=20)
    assert time.monotonic() - begun > 1.2
    mover.join()


def test_all_are_set_right_at_once(clocks: MovedClocks) -> None:
    clocks.environment("web")
    with told_by(clocks) as process:
        clocks.move("web", HOUR)
        clocks.move("worker-1", HOUR)
        clocks.set_right()
        assert ask(process)[0] == pytest.approx(time.time(), abs=0.2)
