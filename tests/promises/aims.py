"""Aims at failpoints: a plan that processes of ours read, and what they wrote down before they obeyed."""

import contextlib
import json
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

from mailer.development.aiming import PLAN
from mailer.failpoints import Failpoint

HELD_UP: dict[Failpoint, tuple[float, float]] = {
    Failpoint.PRINTED: (0.35, 0.12),
    Failpoint.IN_HAND: (0.35, 0.2),
    Failpoint.IN_HAND_JOURNALED: (0.35, 0.2),
    Failpoint.GATE_ARMED: (0.3, 0.25),
    Failpoint.HANDED_OVER: (0.2, 0.15),
}
"""Where senders wait now and then (chance, seconds), so that opt-outs fall into every gap."""
ASLEEP = (0.4, 1.5, 3.6)
"""Seconds that who stops at a failpoint stays stopped: shorter and longer than a start window."""


class Aims:
    """What is aimed at in a folder; an aim stands until somebody is hit."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self._seed = seed
        self._chance = random.Random(f"aims {seed}")
        self._lock = threading.Lock()
        self._aims: dict[Failpoint, dict[str, Any]] = {}
        self._killed_at: set[str] = set()
        self._read: dict[Path, int] = {}
        self._asleep: dict[int, float] = {}
        (folder / "hits").mkdir(parents=True, exist_ok=True)

    def take(self, point: Failpoint, act: str, seconds: float = 0.0) -> None:
        """Aim at a point from now on."""
        with self._lock:
            self._aims[point] = {"act": act, "chance": 1.0, "seconds": seconds}
            self._write()

    def begin(self) -> None:
        """Hold senders up from now on."""
        with self._lock:
            self._write()

    def end(self) -> None:
        """Aim at nothing any more, and wake everybody."""
        with self._lock:
            self._aims.clear()
            self._write(is_over=True)
        time.sleep(0.3)  # longer than a process goes without a look at the plan
        self.look()
        for pid in list(self._asleep):
            self._wake(pid)

    def look(self) -> None:
        """Take back the aims that have hit, and wake who has slept enough."""
        with self._lock:
            hit = self._new_hits()
            over = [each for each, aim in self._aims.items() if (each.value, aim["act"]) in hit]
            for point in over:
                del self._aims[point]
            if over:
                self._write()
        now = time.monotonic()
        for pid in [pid for pid, due in self._asleep.items() if due <= now]:
            self._wake(pid)

    def never_killed_at(self) -> list[Failpoint]:
        """Return the points at which nobody was killed so far."""
        return [point for point in Failpoint if point.value not in self._killed_at]

    def _write(self, *, is_over: bool = False) -> None:
        points: dict[str, Any] = {}
        if not is_over:
            for point, (share, seconds) in HELD_UP.items():
                points[point.value] = {"act": "wait", "chance": share, "seconds": seconds}
        points |= {point.value: aim for point, aim in self._aims.items()}
        unfinished = self.folder / "plan.new"
        unfinished.write_text(json.dumps({"seed": self._seed, "points": points}))
        unfinished.rename(self.folder / PLAN)

    def _new_hits(self) -> set[tuple[str, str]]:
        hits = set()
        for path in (self.folder / "hits").glob("*.log"):
            for line in self._new_lines(path):
                _, point, act = line.split()
                hits.add((point, act))
                if act == "kill":
                    self._killed_at.add(point)
                elif act == "stop":
                    awake = time.monotonic() + self._chance.choice(ASLEEP)
                    self._asleep[int(path.stem)] = awake
        return hits

    def _new_lines(self, path: Path) -> list[str]:
        begun = self._read.get(path, 0)
        if path.stat().st_size <= begun:  # most are of processes that died long ago
            return []
        with path.open("rb") as log:
            log.seek(begun)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read[path] = begun + len(whole) + len(newline)
        return whole.decode().splitlines()

    def _wake(self, pid: int) -> None:
        self._asleep.pop(pid, None)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
