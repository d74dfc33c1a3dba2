"""The model of the protocol (`docs/model`) before the checker; `make model` goes through all of it.

What is to be checked, and what must turn it red, is read from the tables of its README.
"""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.tools import GCC, SPIN, Tool, find

FOLDER = Path(__file__).parents[2] / "docs" / "model"
PROTOCOL = FOLDER / "protocol.pml"
README = FOLDER / "README.md"
CLEAN = "nothing"
REQUIRED = ("-DCRASHES=2",)
"""Two senders, two people with a no each, two crashes: the least that must be gone through whole."""

_ROW = re.compile(r"^\| `(-D[^`]+)` \| (.+?) \| (.+?) \|", re.MULTILINE)
_BROKEN = re.compile(
    r"^pan:\d+: (assertion violated|invalid end state)(.*) \(at depth", re.MULTILINE
)
_UNREACHED = re.compile(r'protocol\.pml:(\d+), state \d+, "(?!-end-)(.*)"')
_SAYS = (
    ("taken", "somebody twice"),
    ("acknowledged>>", "mail after its acknowledgement"),
    ("acknowledged", "a no without its acknowledgement"),
    ("people", "the books"),
    ("accounted", "the books"),
    ("no", "an acknowledged no"),
    ("state", "a step that is not the code's"),
)
"""What an assertion of the model speaks of, by the first of these that is in it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of the README: what is set, what it means, what is said of it."""

    flags: tuple[str, ...]
    meaning: str
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checker found, going through every state or up to the first that breaks a promise."""

    breaks: str
    states: int
    depth: int
    seconds: float
    megabytes: float
    unreached: tuple[str, ...]
    """Statements of the model that no interleaving came to."""


class NotChecked(Exception):
    """The checker gave up, or could not begin; the message is its own."""


def configurations() -> list[Row]:
    """Return what is gone through whole."""
    return _rows("## Configurations")


def weakenings() -> list[Row]:
    """Return the details that are taken out one at a time, each with what breaks then."""
    return _rows("## Weakenings")


def check(flags: Sequence[str], *, optimise: str = "-O2") -> Verdict:
    """Go through the model with these flags. Raises NotChecked if not every state was looked at."""
    with TemporaryDirectory() as folder:
        _run([_path(SPIN), "-a", *flags, str(PROTOCOL)], folder)
        # Generated code warns of much; only safety is asked, which saves time and memory.
        _run([_path(GCC), "-w", optimise, "-DSAFETY", "-o", "pan", "pan.c"], folder)
        began = time.perf_counter()
        told = _run(["./pan", "-m100000", "-w22"], folder)
        return _verdict(told, time.perf_counter() - began)


def _path(tool: Tool) -> str:
    path = find(tool)
    if path is None:
        raise NotChecked(f"{tool.names[0]} is missing: {tool.install}")
    return path


def _run(command: Sequence[str], folder: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotChecked(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def _verdict(told: str, seconds: float) -> Verdict:
    broken = _BROKEN.search(told)
    if "errors: 0" in told and ("max search depth" in told or "not completed" in told):
        raise NotChecked(told)
    return Verdict(
        breaks=_what(broken[1], broken[2]) if broken else CLEAN,
        states=int(_number(r"(\d+) states, stored", told)),
        depth=int(_number(r"depth reached (\d+)", told)),
        seconds=seconds,
        megabytes=_number(r"([\d.]+)\s+total actual memory usage", told),
        unreached=tuple(f"{line}: {what}" for line, what in _UNREACHED.findall(told)),
    )


def _what(kind: str, assertion: str) -> str:
    if kind == "invalid end state":
        return "somebody waits for ever"
    return next((says for word, says in _SAYS if word in assertion), assertion)


def _number(pattern: str, told: str) -> float:
    found = re.search(pattern, told)
    if found is None:
        raise NotChecked(told)
    return float(found[1])


def _rows(heading: str) -> list[Row]:
    section = README.read_text().split(heading + "\n")[1].split("\n## ")[0]
    return [Row(tuple(flags.split()), *rest) for flags, *rest in _ROW.findall(section)]


def main() -> int:
    """Go through all configurations and weakenings, a line each; 1 where one is not as told."""
    is_true = True
    for row in configurations():
        verdict = check(row.flags)
        is_true &= verdict.breaks == CLEAN
        sys.stdout.write(
            f"{' '.join(row.flags):36} {verdict.states:>11,} states, depth {verdict.depth:,},"
            f" {verdict.seconds:.0f} s, {verdict.megabytes:.0f} MB: breaks {verdict.breaks}\n"
        )
        sys.stdout.flush()
    for row in weakenings():
        verdict = check(row.flags)
        is_true &= verdict.breaks == row.says
        sys.stdout.write(f"{' '.join(row.flags):36} breaks {verdict.breaks}\n")
        sys.stdout.flush()
    return 0 if is_true else 1


if __name__ == "__main__":
    sys.exit(main())
