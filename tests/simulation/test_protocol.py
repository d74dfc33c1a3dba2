"""Hundreds of orders in which senders, nos, staff, a sweep and kills may meet, each from a seed.

`SIMULATION_SEEDS` sets how many, `SIMULATION_FIRST` the first of them.
`python -m tests.simulation --seed N` plays one again and prints what happened in it.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

import pytest

from mailer.database import Database
from mailer.delivery import OptOuts
from mailer.delivery.claimed import Claimed
from mailer.delivery.gate import Passed, Prepared
from mailer.delivery.optout import Left
from mailer.vault import Vault
from mailer.vocabulary import AddressId, BatchId, PersonId
from tests.simulation.stage import Stage, Sums, without_logs
from tests.simulation.world import Cast, WatchedGate

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "100"))
FIRST = int(os.environ.get("SIMULATION_FIRST", "1"))

pytestmark = pytest.mark.timeout(900)  # hundreds of small runs in one test, on a busy machine too


@pytest.fixture
def stage(database: Database, vault: Vault) -> Iterator[Stage]:
    stage = Stage(database.url, vault)
    with without_logs():
        yield stage
    stage.close()


@pytest.mark.clause("C08")
def test_the_promises_hold_in_every_order(stage: Stage) -> None:
    sums = Sums()
    for seed in range(FIRST, FIRST + SEEDS):
        played = stage.play(seed)
        assert not played.wrong, played.told()
        sums.add(played)
    assert sums.missing() == [], "a run that met too little shows nothing"


def test_a_seed_plays_the_same_again(stage: Stage) -> None:
    before = [stage.play(seed).trace for seed in range(5, 10)]
    after = [stage.play(seed).trace for seed in range(5, 10)]
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


WEAK: Sequence[tuple[Cast, int]] = (
    (Cast(gate=BlindGate), 60),
    (Cast(opt_outs=HastyOptOuts), 60),
)


@pytest.mark.parametrize(("cast", "seeds"), WEAK, ids=("gate", "barrier"))
def test_a_protocol_that_is_weaker_in_one_place_is_found_out(
    stage: Stage, cast: Cast, seeds: int
) -> None:
    found = (played.wrong for seed in range(1, seeds) if (played := stage.play(seed, cast)).wrong)
    assert "C1" in next(found, [""])[0]
