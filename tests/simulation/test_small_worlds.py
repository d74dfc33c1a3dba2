"""Thousands of orders in worlds of two people and one campaign, each from a seed.

`SIMULATION_SMALL_SEEDS` sets how many, `SIMULATION_FIRST` the first of them. Halves, so that two
processes can play them. `python -m tests.simulation --size small --seed N` plays one again and prints
what happened in it.
"""

import os

import pytest

from tests.simulation.sizes import SMALL
from tests.simulation.stage import Stage

FIRST = int(os.environ.get("SIMULATION_FIRST", "1"))
SEEDS = int(os.environ.get("SIMULATION_SMALL_SEEDS", "2000"))
HALF = FIRST + SEEDS // 2

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.clause("C08")
class TestFirstHalf:
    def test_the_promises_hold_in_every_order_of_a_small_world(self, stage: Stage) -> None:
        stage.play_all(range(FIRST, HALF), SMALL)


@pytest.mark.clause("C08")
class TestSecondHalf:
    def test_the_promises_hold_in_every_order_of_a_small_world(self, stage: Stage) -> None:
        stage.play_all(range(HALF, FIRST + SEEDS), SMALL)
