"""The two sizes of a seed's world, and what all seeds of a size together must have met (C8)."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.simulation.plans import large_plan, small_plan
from tests.simulation.world import HostClocks, Plan

OFTEN = (
    "kills",
    "a no acknowledged",
    "somebody dropped at the gate",
    "a barrier's wait ended by settling",
    "a batch that was no longer ours",
    "COMMIT done and its answer lost",
    "COMMIT lost before it was done",
    "the database was away",
    "ended by the kernel, too late",
    "tried again later, as asked",
    "a wait for a turn",
    "put off by a pace for a minute",
)
SELDOM = (
    *OFTEN,
    "a no acknowledged, naming what left",
    "a no acknowledged, naming what may have",
    "a barrier's wait ended by its time",
    "batches given up",
    "an ambiguous hand-over",
    "no connection",
    "a yes",
    "a stale yes, asked again",
    "lock waits",
    "people of unknown fate",
    "copies of order updates",
)


@dataclass(frozen=True)
class Size:
    """How large a world is, and how long its faults last."""

    name: str
    plan: Callable[[random.Random, HostClocks], Plan]
    unsteady_steps: int
    """After so many steps faults are over."""
    enough: int
    """Seeds of a run that must meet what is met often; fewer are for looking into one."""
    long: int
    """Seeds that must meet everything, and kill at every point."""
    everything: Sequence[str]

    def chance(self, seed: int) -> random.Random:
        """Return what a seed decides by; each size has seeds of its own."""
        return random.Random(seed if self is LARGE else f"{self.name} {seed}")

    @property
    def option(self) -> str:
        """What the command line must be told."""
        return "" if self is LARGE else f" --size {self.name}"


LARGE = Size(
    "large",
    large_plan,
    unsteady_steps=300,
    enough=100,
    long=5000,
    everything=(*SELDOM, "a brake released"),
)
SMALL = Size("small", small_plan, unsteady_steps=80, enough=300, long=1000, everything=SELDOM)
SIZES = {each.name: each for each in (LARGE, SMALL)}
