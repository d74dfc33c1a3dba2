"""docs/promises.md says where each promise is shown: by checkers, tests and figures that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text()
SAID = PAGE.partition("## What is promised\n")[2].partition("\n## ")[0]
PROMISED = re.findall(r"^(\d+)\. ", SAID, re.MULTILINE)
ROWS = [
    [cell.strip() for cell in line.strip("| \n").split(" | ")]
    for line in SAID.partition("<!-- shown -->\n")[2].partition("<!-- /shown -->")[0].splitlines()
][2:]
NAMED = [name for row in ROWS for name in re.findall(r"`([^`]+)`", row[2])]
FIGURES = set(re.findall(r"^\| ([^|]+) \|", PAGE.partition("<!-- runs:")[2], re.MULTILINE))


def test_every_promise_has_its_row() -> None:
    assert [row[0].partition(".")[0] for row in ROWS] == PROMISED
    assert len(PROMISED) >= 5


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_is_named_exists(name: str) -> None:
    file, _, test = name.partition("::")
    tree = ast.parse((ROOT / file).read_text())
    assert test in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_every_row_names_a_checker_tests_and_figures_that_there_are(row: list[str]) -> None:
    _, checker, shown_by, figures = row
    assert f"\n| {checker} | " in PAGE.partition("## How it is checked")[2]
    assert shown_by.count("`") >= 4
    own, _, others = figures.partition("; ")
    assert own == checker
    assert [each for each in (own, *others.split(", ")) if each not in FIGURES] == []
