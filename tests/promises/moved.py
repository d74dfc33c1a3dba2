"""Moves the time of day of single processes, as a host's that is set, or was frozen and thawed."""

import struct
import subprocess
from pathlib import Path

from tests.tools import GCC, find

SOURCE = Path(__file__).with_name("moved_clock.c")


class NoCompiler(Exception):
    """No process can be given a time of day of its own without a C compiler."""


class MovedClocks:
    """A time of day for each process that was started with `environment`, in a file of its own."""

    def __init__(self, folder: Path) -> None:
        """Raises NoCompiler."""
        gcc = find(GCC)
        if gcc is None:
            raise NoCompiler(f"gcc is missing: {GCC.install}")
        folder.mkdir()
        self._folder = folder
        self._library = folder / "moved_clock.so"
        command = [gcc, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]
        subprocess.run([*command, str(self._library), str(SOURCE)], check=True)

    def environment(self, name: str) -> dict[str, str]:
        """Return what a process must have in its environment so that its clock can be moved."""
        self.move(name, 0.0)
        return {"LD_PRELOAD": str(self._library), "MOVED_CLOCK": str(self._file_of(name))}

    def move(self, name: str, seconds: float) -> None:
        """Let a process's time of day, and its children's, be so far from the machine's, at once."""
        with self._file_of(name).open("r+b" if self._file_of(name).exists() else "w+b") as file:
            file.write(struct.pack("=q", round(seconds * 1e6)))

    def set_right(self) -> None:
        """Let every process have the machine's time again."""
        for file in self._folder.glob("*.off"):
            self.move(file.stem, 0.0)

    def _file_of(self, name: str) -> Path:
        return self._folder / f"{name}.off"
