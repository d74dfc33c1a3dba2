"""What programs say stands in files; the terminal keeps to where to look, and to warnings."""

from pathlib import Path

import pytest

from mailer.development.told import Told

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
