"""A thousand orders in worlds of two people and one campaign, each from a seed.

`SIMULATION_SMALL_SEEDS` sets how many, `SIMULATION_FIRST` the first of them.
`python -m tests.simulation --size small --seed N` plays one again and prints what happened in it.
Two classes, so that two processes may play them at once; each half must have met enough by itself.
"""

import os

import pytest

from tests.simulation.sizes import SMALL
from tests.simulation.stage import Stage

FIRST = int(os.environ.get("SIMULATION_FIRST", "1"))
HALF = int(os.environ.get("SIMULATION_SMALL_SEEDS", "1000")) // 2

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]


class TestTheFirstHalf:
    @pytest.mark.clause("C08")
    def test_keeps_the_promises_in_every_order(self, stage: Stage) -> None:
        stage.play_all(range(FIRST, FIRST + HALF), SMALL)


class TestTheSecondHalf:
    @pytest.mark.clause("C08")
    def test_keeps_the_promises_in_every_order(self, stage: Stage) -> None:
        stage.play_all(range(FIRST + HALF, FIRST + 2 * HALF), SMALL)
