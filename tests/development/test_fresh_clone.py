"""The first two commands of the README, from nothing: a clone in a folder closed to others."""

import json
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.tools import GIT, need

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone of the last commit, in a folder that only we can enter."""
    if not (ROOT / ".git").exists():
        pytest.skip("these sources are not a git checkout")
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    subprocess.run([need(GIT), "clone", "--quiet", str(ROOT), "clone"], cwd=closed, check=True)
    yield closed / "clone"
    elsewhere = (closed / "clone" / ".data").glob("*/elsewhere")
    for home in [link.resolve() for link in elsewhere]:
        shutil.rmtree(home)
    shutil.rmtree(closed / "clone")


def outside() -> dict[str, str]:
    """The environment of a newcomer: nothing of ours is set in it."""
    ours = ("MAILER_", "PYTEST", "VIRTUAL_ENV", "PYTHON", "MAKE", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def test_a_fresh_clone_runs_by_one_command_and_leaves_nothing_running(clone: Path) -> None:
    above = [clone, *clone.parents]
    before = [stat.S_IMODE(folder.stat().st_mode) for folder in above]
    made = ["make", "--silent", "run", "ARGS=--json --no-demo --port 0"]
    running = subprocess.Popen(
        made, cwd=clone, env=outside(), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stdout
    with running.stdout as said:
        ready = next((line for line in said if line.startswith("{")), "")
        family = psutil.Process(running.pid).children(recursive=True)
        os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does: make hears it too
        said.read()
    running.wait(timeout=60)
    assert json.loads(ready)["web"].startswith("http://127.0.0.1:")
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in above] == before


def test_the_environment_is_made_once(clone: Path) -> None:
    made = ["make", "install"]
    subprocess.run(made, cwd=clone, env=outside(), check=True)
    again = subprocess.run(
        made, cwd=clone, env=outside(), check=True, capture_output=True, text=True, timeout=5
    )
    assert "Making the environment" not in again.stdout


def test_a_clone_stays_clean_when_it_has_run(clone: Path) -> None:
    status = subprocess.run(
        [need(GIT), "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
