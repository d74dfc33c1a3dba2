"""What a newcomer's first two commands rest on."""

import itertools
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from mailer.cli import cli

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[^ ]+ \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def lock_lines() -> list[str]:
    return (ROOT / "requirements.lock").read_text().splitlines()


def test_the_lock_holds_pins_and_hashes_and_no_place_to_get_them_from() -> None:
    strange = [
        line
        for line in lock_lines()
        if line.strip()
        and not line.lstrip().startswith("#")
        and not PIN.fullmatch(line)
        and not HASH.fullmatch(line)
    ]
    assert strange == []


def test_every_pin_has_a_hash() -> None:
    lines = [line for line in lock_lines() if not line.lstrip().startswith("#")]
    followers = [after for line, after in itertools.pairwise(lines) if PIN.match(line)]
    assert followers
    assert all(HASH.fullmatch(line) for line in followers)


def test_the_lock_holds_everything_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["development"]]
    locked = {line.partition("==")[0] for line in lock_lines() if PIN.match(line)}
    assert {re.split(r"[\[<>=;]", name)[0].lower() for name in named} - locked == set()


def test_the_lock_holds_what_builds_the_project_itself() -> None:
    assert any(line.startswith("setuptools==") for line in lock_lines())


@pytest.mark.parametrize("target", ["run", "test", "lint", "lock"])
def test_make_knows_the_commands_of_the_readme(target: str) -> None:
    plan = subprocess.run(
        ["make", "--dry-run", "--always-make", target, "PYTHON=python3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout


def test_make_says_in_one_line_which_package_python_lacks(tmp_path: Path) -> None:
    crippled = tmp_path / "python3"
    crippled.write_text("#!/bin/sh\nexit 1\n")
    crippled.chmod(0o755)
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "requirements.lock").touch()
    (tmp_path / "pyproject.toml").touch()
    made = subprocess.run(
        ["make", "--silent", "install", f"PYTHON={crippled}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode != 0
    assert "sudo apt-get install python3-venv" in made.stderr.splitlines()[0]


def test_the_build_machine_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    told = script.read_text()
    assert re.findall(r"^make ([a-z-]+)", told, re.MULTILINE) == [
        "install",
        "lint",
        "test-elsewhere",
        "test",
    ]
    assert told.splitlines()[-1] == "make test"


def test_data_and_environment_stay_out_of_the_repository() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/.venv/", "/.data/"} <= set(ignored)


def test_the_procfile_starts_each_part_by_a_command_that_exists() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    parts = dict(line.split(": ") for line in lines)
    assert list(parts) == ["release", "web", "worker", "beat"]
    for line in parts.values():
        program, name, *words = shlex.split(line.replace("${PORT:-8000}", "8000"))
        assert program == "fpmail"
        cli.commands[name].make_context(name, words)
