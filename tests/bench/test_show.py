"""The table tells each thing once, and how much of a run it is of."""

import io

import pytest
from rich.console import Console

from bench.measures import MEASURES
from bench.show import cells, machine_line, print_table
from bench.values import Better, Result, Row, Spec

GOAL = Spec("weight of a cart", "kg", "100 kg", 1.0, Better.LESS, is_goal=True)
CART = Row(GOAL, 1, 50.0, 100.0, 2.0, "weighed", ("uphill", "3 runs, ratios from 2 to 2"))
MULE = Row(Spec("parcels carried", "parcels/s", "a mule", 2.0), 7, 4.0, 1.0, 4.0, "counted")
MACHINE = {
    "date": "2026-11-22T10:00:00+00:00",
    "cpu": "an invented processor",
    "cores": 2,
    "memory_gb": 24.0,
    "load_before": 0.0,
    "kernel": "Linux 6.1",
    "system": "Debian 12",
    "python": "3.11",
    "versions": {"nginx": "1.22"},
    "run": "full",
}


def test_a_goal_is_named_once_and_another_program_with_its_figure() -> None:
    assert "goal 100 kg" in cells(CART)
    assert "a mule: 1 parcels/s" in cells(MULE)


def test_every_row_whose_yardstick_is_its_own_figure_is_a_goal() -> None:
    for spec in (spec for measure in MEASURES for spec in measure.specs):
        number, _, unit = spec.yardstick.partition(" ")
        assert spec.is_goal == (number.isdecimal() and unit == spec.unit), spec


@pytest.mark.parametrize(
    ("is_whole", "head"), [(True, "A full run: "), (False, "Part of a full run: ")]
)
def test_some_measures_alone_are_not_headed_as_a_run(is_whole: bool, head: str) -> None:
    assert machine_line(Result(MACHINE, (CART,), is_whole=is_whole)).startswith(head)


def test_notes_stand_indented_below_the_name_of_their_row() -> None:
    written = io.StringIO()
    print_table(Result(MACHINE, (CART, MULE)), Console(file=written, width=80))
    lines = written.getvalue().splitlines()
    at = lines.index("weight of a cart:")
    assert lines[at + 1 :] == [
        "  weighed",
        "  uphill",
        "  3 runs, ratios from 2 to 2",
        "parcels carried:",
        "  counted",
    ]
