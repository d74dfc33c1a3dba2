"""Orders in which senders, nos, staff, a sweep and kills may meet in large worlds, each from a seed.

`SIMULATION_SEEDS` sets how many, `SIMULATION_FIRST` the first of them.
`python -m tests.simulation --seed N` plays one again and prints what happened in it.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import pytest

from mailer.delivery import Left, OptOuts
from mailer.delivery.claimed import Claimed
from mailer.delivery.gate import Passed, Prepared
from mailer.vocabulary import AddressId, BatchId, PersonId
from tests.simulation.checkers import crowded_minutes
from tests.simulation.sizes import LARGE, SIZES, SMALL, Size
from tests.simulation.stage import Stage
from tests.simulation.world import Cast, WatchedGate

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "100"))
FIRST = int(os.environ.get("SIMULATION_FIRST", "1"))

pytestmark = pytest.mark.timeout(900)  # hundreds of small runs in one test, on a busy machine too


@pytest.mark.clause("C08")
def test_the_promises_hold_in_every_order(stage: Stage) -> None:
    stage.play_all(range(FIRST, FIRST + SEEDS), LARGE)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_seed_plays_the_same_again(stage: Stage, size: Size) -> None:
    before = [stage.play(seed, size=size).trace for seed in range(5, 10)]
    after = [stage.play(seed, size=size).trace for seed in range(5, 10)]
    assert before == after


class BlindGate(WatchedGate):
    """Lets everybody through whom the claim let through."""

    def _decide_again(
        self, batch: Claimed, prepared: Mapping[PersonId, Prepared], now: datetime
    ) -> Passed:
        return Passed([each.outgoing for each in prepared.values()])


class HastyOptOuts(OptOuts):
    """Acknowledges at once, whatever is in hand."""

    def _wait_for(
        self,
        waiting: dict[BatchId, Left],
        person_id: PersonId,
        addresses: Collection[AddressId],
    ) -> tuple[list[Left], list[Left]]:
        return [], list(waiting.values())


WEAK: Sequence[tuple[str, Cast, Size, range]] = (
    ("C1", Cast(gate=BlindGate), LARGE, range(20, 80)),
    ("C1", Cast(opt_outs=HastyOptOuts), LARGE, range(5, 65)),
    ("C1", Cast(gate=BlindGate), SMALL, range(170, 370)),
    ("C1", Cast(opt_outs=HastyOptOuts), SMALL, range(40, 240)),
)
"""Each begins shortly before a seed that once found it out; when seeds mean something else, it goes on."""


@pytest.mark.parametrize(
    ("promise", "cast", "size", "seeds"),
    WEAK,
    ids=("gate", "barrier", "gate, small", "barrier, small"),
)
def test_a_protocol_that_is_weaker_in_one_place_is_found_out(
    stage: Stage, promise: str, cast: Cast, size: Size, seeds: range
) -> None:
    played = (stage.play(seed, cast, size) for seed in seeds)
    found = next((each.wrong for each in played if each.wrong), [""])
    assert promise in found[0]


def test_a_minute_in_which_more_begin_than_may_is_told() -> None:
    assert list(crowded_minutes([0.0, 20.0, 60.0, 80.0], 2)) == []
    assert len(list(crowded_minutes([0.0, 20.0, 59.0, 90.0], 2))) == 1
    assert list(crowded_minutes([], 1)) == []
