"""docs/regressions.md names every test of a fault elsewhere, and the thread in which it was told."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "regressions.md").read_text()
ROW = re.compile(r"\| ([^|]+) \| \[[^\]]+\]\((https://[^)]+)\) \| `([^`]+)` \|")
ROWS = {row[3]: row[2] for row in map(ROW.fullmatch, PAGE.splitlines()) if row}


@pytest.mark.parametrize("path", ROWS)
def test_every_row_is_held_by_a_test_that_cites_its_thread(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert ROWS[path] in (ast.get_docstring(tree) or "")
    assert any(
        isinstance(each, ast.FunctionDef) and each.name.startswith("test_") for each in tree.body
    )


def test_every_such_test_has_its_row() -> None:
    there = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests" / "regressions").glob("test_*.py")
    }
    assert there == ROWS.keys()
    assert len(ROWS) >= 13


def test_what_was_found_here_is_held_by_tests_that_exist() -> None:
    named = set(re.findall(r"\| `(tests/[^`]+)` \|", PAGE))
    assert [path for path in named if not (ROOT / path).is_file()] == []
