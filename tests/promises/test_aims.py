"""An aim stands until somebody is hit, and whoever fell asleep at one is woken."""

import json
import os
from pathlib import Path

import pytest

from mailer.development.aiming import PLAN, read_plan
from mailer.failpoints import Failpoint
from tests.promises.aims import HELD_UP, Aims

CLAIMED, IN_HAND = Failpoint.CLAIMED, Failpoint.IN_HAND


@pytest.fixture
def aims(tmp_path: Path) -> Aims:
    aims = Aims(tmp_path, seed=7)
    aims.begin()
    return aims


def aimed_at(aims: Aims) -> dict[Failpoint, str]:
    plan = read_plan((aims.folder / PLAN).read_text())
    return {point: aim.act for point, aim in plan.aims.items()}


def hit(aims: Aims, line: str) -> None:
    with (aims.folder / "hits" / f"{os.getpid()}.log").open("a") as log:
        log.write(line)


def test_senders_are_held_up_from_the_beginning_and_left_alone_at_the_end(aims: Aims) -> None:
    assert aimed_at(aims) == dict.fromkeys(HELD_UP, "wait")
    aims.take(CLAIMED, "kill")
    aims.end()
    assert aimed_at(aims) == {}


def test_an_aim_is_taken_back_once_somebody_is_hit_and_no_sooner(aims: Aims) -> None:
    aims.take(CLAIMED, "kill")
    aims.take(IN_HAND, "kill")
    hit(aims, f"1.0 {IN_HAND} wait\n2.0 {CLAIMED} ki")
    aims.look()
    assert aimed_at(aims) == {**dict.fromkeys(HELD_UP, "wait"), CLAIMED: "kill", IN_HAND: "kill"}
    hit(aims, "ll\n")
    aims.look()
    assert aimed_at(aims) == {**dict.fromkeys(HELD_UP, "wait"), IN_HAND: "kill"}


def test_only_who_was_killed_at_a_point_was_killed_there(aims: Aims) -> None:
    hit(aims, f"1.0 {CLAIMED} kill\n1.1 {IN_HAND} stop\n1.2 {IN_HAND} wait\n")
    aims.look()
    assert set(Failpoint) - set(aims.never_killed_at()) == {CLAIMED}


def test_a_plan_is_never_half_written(aims: Aims) -> None:
    for point in Failpoint:
        aims.take(point, "stop", seconds=0.5)
        assert json.loads((aims.folder / PLAN).read_text())["seed"] == 7
    assert set(aimed_at(aims)) == set(Failpoint)
