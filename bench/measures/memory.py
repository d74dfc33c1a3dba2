"""The most memory that a worker ever has, with a small audience and with a large one."""

import os
import re
from pathlib import Path

from bench import campaign, smtp
from bench.letter import small_letter
from bench.stage import Child, Stage
from bench.values import Better, CheckFailed, Measure, Pair, Reading, Scale, Spec

PEAK = re.compile(r"VmHWM:\s*(\d+) kB")
PARENT = re.compile(r"PPid:\s*(\d+)")


def run(stage: Stage, scale: Scale) -> list[Reading]:
    """Let a fresh worker send a small campaign, and another one a large campaign."""
    few, many = scale.pick(2_000, 10_000), scale.pick(20_000, 1_000_000)
    pair = Pair(ours=_peak(stage, many), yardstick=_peak(stage, few))
    return [
        Reading(
            many,
            [pair],
            "every mail counted at the sink, books balanced",
            [f"beside {few:,} people; a letter of a few lines; all processes of the worker"],
        )
    ]


def _peak(stage: Stage, people: int) -> float:
    with smtp.sink() as taking, stage.house(crowd=people, smtp_port=taking.port) as house:
        worker = house.worker()
        campaign.rate(house, taking, people, small_letter)
        return peak_of(worker)


def peak_of(child: Child) -> float:
    """Return the sum of the peaks of a process and all below it, in MB. Linux only."""
    family = {child.process.pid}
    parents = _parents()
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    peaks = [found for pid in family if (found := _number(pid, PEAK)) is not None]
    if not peaks:
        raise CheckFailed("no process of the worker could be looked at")
    return sum(peaks) / 1024


def _parents() -> dict[int, int]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {pid: parent for pid in pids if (parent := _number(pid, PARENT)) is not None}


def _number(pid: int, pattern: re.Pattern[str]) -> int | None:
    try:
        found = pattern.search(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(found[1]) if found else None


MEMORY = Measure(
    "memory",
    (
        Spec(
            "peak memory of a worker",
            "MB",
            "the same worker with a small audience",
            0.9,
            Better.LESS,
        ),
    ),
    run,
)
