"""A real SMTP server that keeps every mail in a folder instead of delivering it.

Started by the supervisor as a program of its own: `python -m mailer.development.mail_catcher
FOLDER PORT`. It listens on 127.0.0.1 only.
"""

import asyncio
import os
import signal
import sys
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from mailer.development.outbox import (
    NAME,
    CaughtMail,
    Link,
    NoSuchMail,
    WholeMail,
    read_mail,
    read_outbox,
)
from mailer.development.smtp_server import SmtpEnvelope, SmtpSession

__all__ = ["Catcher", "CaughtMail", "Link", "NoSuchMail", "WholeMail", "read_mail", "read_outbox"]

MOST_BYTES = 4 * 2**30
"""What all caught mails together may take; beyond it the oldest are removed."""


class Catcher:
    """Writes one file for each recipient of each envelope, whole or not at all."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._most_bytes = most_bytes
        self._kept = deque(sorted(_sizes(folder)))
        self._bytes = sum(size for _, size in self._kept)
        self._number = 0

    def keep_one(self, sender: str, recipient: str, content: bytes, *, now: datetime) -> str:
        """Keep one mail and return its name; what a mailbox adds stands before its headers."""
        trace = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n"
        whole = trace.encode() + content
        self._number = (self._number + 1) % 1_000_000
        name = f"{now:%Y%m%dT%H%M%S.%fZ}-{self._number:06}.eml"
        unfinished = self._folder / f".{name}"
        unfinished.write_bytes(whole)
        unfinished.rename(self._folder / name)
        self._kept.append((name, len(whole)))
        self._bytes += len(whole)
        self._make_room()
        return name

    def _make_room(self) -> None:
        while self._bytes > self._most_bytes and len(self._kept) > 1:
            name, size = self._kept.popleft()
            (self._folder / name).unlink(missing_ok=True)
            self._bytes -= size

    def greet(self, envelope: SmtpEnvelope) -> str | None:  # noqa: ARG002 - the server asks of each
        """Refuse nobody."""
        return None

    def keep(self, envelope: SmtpEnvelope, content: bytes) -> str:
        """Keep the mail for each recipient, then take responsibility for it."""
        now = datetime.now(UTC)
        for recipient in envelope.recipients:
            name = self.keep_one(envelope.sender, recipient, content, now=now)
        return f"250 2.0.0 kept as {name.removesuffix('.eml')}"


def _sizes(folder: Path) -> list[tuple[str, int]]:
    return [
        (entry.name, entry.stat().st_size)
        for entry in os.scandir(folder)
        if NAME.fullmatch(entry.name)
    ]


async def catch(folder: Path, port: int) -> None:
    """Catch mail until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    catcher = Catcher(folder)
    server = await loop.create_server(lambda: SmtpSession(catcher), "127.0.0.1", port)
    async with server:
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(catch(Path(sys.argv[1]), int(sys.argv[2])))
