"""A copy of the project, in which one mutant at a time is tried."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from xml.etree import ElementTree

from tests.mutants.values import Edit, Mutant

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 300.0
"""Seconds that a catcher may take; one that hangs has caught nothing."""


class EditLost(Exception):
    """The code has moved on: what a mutant edits does not stand there once any more."""

    def __init__(self, mutant: Mutant, edit: Edit, found: int) -> None:
        super().__init__(f"{mutant.name}: {edit.file} has what it edits {found} times, not once")


class Verdict(Enum):
    """What became of a mutant."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    BROKEN = "broken"
    """The test did not run to its end: a mutant that is no program proves nothing."""
    HUNG = "hung"


def copy_project(to: Path) -> None:
    """Copy every file of the project that belongs to it, as it stands now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)


def edited(mutant: Mutant, texts: dict[str, str]) -> dict[str, str]:
    """Return the files of a mutant with its edits made. Raises EditLost."""
    changed = dict(texts)
    for edit in mutant.edits:
        found = changed[edit.file].count(edit.before)
        if found != 1:
            raise EditLost(mutant, edit, found)
        changed[edit.file] = changed[edit.file].replace(edit.before, edit.after)
    return changed


def files_of(mutant: Mutant, folder: Path) -> dict[str, str]:
    """Read the files that a mutant edits."""
    return {edit.file: (folder / edit.file).read_text() for edit in mutant.edits}


@contextmanager
def applied(mutant: Mutant, folder: Path) -> Iterator[None]:
    """Have a mutant in a copy for as long as a block runs. Raises EditLost."""
    before = files_of(mutant, folder)
    for name, text in edited(mutant, before).items():
        (folder / name).write_text(text)
    try:
        yield
    finally:
        for name, text in before.items():
            (folder / name).write_text(text)


def try_out(mutant: Mutant, folder: Path) -> Verdict:
    """Run a mutant's catcher on a copy that has it. Raises EditLost."""
    with applied(mutant, folder):
        return run_tests([mutant.catcher], folder)


def run_tests(tests: Sequence[str], folder: Path, *, longest: float = LONGEST) -> Verdict:
    """Run tests in a copy: SURVIVED where all are green, CAUGHT where one failed in its own words."""
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    words = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--junit-xml={report}"]
    try:
        done = subprocess.run(
            [sys.executable, *words, *tests],
            cwd=folder,
            env=_environment(folder),
            capture_output=True,
            timeout=longest,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict.HUNG
    if done.returncode == 0:
        return Verdict.SURVIVED
    return Verdict.CAUGHT if done.returncode == 1 and _failures(report) else Verdict.BROKEN


def _environment(folder: Path) -> dict[str, str]:
    # Compiled files are known by time and size, which two mutants of one second may share.
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def _failures(report: Path) -> int:
    """Count the tests that failed; an error on the way to a test is none."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - our own report
    return sum(int(each.get("failures", "0")) for each in suites)
