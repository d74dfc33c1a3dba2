"""The supervisor: order on the way up, order on the way down, and nothing left in between."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.development.waiting import eventually, is_over

ROOT = Path(__file__).parents[2]
Run = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    running: list[subprocess.Popen[str]] = []

    def begin(scenario: str) -> "subprocess.Popen[str]":
        words = ["-m", "tests.development.supervised", str(tmp_path), scenario]
        with (tmp_path / "log").open("w") as log:
            running.append(
                subprocess.Popen(
                    [sys.executable, *words], cwd=ROOT, stdout=log, stderr=log, text=True
                )
            )
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


def story(folder: Path) -> list[str]:
    file = folder / "story"
    return file.read_text().splitlines() if file.exists() else []


def pid_of(folder: Path, name: str) -> int:
    return int((folder / name).read_text())


def test_programs_start_one_after_the_other_and_stop_the_other_way_round(
    run: Run, tmp_path: Path
) -> None:
    supervisor = run("polite")
    assert eventually((tmp_path / "up").exists)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(timeout=20) == 0
    assert story(tmp_path) == ["started first", "started second", "ended second", "ended first"]


def test_the_second_waits_until_the_first_is_ready(run: Run, tmp_path: Path) -> None:
    run("polite")
    assert eventually(lambda: "started second" in story(tmp_path))
    assert (tmp_path / "first").exists()


def test_what_programs_say_is_passed_on_behind_their_names(run: Run, tmp_path: Path) -> None:
    run("polite")
    assert eventually(lambda: "second: hello from second" in (tmp_path / "log").read_text())


def test_a_program_that_dies_is_started_again(run: Run, tmp_path: Path) -> None:
    run("polite")
    assert eventually((tmp_path / "up").exists)
    before = pid_of(tmp_path, "second")
    psutil.Process(before).kill()
    assert eventually(lambda: pid_of(tmp_path, "second") != before)
    assert "second was ended by SIGKILL; starting it again" in (tmp_path / "log").read_text()
    assert "the last that second said: hello from second" in (tmp_path / "log").read_text()


def test_a_program_that_cannot_start_stops_the_rest(run: Run, tmp_path: Path) -> None:
    supervisor = run("broken")
    assert supervisor.wait(timeout=20) == 1
    assert "second ended with status 7" in (tmp_path / "log").read_text()
    assert story(tmp_path)[-1] == "ended first"


def test_of_a_program_that_cannot_start_its_own_last_lines_are_kept(
    run: Run, tmp_path: Path
) -> None:
    assert run("broken").wait(timeout=20) == 1
    assert failure(tmp_path) == ["second ended with status 7", "hello from second"]


def test_of_a_program_that_is_not_ready_in_time_its_own_last_lines_are_kept(
    run: Run, tmp_path: Path
) -> None:
    assert run("late").wait(timeout=20) == 1
    assert failure(tmp_path) == ["second was not ready within 2 s", "hello from second"]


def failure(folder: Path) -> list[str]:
    """What a supervisor that failed said last of all."""
    return (folder / "log").read_text().partition("FAILED\n")[2].splitlines()


def test_a_start_that_takes_long_is_told_of(run: Run, tmp_path: Path) -> None:
    run("slow")
    assert eventually((tmp_path / "up").exists)
    assert "up: second is not ready yet, after 1 s" in (tmp_path / "log").read_text()


def test_a_program_that_does_not_stop_is_ended_with_its_children(run: Run, tmp_path: Path) -> None:
    supervisor = run("stubborn")
    assert eventually((tmp_path / "up").exists)
    stubborn, child = pid_of(tmp_path, "second"), pid_of(tmp_path, "child")
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=20) == 0
    assert is_over(stubborn)
    assert eventually(lambda: is_over(child))
    assert story(tmp_path)[-1] == "ended first"


def test_nothing_outlives_a_supervisor_that_is_killed(run: Run, tmp_path: Path) -> None:
    supervisor = run("polite")
    assert eventually((tmp_path / "up").exists)
    supervisor.kill()
    supervisor.wait()
    assert eventually(lambda: is_over(pid_of(tmp_path, "first")))
    assert eventually(lambda: is_over(pid_of(tmp_path, "second")))


def test_a_signal_during_the_start_stops_what_has_started(run: Run, tmp_path: Path) -> None:
    supervisor = run("polite")
    assert eventually(lambda: "started first" in story(tmp_path))
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=20) == 1
    assert "ended first" in story(tmp_path)
    assert "started second" not in story(tmp_path)


def test_no_other_process_is_touched(run: Run, tmp_path: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        supervisor = run("polite")
        assert eventually((tmp_path / "up").exists)
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(timeout=20)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
