"""What the shipped fake was given, written down in flat memory: who, of which mailing, when."""

import re
import struct
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from mailer.providers import Outgoing

ENTRY = struct.Struct("<qqqB")
MAILING = re.compile(rb"^Message-ID: <(\d+)\.(\d+)@", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Given:
    """One message that the fake took; the moment is the moved clock's, in microseconds."""

    mailing: int
    person: int
    at: int
    is_marked: bool
    """It holds the words that tell one letter from the other."""


class Recorder:
    """Writes an entry for each message; keeps none of them."""

    def __init__(self, file: BinaryIO, mark: bytes, now: Callable[[], datetime]) -> None:
        self._file = file
        self._mark = mark
        self._now = now

    def __call__(self, message: Outgoing) -> None:
        """Write down one message, whose own Message-ID names the mailing and the person."""
        named = MAILING.search(message.content)
        assert named is not None
        assert int(named[2]) == message.person_id
        at = round(self._now().timestamp() * 1_000_000)
        self._file.write(
            ENTRY.pack(int(named[1]), message.person_id, at, self._mark in message.content)
        )


def read_records(folder: Path) -> Iterator[Given]:
    """Read what every sender's fake took, one file after the other."""
    for path in sorted(folder.glob("*.given")):
        with path.open("rb") as file:
            while block := file.read(ENTRY.size * 10_000):
                for entry in ENTRY.iter_unpack(block):
                    yield Given(*entry)


def busiest(moments: "array[int]", seconds: int) -> int:
    """Return the most moments, in microseconds, within any stretch of so many seconds."""
    ordered = sorted(moments)
    most = first = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= seconds * 1_000_000:
            first += 1
        most = max(most, last - first + 1)
    return most
