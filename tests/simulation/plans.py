"""What a seed lets happen, drawn before anything does: in a large world, or in a small one."""

import math
import random

from mailer.delivery import Brake, Limits, MailingState, Pace
from mailer.failpoints import Failpoint
from tests.simulation.crowd import KINDS
from tests.simulation.world import HostClocks, Plan

POINTS = (
    *(each for each in Failpoint if each.value.startswith(("sender.", "gate.", "reaper."))),
    Failpoint.WISH_WRITING,
    Failpoint.WISH_WRITTEN,
    Failpoint.WISH_JOURNALED,
    Failpoint.WISH_LOOKED,
    Failpoint.WISH_WAITED,
    Failpoint.ADDRESS_SILENCED,
    Failpoint.MERGED,
    Failpoint.MOVED,
    Failpoint.LINE_BEGUN,
    Failpoint.LINE_WRITTEN,
    Failpoint.LINE_SAFE,
)
"""Where a simulated process is killed."""
PACES = (
    *(Pace(),) * 5,
    Pace(per_second=1.0),
    Pace(per_second=0.4),
    Pace(per_domain={"example.com": 0.5}),
)
"""How fast a small world's mail leaves: one by one, with a wait for a turn, or to a slow domain."""
APART = (0.0, 0.0, 0.0, 45.0, -45.0, 3600.0)
"""Seconds that the clocks of two hosts may be apart: more than a lease, and than a reply may take."""


def aims_of(plan: Plan) -> list[Failpoint]:
    """Where somebody may be killed in a plan; what few plans come to, the more often there."""
    rare = {
        Failpoint.MERGED: "merge",
        Failpoint.MOVED: "move",
        Failpoint.ADDRESS_SILENCED: "removal",
    }
    aims = [each for each in POINTS if each not in rare]
    return aims + [point for point, kind in rare.items() if kind in plan.wishes for _ in range(8)]


def clocks_of(seed: int) -> HostClocks:
    """Draw how the clocks of a seed's hosts stand, apart from everything else that it draws."""
    chance = random.Random(f"clocks of {seed}")
    return HostClocks(chance.choice(APART), right_from=chance.choice((20.0, 60.0, math.inf)))


def large_plan(chance: random.Random, clocks: HostClocks) -> Plan:
    """Draw what a large world lets happen: a little of everything, and much of it at once."""
    is_rough = chance.random() < 0.7
    return Plan(
        people=chance.randint(2, 6),
        mailings=chance.choice((1, 1, 2)),
        orders=chance.choice((0, 0, 1, 2)),
        unsteady_relay=chance.choice((0.0, 0.15, 0.5)) if is_rough else 0.0,
        unsteady_database=chance.choice((0.0, 0.0, 0.01, 0.05)) if is_rough else 0.0,
        pace=Pace(per_second=chance.choice((0.0, 2.0, 2.0, 3.0))),
        limits=chance.choice((None, None, Limits(per_minute=2))),
        brake=chance.choice((Brake(after=1000), Brake(after=3))),
        staff=chance.choice((None, None, MailingState.PAUSED, MailingState.CANCELLED)),
        wishes=tuple(chance.choices(KINDS, k=chance.choice((1, 1, 2, 3)))),
        clocks=clocks,
    )


def small_plan(chance: random.Random, clocks: HostClocks) -> Plan:
    """Draw what a small world lets happen: one campaign, one or two people, seldom two wishes.

    Everything stands so close together that most of it meets; who finds nothing looks seldom.
    """
    is_rough = chance.random() < 0.5
    wishes = tuple(chance.choices((*KINDS, "back again"), k=chance.choice((1, 1, 1, 1, 2))))
    return Plan(
        people=2 if "merge" in wishes else chance.choice((1, 1, 2)),
        mailings=1,
        orders=chance.choice((0, 0, 0, 0, 0, 1)),
        unsteady_relay=chance.choice((0.3, 0.6)) if is_rough else 0.0,
        unsteady_database=chance.choice((0.0, 0.0, 0.05)) if is_rough else 0.0,
        pace=chance.choice(PACES),
        limits=chance.choice((None, None, None, Limits(per_minute=1))),
        brake=Brake(after=1000),
        staff=chance.choice((None, None, None, None, MailingState.PAUSED, MailingState.CANCELLED)),
        wishes=wishes,
        clocks=clocks,
        idle=10.0,
    )
