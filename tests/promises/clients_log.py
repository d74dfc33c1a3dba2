"""What the clients of a promise run write down: one JSON line when they ask, one when they know.

Moments are CLOCK_MONOTONIC seconds of this machine, as the witness's are; `wall` is UTC seconds.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson


@dataclass
class Said:
    """One thing that a client asked for, and what became of it.

    `kind`: no, yes, merge, move, event, campaign, or residents: whoever lives here at the start.
    `topics` is None where all promotional mail is meant. `addresses` are all that the person has, or
    ever had. `batch` is the batch at which a no was
    aimed. `answered` is None while, and if, nobody acknowledged it.
    """

    n: int
    kind: str
    at: float
    wall: float
    through: str = ""
    persons: list[int] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    address_ids: list[int] = field(default_factory=list)
    topics: list[str] | None = None
    batch: int | None = None
    event: str = ""
    campaign: str = ""
    """The name of one that staff started."""
    answered: float | None = None
    left: list[int] = field(default_factory=list)
    """Mailings that had left, as the answer named them; 0 for one without a name."""
    unsure: list[int] = field(default_factory=list)
    """Mailings that may still arrive, as the answer named them; 0 for one without a name."""
    mailing: int | None = None
    """Of an event: the mailing that the answer named."""
    why: str = ""
    """Why nobody answered, where somebody tried."""


class ClientsLog:
    """Appends what clients say, from any thread, before they say it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()
        self._last = 0

    def asked(self, kind: str, **more: Any) -> int:
        """Write down that something is about to be asked; return its number."""
        with self._lock:
            self._last += 1
            number = self._last
        self._write({"n": number, "kind": kind, "wall": time.time(), **more})
        return number

    def answered(self, number: int, at: float, **named: Any) -> None:
        """Write down that an answer had been read at a moment, and what it named."""
        self._write({"n": number, "answered": at, **named})

    def lost(self, number: int, why: str) -> None:
        """Write down that no answer came, or none that acknowledges anything."""
        self._write({"n": number, "why": why})

    def close(self) -> None:
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        with self._lock:
            self._file.write(orjson.dumps({"at": time.monotonic(), **line}) + b"\n")


def read_clients(path: Path) -> list[Said]:
    """Return all that was asked, in order, each with its answer."""
    said: dict[int, Said] = {}
    for line in _lines(path):
        if "kind" in line:
            said[line["n"]] = Said(**line)
        else:
            for name in ("answered", "left", "unsure", "mailing", "why"):
                if name in line:
                    setattr(said[line["n"]], name, line[name])
    return list(said.values())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield orjson.loads(line)
