"""Acting on failpoints as a folder says: for tests of the whole service, never in production.

The folder holds `plan.json`, which may be replaced at any time, and gets `hits/<process>.log`: a
line for each point that was acted on, on the disk's cache before the act.
"""

import errno
import json
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailer.failpoints import Act, Failpoint

PLAN = "plan.json"
LOOK_EVERY = 0.05
"""Seconds between two looks at the plan."""


class PlanInvalid(Exception):
    """The plan names a point or an act that does not exist."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What happens at a point: `kill`, `stop`, `wait` (`seconds`) or `no_space`, with a chance."""

    act: str
    chance: float = 1.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens where; a seed for what happens by chance."""

    seed: int
    aims: dict[Failpoint, Aim]


def read_plan(text: str) -> Plan:
    """Read a plan. Raises PlanInvalid with what is wrong and what would be right."""
    try:
        read = json.loads(text)
        aims = {Failpoint(point): _aim(aim) for point, aim in read["points"].items()}
        return Plan(int(read["seed"]), aims)
    except (ValueError, KeyError, TypeError) as error:
        raise PlanInvalid(f"{error}; a plan is like " + EXAMPLE) from None


EXAMPLE = '{"seed": 7, "points": {"sender.claimed": {"act": "kill", "chance": 0.01}}}'
ACTS = ("kill", "stop", "wait", "no_space")


def _aim(read: dict[str, Any]) -> Aim:
    aim = Aim(**read)
    if aim.act not in ACTS:
        raise ValueError(f"{aim.act} is none of {', '.join(ACTS)}")
    return aim


class Aiming:
    """Acts on the points of this process as the plan in a folder says at that moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plan = Plan(0, {})
        self._stamp = 0
        self._looked = 0.0
        self._process = 0
        self._chance = random.Random()  # noqa: S311 - a repeatable chance is wanted

    def __call__(self, point: Failpoint) -> None:
        """Act on one point. Raises OSError (ENOSPC) where the plan says `no_space`."""
        aim = self._current().aims.get(point)
        if aim is None or self._chance.random() >= aim.chance:
            return
        self._note(point, aim)
        match aim.act:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "wait":
                time.sleep(aim.seconds)
            case _:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _current(self) -> Plan:
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY and self._process == os.getpid():
            return self._plan
        self._looked = now
        path = self._folder / PLAN
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        if stamp != self._stamp or self._process != os.getpid():
            self._stamp, self._process = stamp, os.getpid()
            self._plan = read_plan(path.read_text()) if stamp else Plan(0, {})
            seed = f"{self._plan.seed}:{self._process}:{stamp}"
            self._chance = random.Random(seed)  # noqa: S311 - a repeatable chance is wanted
        return self._plan

    def _note(self, point: Failpoint, aim: Aim) -> None:
        hits = self._folder / "hits"
        hits.mkdir(exist_ok=True)
        with (hits / f"{os.getpid()}.log").open("a") as log:
            log.write(f"{time.monotonic():.6f} {point} {aim.act}\n")


def aimed_at(folder: Path) -> Act:
    """Return what acts on points as a folder says. Raises PlanInvalid for the plan that is there."""
    path = folder / PLAN
    if path.exists():
        read_plan(path.read_text())
    return Aiming(folder)
