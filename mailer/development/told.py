"""What the programs of `fpmail up` say: all of it in a file for each, and on the terminal what matters."""

import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TextIO

EVERYDAY = ("debug", "info")
"""Levels of lines that would push from the terminal where to look."""


class Told:
    """Writes each program's lines into a file of its own, anew with each start.

    Standard error gets them, behind the program's name, but for everyday lines of a JSON log. What
    a program prints when it fails may name somebody: folder and files are for their owner alone.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)  # one that is there already, too
        self._folder = folder
        self._files: dict[str, TextIO] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for file in self._files.values():
                file.close()

    def say(self, name: str, line: str) -> None:
        """Write one line; a reader that has gone away, or a full disk, stops nobody."""
        with self._lock:
            with suppress(OSError, ValueError):
                print(line, file=self._file_of(name), flush=True)
            if not is_everyday(line):
                with suppress(OSError, ValueError):
                    print(f"{name:<9}| {line}", file=sys.stderr, flush=True)  # noqa: T201 - likewise

    def _file_of(self, name: str) -> TextIO:
        if name not in self._files:
            descriptor = _begin(self._folder / f"{name}.log")
            self._files[name] = os.fdopen(descriptor, "w", encoding="utf-8")
        return self._files[name]


def _begin(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)  # an earlier start may have left it open to others
    return descriptor


def is_everyday(line: str) -> bool:
    """Say whether a line is one of a JSON log that warns of nothing."""
    if not line.startswith("{"):
        return False
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):  # no JSON, or too deep to be a line of ours
        return False
    return said.get("level") in EVERYDAY
