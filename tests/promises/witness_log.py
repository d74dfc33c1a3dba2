"""What the witness writes down of each message: one JSON line when the message ends."""

from dataclasses import dataclass, field
from pathlib import Path

import orjson


@dataclass
class Handed:
    """What the witness saw of one message; moments are CLOCK_MONOTONIC seconds, at arrival.

    `begun`: its envelope (RCPT) arrived. `accepted`: the witness took it, whether or not its
    reply could be sent. `code` is of the last reply about it, 0 when there was none.
    """

    recipient: str
    connection: int
    sender: str
    begun: float
    begun_wall: float
    asked: float | None = None
    content: float | None = None
    dot: float | None = None
    replied: float | None = None
    code: int = 0
    accepted: bool = False
    size: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def message_id(self) -> str:
        """The Message-ID header, or an empty text."""
        return self.headers.get("message-id", "")


def read_log(path: Path) -> list[Handed]:
    """Return what a witness has written so far, in the order in which messages ended."""
    with path.open("rb") as lines:
        return [Handed(**orjson.loads(line)) for line in lines if line.endswith(b"\n")]
