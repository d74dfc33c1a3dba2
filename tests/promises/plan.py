"""What goes wrong in a promise run, and when: drawn from a seed before anything starts. Pure."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailer.failpoints import Failpoint
from tests.promises.moods import MOODS

EVERY = 2.0
"""Seconds between two deeds of a long run: who is killed again before he works meets no opt-out."""
JOURNAL = (Failpoint.LINE_BEGUN, Failpoint.LINE_WRITTEN, Failpoint.LINE_SAFE)
PARTS = ("worker-1", "worker-2")
WEBS = ("web", "web-2")
APART = (-86_400.0, -3_600.0, -45.0, -2.0, 2.0, 45.0, 3_600.0, 86_400.0, 0.0, 0.0, 0.0)
"""Seconds by which a host's time of day is set, or set right again."""
CLOCKS = 5
"""How often a clock is set in the shortest of runs."""
KINDS = {
    "aim": 52,
    "child": 8,
    "kill": 4,
    "web": 2,
    "beat": 2,
    "stop": 8,
    "deploy": 2,
    "flush": 3,
    "broker": 2,
    "doorbells": 3,
    "database": 1,
    "freeze": 2,
    "cut.database": 3,
    "cut.broker": 2,
    "cut.witness": 3,
    "witness": 5,
    "clock": 5,
}
"""How often each kind of deed is drawn, of a hundred and a bit; a run does each once at least."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing to do at a moment of the run, in seconds from its start."""

    at: float
    kind: str
    target: str = ""
    """The part to hit, the failpoint to aim at, or the mood of the witness."""
    act: str = ""
    """Of an aim: kill, stop, wait or no_space."""
    seconds: float = 0.0
    """How long it takes; of a clock, by how much it is off from now on."""
    share: float = 1.0

    def __str__(self) -> str:
        words = [f"{self.at:7.2f}", self.kind, self.target, self.act]
        words += [f"{self.seconds:.2f} s"] if self.seconds else []
        return " ".join(word for word in words if word)


def drawn(seed: int, seconds: float) -> list[Deed]:
    """Return what goes wrong in so many seconds: the same for the same seed.

    Failpoints are aimed at by turns in an order of the seed's, each killed at in its first turn,
    in which the journal's disk is full as well. However short the time, all of that is in it.
    """
    chance = random.Random(f"deeds {seed}")
    kinds = _kinds(chance, seconds)
    moments, aims = _moments(chance, len(kinds), seconds), _aims(chance)
    return [_deed(chance, at, kind, aims) for at, kind in zip(moments, kinds, strict=True)]


def _moments(chance: random.Random, count: int, seconds: float) -> Iterator[float]:
    for n in range(count):
        yield round((n + chance.uniform(0.1, 0.9)) * seconds / count, 2)


def _kinds(chance: random.Random, seconds: float) -> Sequence[str]:
    """Draw kinds of deeds, each once at least, with a whole turn of aims and some clocks set."""
    kinds = [*KINDS, *["aim"] * (len(Failpoint) + len(JOURNAL) - 1), *["clock"] * (CLOCKS - 1)]
    more = max(0, round(seconds / EVERY) - len(kinds))
    kinds += chance.choices(list(KINDS), list(KINDS.values()), k=more)
    chance.shuffle(kinds)
    return kinds


def _aims(chance: random.Random) -> Iterator[tuple[Failpoint, str]]:
    """Go round all failpoints for ever: first killing and with a full disk, then as drawn."""
    points = list(Failpoint)
    first = [(point, "kill") for point in points] + [(point, "no_space") for point in JOURNAL]
    chance.shuffle(first)
    yield from first
    while True:
        chance.shuffle(points)
        for point in points:
            acts = ["kill", "kill", "stop", "wait"]
            acts += ["no_space"] * 3 if point in JOURNAL else []
            yield point, chance.choice(acts)


def _deed(
    chance: random.Random, at: float, kind: str, aims: Iterator[tuple[Failpoint, str]]
) -> Deed:
    seconds = round(chance.choice([chance.uniform(0.1, 0.9), chance.uniform(1.2, 3.6)]), 2)
    share = round(chance.uniform(0.2, 1.0), 2)
    match kind:
        case "aim":
            point, act = next(aims)
            return Deed(at, kind, point.value, act, seconds)
        case "witness":
            return Deed(at, kind, chance.choice(sorted(MOODS)), seconds=seconds)
        case "web":
            return Deed(at, kind, chance.choice(WEBS))
        case "clock":
            return Deed(
                at, kind, chance.choice((*PARTS, *WEBS, "beat")), seconds=chance.choice(APART)
            )
        case "child" | "kill" | "stop" | "deploy":
            parts = (*PARTS, *WEBS) if kind == "stop" else PARTS
            return Deed(at, kind, chance.choice(parts), seconds=seconds)
        case _:
            return Deed(at, kind, seconds=seconds, share=share)


def by_kind(deeds: Sequence[Deed]) -> Counter[str]:
    """Count deeds by kind."""
    return Counter(deed.kind for deed in deeds)
