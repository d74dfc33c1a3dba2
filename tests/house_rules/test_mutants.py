"""The mutants keep up with the code: each still finds what it edits, and its catcher exists."""

from pathlib import Path

import pytest

from tests.mutants.__main__ import what_is_done
from tests.mutants.applying import ROOT, edited, files_of
from tests.mutants.listed import MUTANTS
from tests.mutants.page import PAGE, table_of, table_on
from tests.mutants.values import Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_a_change_of_the_code_that_is_there(mutant: Mutant) -> None:
    before = files_of(mutant, ROOT)
    after = edited(mutant, before)
    assert all(after[name] != text for name, text in before.items())
    for name, text in after.items():
        compile(text, name, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_catcher_of_a_mutant_exists(mutant: Mutant) -> None:
    file, _, name = mutant.catcher.partition("::")
    text = (ROOT / file).read_text()
    assert not name or f"\ndef {name}(" in text


def test_names_are_counted_from_one() -> None:
    assert [each.name for each in MUTANTS] == [f"M{n:02}" for n in range(1, len(MUTANTS) + 1)]
    assert len(MUTANTS) >= 25


def test_the_page_tells_of_the_mutants_that_there_are() -> None:
    assert table_on(Path(PAGE).read_text()) == table_of(MUTANTS)


def test_each_mutant_on_the_page_leads_to_the_file_of_its_edit() -> None:
    folder = Path(PAGE).parent / "../tests/mutants"
    for line, mutant in zip(table_of(MUTANTS).splitlines()[2:], MUTANTS, strict=True):
        file = line.partition("](../tests/mutants/")[2].partition(")")[0]
        assert f'"{mutant.name}",' in (folder / file).read_text()


def test_it_says_before_it_begins_how_long_it_takes_and_what_it_writes() -> None:
    everything, one = what_is_done(MUTANTS), what_is_done(MUTANTS[:1])
    assert f"then {len(MUTANTS)} weakenings" in everything
    assert "minutes" in everything
    assert "docs/promises.md is written anew" in everything
    assert "docs/promises.md stays as it is" in one
