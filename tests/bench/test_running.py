"""A measure becomes rows, also where it cannot be measured or did not do what it was to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from bench.running import (
    OVER_AFTER,
    SHORTER_AFTER,
    STOPPED,
    TOO_LATE,
    _in_time,
    row_of,
    rows_of,
    run,
)
from bench.stage import Stage, logs_kept
from bench.values import (
    FULL,
    QUICK,
    Better,
    CheckFailed,
    Measure,
    Pair,
    Reading,
    Result,
    Scale,
    Spec,
)
from bench.yardsticks import Missing

NOWHERE = cast("Stage", None)
FAST = Spec("parcels carried", "parcels/s", "a mule", 2.0)
LIGHT = Spec("weight of a cart", "kg", "100 kg", 1.0, Better.LESS)


def a_measure(work: Callable[[Scale], list[Reading]], *specs: Spec) -> Measure:
    return Measure("carrying", specs or (FAST,), lambda _, scale: work(scale))


def failing(error: BaseException) -> Measure:
    def work(_: Scale) -> list[Reading]:
        raise error

    return a_measure(work, FAST, LIGHT)


def test_a_row_says_what_its_middle_pair_measured_and_whether_it_reached() -> None:
    reading = Reading(70, [Pair(20, 10), Pair(30, 10), Pair(25, 10)], "counted", ["uphill"])
    row = row_of(FAST, reading)
    assert (row.ours, row.yardstick, row.ratio, row.reached) == (25, 10, 2.5, True)
    assert row.notes == ("uphill", "3 pairs, ratios from 2 to 3")


def test_what_stands_beside_a_goal_is_not_said_to_be_paired() -> None:
    goal = Spec("weight of a cart", "kg", "100 kg", 1.0, Better.LESS, is_goal=True)
    row = row_of(goal, Reading(1, [Pair(50, 100), Pair(25, 100)], "weighed"))
    assert row.notes == ("2 runs, ratios from 2 to 4",)


def test_a_row_below_what_is_to_be_reached_says_so() -> None:
    assert not row_of(FAST, Reading(70, [Pair(19, 10)], "counted")).reached
    assert not row_of(LIGHT, Reading(1, [Pair(101, 100)], "weighed")).reached
    assert row_of(LIGHT, Reading(1, [Pair(100, 100)], "weighed")).reached


def test_what_the_processes_said_is_kept_where_a_measure_breaks_off(tmp_path: Path) -> None:
    house, kept = tmp_path / "house", tmp_path / "kept"
    house.mkdir()
    (house / "worker.log").write_text("it hung")
    with pytest.raises(CheckFailed) as failed, logs_kept(house, kept):
        raise CheckFailed("500 are missing")
    assert (kept / "worker.log").read_text() == "it hung"
    rows = rows_of(failing(failed.value), NOWHERE, QUICK)
    assert rows[0].notes == (
        "check failed: 500 are missing",
        "its logs are kept under .bench/logs as kept",
    )


def test_a_failed_check_makes_every_row_of_its_measure_fail() -> None:
    rows = rows_of(failing(CheckFailed("one parcel is missing")), NOWHERE, QUICK)
    assert [row.spec for row in rows] == [FAST, LIGHT]
    assert all(row.is_broken and not row.reached and row.ratio is None for row in rows)
    assert rows[0].notes == ("check failed: one parcel is missing",)
    assert Result({}, tuple(rows)).is_broken


def test_a_measure_that_breaks_off_fails_and_the_next_one_is_measured() -> None:
    good = a_measure(lambda _: [Reading(1, [Pair(4, 1)], "counted")])
    rows = run([failing(OSError("no road")), good], NOWHERE, FULL, say=lambda _: None)
    assert [row.is_broken for row in rows] == [True, True, False]
    assert "broke off: OSError: no road" in rows[0].notes


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), SystemExit(143)])
def test_whoever_stops_a_run_keeps_what_was_measured_by_then(ending: BaseException) -> None:
    good = a_measure(lambda _: [Reading(1, [Pair(4, 1)], "counted")])
    said: list[str] = []
    rows = run([good, failing(ending), good], NOWHERE, FULL, say=said.append)
    assert [row.ratio for row in rows] == [4.0, None, None, None]
    assert [row.notes == (STOPPED,) for row in rows] == [False, True, True, True]
    assert len(said) == 2, "nothing is begun after the end"
    assert Result({}, tuple(rows)).is_broken


def test_a_missing_yardstick_is_named_with_the_line_that_installs_it() -> None:
    rows = rows_of(failing(Missing("wrk")), NOWHERE, QUICK)
    assert not any(row.is_broken or row.reached for row in rows)
    assert "sudo apt-get install --no-install-recommends wrk" in rows[0].notes[0]
    assert Result({}, tuple(rows)).is_empty
    assert not Result({}, (*rows, row_of(FAST, Reading(1, [Pair(4, 1)], "counted")))).is_empty


@pytest.mark.parametrize(
    ("elapsed", "pairs"), [(0.0, QUICK.pairs), (SHORTER_AFTER + 1, 1), (OVER_AFTER + 1, None)]
)
def test_a_quick_run_ends_in_time_whatever_the_machine_does(
    elapsed: float, pairs: int | None
) -> None:
    asked: list[int] = []

    def work(scale: Scale) -> list[Reading]:
        asked.append(scale.pairs)
        return [Reading(1, [Pair(4, 1)], "counted")]

    (row,) = _in_time(a_measure(work), NOWHERE, QUICK, elapsed)
    assert asked == ([] if pairs is None else [pairs])
    assert (row.notes == (TOO_LATE,)) is (pairs is None)


def test_a_full_run_takes_the_time_that_it_needs() -> None:
    good = a_measure(lambda scale: [Reading(scale.pairs, [Pair(4, 1)], "counted")])
    (row,) = _in_time(good, NOWHERE, FULL, 10 * OVER_AFTER)
    assert row.size == FULL.pairs


def test_the_document_has_the_shape_that_is_promised() -> None:
    row = row_of(FAST, Reading(70, [Pair(20.123456, 10)], "counted"))
    document = json.loads(json.dumps(Result({"cores": 2}, (row,)).as_json()))
    assert document["machine"] == {"cores": 2}
    promised = ("measure", "size", "ours", "yardstick", "ratio", "reach", "reached")
    assert {name: document["rows"][0][name] for name in promised} == {
        "measure": "parcels carried",
        "size": 70,
        "ours": 20.12,
        "yardstick": 10,
        "ratio": 2.012,
        "reach": 2.0,
        "reached": True,
    }


def test_a_row_that_was_not_measured_is_in_the_document_without_figures() -> None:
    (row, _) = rows_of(failing(Missing("nginx")), NOWHERE, QUICK)
    told = row.as_json()
    assert (told["ours"], told["yardstick"], told["ratio"], told["reached"]) == (None,) * 3 + (
        False,
    )
