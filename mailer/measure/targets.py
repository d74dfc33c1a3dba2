"""Where the links of a mailing lead, kept at hand: in memory, and on disk for a database away."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import orjson

from mailer.vocabulary import MailingId

Locations = tuple[bytes | None, ...]
"""The targets of a mailing as `Location` headers; None for one that a browser must not be sent to."""
SAFE = "!#$%&'()*+,/:;=?@[]~"
SCHEMES = frozenset({"http", "https"})
PRUNED_EVERY = 500


def location_of(target: str) -> bytes | None:
    """Return a target as the value of a `Location` header, or None for no address of the web.

    What is not ASCII is encoded (a host by IDNA, the rest by UTF-8 and percent signs); all else
    stays as it was written.
    """
    if any(letter.isspace() or not letter.isprintable() for letter in target):
        return None
    try:
        parts = urlsplit(target)
        if parts.scheme not in SCHEMES or not parts.hostname:
            return None
        return quote(urlunsplit(_ascii_host(parts)), safe=SAFE).encode("ascii")
    except ValueError:
        return None


def _ascii_host(parts: SplitResult) -> SplitResult:
    if parts.netloc.isascii():
        return parts
    host = (parts.hostname or "").encode("idna").decode("ascii")
    return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host)


class TargetShelf:
    """Keeps the targets of the mailings that were clicked lately, in this process and on disk.

    The targets of a mailing never change, so that nothing here grows stale. The disk copy is an
    aid: a file that cannot be written or read counts as absent. At most `in_memory` mailings and
    `on_disk` files are kept; those that were put there longest ago go first.
    """

    def __init__(self, folder: Path, *, in_memory: int = 10_000, on_disk: int = 20_000) -> None:
        self.folder = folder
        self._in_memory = in_memory
        self._on_disk = on_disk
        self._known: OrderedDict[MailingId, Locations] = OrderedDict()
        self._puts = 0

    def at_hand(self, mailing_id: MailingId) -> Locations | None:
        """Return a mailing's targets from memory, or None."""
        return self._known.get(mailing_id)

    def known(self, mailing_id: MailingId) -> Locations | None:
        """Return a mailing's targets without asking the database, or None."""
        locations = self._known.get(mailing_id)
        if locations is None:
            targets = self._read(mailing_id)
            if targets is None:
                return None
            locations = self.remember(mailing_id, targets)
        return locations

    def remember(self, mailing_id: MailingId, targets: Sequence[str]) -> Locations:
        """Keep a mailing's targets in memory and return them as headers."""
        locations = tuple(location_of(target) for target in targets)
        self._known[mailing_id] = locations
        if len(self._known) > self._in_memory:
            self._known.popitem(last=False)
        return locations

    def write(self, mailing_id: MailingId, targets: Sequence[str]) -> None:
        """Keep a mailing's targets on disk, whole or not at all."""
        with suppress(OSError):
            if self._puts % PRUNED_EVERY == 0:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._prune()
            self._puts += 1
            path = self._path(mailing_id)
            draft = path.with_suffix(f".{os.getpid()}.draft")
            draft.write_bytes(orjson.dumps({"mailing": mailing_id, "targets": list(targets)}))
            draft.replace(path)

    def _path(self, mailing_id: MailingId) -> Path:
        return self.folder / f"{mailing_id}.json"

    def _read(self, mailing_id: MailingId) -> list[str] | None:
        try:
            kept = orjson.loads(self._path(mailing_id).read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or kept.get("mailing") != mailing_id:
            return None
        targets = kept.get("targets")
        if not isinstance(targets, list) or not all(isinstance(each, str) for each in targets):
            return None
        return targets

    def _prune(self) -> None:
        files = [entry for entry in os.scandir(self.folder) if entry.is_file()]
        surplus = len(files) - self._on_disk
        if surplus > 0:
            for entry in sorted(files, key=lambda entry: entry.stat().st_mtime)[:surplus]:
                Path(entry.path).unlink(missing_ok=True)
