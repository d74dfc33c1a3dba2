"""docs/policy.md claims nothing that no code keeps and no test proves, and leaves nothing out."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "policy.md"
ROW = re.compile(r"\| (C\d\d) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|")
PATH = re.compile(r"`([^`]+)`")
MARKER = re.compile(r"""mark\.clause\(["'](C\d\d)["']\)""")
EVERY_CLAUSE = {f"C{number:02}" for number in range(1, 28)}


@dataclass(frozen=True)
class Clause:
    """A row of the page."""

    row: str
    now: str
    code: tuple[str, ...]
    tests: tuple[str, ...]


def read_page() -> dict[str, Clause]:
    rows = (ROW.fullmatch(line) for line in PAGE.read_text().splitlines())
    clauses = [
        Clause(row[1], row[3], tuple(PATH.findall(row[4])), tuple(PATH.findall(row[5])))
        for row in rows
        if row
    ]
    assert len({clause.row for clause in clauses}) == len(clauses)
    return {clause.row: clause for clause in clauses}


def markers_of(file: Path) -> set[str]:
    return set(MARKER.findall(file.read_text()))


CLAUSES = read_page()


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=CLAUSES)
def test_every_row_names_code_that_is_there(clause: Clause) -> None:
    assert clause.code
    assert [path for path in clause.code if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=CLAUSES)
def test_every_row_names_tests_that_carry_its_marker(clause: Clause) -> None:
    assert clause.tests
    bare = [path for path in clause.tests if clause.row not in markers_of(ROOT / path)]
    assert bare == []


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=CLAUSES)
def test_every_row_says_how_far_it_is_kept(clause: Clause) -> None:
    assert clause.now.startswith(("**Kept", "**In part.**"))
    assert clause.now.startswith("**In part.**") == ("*Missing:" in clause.now)


def test_every_marker_of_a_test_stands_in_the_page() -> None:
    used = {row for file in (ROOT / "tests").rglob("test_*.py") for row in markers_of(file)}
    assert used - CLAUSES.keys() == set()


def test_every_clause_of_the_policy_is_kept_begun_or_named_as_missing() -> None:
    not_begun = set(re.findall(r"C\d\d", PAGE.read_text().rpartition("Not begun:")[2]))
    assert not_begun & CLAUSES.keys() == set()
    assert CLAUSES.keys() | not_begun == EVERY_CLAUSE
