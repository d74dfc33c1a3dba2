"""What a run found is printed whole, and the page of long runs says what is on file."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailer.failpoints import Failpoint
from tests.promises.__main__ import main
from tests.promises.report import FROM, PAGE, RUNS, TO, add, page_of, summed, table, write_page
from tests.promises.run import Ran
from tests.promises.test_verdicts import a_run
from tests.promises.verdicts import judge


def ran(**more: Any) -> Ran:
    evidence = a_run(**more)
    done = Counter({"kill": 3, "connections cut": 7})
    return Ran(7, 75.0, done, evidence, judge(evidence), [], 1)


def test_the_table_tells_every_checker_figure_and_point() -> None:
    lines = table(ran())
    assert [line.split()[:2] for line in lines[:7]] == [
        [name, "holds"] for name in ("C1", "C2", "C3", "C4", "C5", "C7", "C8")
    ]
    told = {line.partition("  ")[2].strip() for line in lines} | {line[11:] for line in lines}
    for what in ("gate drops", "ambiguous hand-overs", "connections cut", *map(str, Failpoint)):
        assert what in told, what


def test_a_broken_promise_is_told_with_its_faults_and_trouble_too() -> None:
    broken = ran(silent_persons=set())
    assert not broken.holds
    lines = table(broken)
    assert "C3: no 15: person 3 is not silent for all" in lines
    troubled = replace(ran(), troubles=["the keeper met a fault"])
    assert not troubled.holds
    assert "trouble: the keeper met a fault" in table(troubled)
    assert ran().holds


def test_a_run_is_told_in_short() -> None:
    *_, opt_outs, mail, where = table(ran())
    assert opt_outs.startswith("2 opt-outs were acknowledged. Of them 1 met their mail at the gate")
    assert "; 0 were mailed after the answer" in opt_outs
    assert mail.startswith("2 promotional messages and 1 order updates were taken, while 2 hand-")
    assert where.endswith("docs/promises.md.")


@pytest.mark.parametrize("minutes", ["0", "-1", "nan"])
def test_a_run_that_could_mean_nothing_is_refused(
    minutes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--minutes", minutes])
    assert left.value.code == 2
    assert "--minutes: 0.1 at least" in capsys.readouterr().err


def test_the_page_adds_runs_up_and_names_their_seeds() -> None:
    one, other = summed(ran()), summed(ran(silent_persons=set()))
    trouble = {**one, "seed": 9, "troubles": ["a worker did not leave"]}
    lines = page_of([one, {**other, "seed": 8}, trouble])
    assert lines[0] == "3 runs, 4 minutes of attack in sum."
    ended = [line.split(" | ")[-1] for line in lines if line.startswith(("| 7 ", "| 8 ", "| 9 "))]
    assert ended == ["0 |", "**1**: a checker found something |", "**1**: trouble, below |"]
    assert "- seed 9: a worker did not leave" in lines
    assert "| C3 | **broken** |" in lines
    assert "| C1 | held |" in lines
    assert "| connections cut | 21 |" in lines
    assert "| sender.claimed | 3 |" in lines
    assert "| gate drops | 3 |" in lines


def test_only_what_stands_between_the_marks_is_written(tmp_path: Path) -> None:
    page, runs = tmp_path / "page.md", tmp_path / "runs" / "runs.jsonl"
    page.write_text(f"before\n\n{FROM}\nold\n{TO}\n\nafter\n")
    for _ in range(2):
        add(summed(ran()), runs)
        write_page(page, runs)
    text = page.read_text()
    assert text.startswith(f"before\n\n{FROM}\n\n2 runs, ")
    assert text.endswith(f"|\n\n{TO}\n\nafter\n")
    assert "old" not in text


def test_the_page_says_what_is_on_file(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    write_page(page, RUNS)
    assert page.read_text() == PAGE.read_text()
