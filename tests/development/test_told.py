"""What programs say stands in files; the terminal keeps to where to look, and to warnings."""

import os
import stat
from pathlib import Path

import pytest

from mailer.development.told import Told, is_everyday

EVERYDAY = '{"batch": 7, "event": "batch.settled", "level": "info", "timestamp": "2026-11-22"}'
WARNING = '{"event": "promotional.refused", "level": "warning", "timestamp": "2026-11-22"}'


def test_everyday_lines_of_a_log_go_to_its_file_alone_and_all_others_to_the_terminal_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [EVERYDAY, WARNING, "Traceback (most recent call last):", "{no JSON", "{}"]
    told = Told(tmp_path / "log")
    for line in lines:
        told.say("worker-1", line)
    told.close()
    assert (tmp_path / "log" / "worker-1.log").read_text().splitlines() == lines
    shown = capsys.readouterr().err.splitlines()
    assert shown == [f"worker-1 | {line}" for line in lines[1:]]


def test_each_start_begins_its_files_anew_and_a_line_that_comes_late_stops_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in ("first", "second"):
        told = Told(tmp_path)
        told.say("web", line)
        told.close()
    told.say("web", "too late for the file")
    assert (tmp_path / "web.log").read_text() == "second\n"
    assert "too late for the file" in capsys.readouterr().err


def test_others_cannot_read_them_whatever_an_earlier_start_left(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "web.log").touch()
    for each, mode in ((folder, 0o755), (folder / "web.log", 0o644)):
        each.chmod(mode)
    before = os.umask(0o022)
    try:
        told = Told(folder)
        for name in ("web", "worker-1"):
            told.say(name, EVERYDAY)
        told.close()
    finally:
        os.umask(before)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (folder, *folder.iterdir())}
    assert modes == {"log": 0o700, "web.log": 0o600, "worker-1.log": 0o600}


@pytest.mark.parametrize(
    "line", ['{"level": []}', '{"level": {"level": "info"}}', '{"a":' * 99_999]
)
def test_a_line_that_only_looks_like_one_of_a_log_is_shown(line: str) -> None:
    assert not is_everyday(line)
