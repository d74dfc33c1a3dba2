"""Programs of the system that some tests drive, and what to do where one is missing.

`python -m tests.tools` names the missing ones with the line that installs each; under CI=true it
fails, so that no test is skipped unseen.
"""

import os
import shutil
import sys
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Tool:
    """A program by the names that systems give it, and the line that installs it."""

    names: tuple[str, ...]
    install: str
    purpose: str


CHROMIUM = Tool(
    names=("chromium", "chromium-browser", "google-chrome"),
    install="sudo apt-get install chromium",
    purpose="the tests in a real browser",
)
GIT = Tool(names=("git",), install="sudo apt-get install git", purpose="the tests of a fresh clone")
SPIN = Tool(
    names=("spin",),
    install="sudo apt-get install spin",
    purpose="checking the model of the protocol",
)
GCC = Tool(
    names=("gcc",),
    install="sudo apt-get install gcc libc6-dev",
    purpose="checking the model of the protocol and moving clocks",
)
TOOLS = (CHROMIUM, GIT, SPIN, GCC)


def find(tool: Tool) -> str | None:
    """Return the program's path, or None if the system lacks it."""
    return next(filter(None, map(shutil.which, tool.names)), None)


def need(tool: Tool) -> str:
    """Return the program's path; skip the test that asks if it is missing, or fail it in CI."""
    path = find(tool)
    if path:
        return path
    if os.environ.get("CI") == "true":
        pytest.fail(_told(tool), pytrace=False)
    pytest.skip(_told(tool))


def _told(tool: Tool) -> str:
    return f"{tool.names[0]} is missing for {tool.purpose}; install it: {tool.install}"


def main() -> int:
    """Name what is missing on standard error; 1 under CI=true if anything is."""
    missing = [tool for tool in TOOLS if not find(tool)]
    for tool in missing:
        sys.stderr.write(_told(tool) + "\n")
    return 1 if missing and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
