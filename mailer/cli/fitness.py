"""Is this installation fit to send? What /readyz looks at, and what only an operator would ask."""

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mailer.database import DatabaseAway
from mailer.delivery import slow_scopes
from mailer.recovery import is_whole
from mailer.settings import Environment, ProviderName
from mailer.wiring import Parts
from preference_center.systems import health

FLEETING_FILE_SYSTEMS = frozenset(
    {"tmpfs", "ramfs", "overlay", "overlayfs", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs"}
)
"""Memory, and the writable layer of a container, which goes when the container is replaced."""
MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at."""

    name: str
    fine: bool
    words: str
    """What it is for while it is fine, and what to do when it is not."""
    needed: bool

    def as_json(self) -> dict[str, object]:
        """Return it for scripts."""
        return {
            "check": self.name,
            "ok": self.fine,
            "needed": self.needed,
            "say": "" if self.fine else self.words,
        }

    def as_row(self) -> tuple[str, str, str]:
        """Return it for people; the word comes before any colour."""
        state = "ok" if self.fine else ("missing" if self.needed else "note")
        return state, self.name, "" if self.fine else self.words


@dataclass(frozen=True, slots=True)
class Look:
    """Something to look at: what to say when it is not so, and whether mail must not go without."""

    name: str
    words: str
    is_fine: Callable[[Parts], bool]
    needed: bool = True


def look(parts: Parts) -> list[Found]:
    """Look at everything once; what breaks while looking is not fine."""
    ready = health.look(parts)
    from_readyz = [
        Found(each.name, ready[each.name], each.missing, needed=True) for each in health.CHECKS
    ]
    return from_readyz + [
        Found(each.name, _is_fine(each, parts), each.words, each.needed) for each in LOOKS
    ]


def _is_fine(what: Look, parts: Parts) -> bool:
    try:
        return what.is_fine(parts)
    except Exception:  # what cannot be looked at is not fine, and the rest is still to be seen
        return False


def _shows(parts: Parts, setting: str) -> str:
    with parts.database.reading() as session:
        return str(session.execute(text(f"SHOW {setting}")).scalar_one())


def _is_primary(parts: Parts) -> bool:
    with parts.database.reading() as session:
        return not session.execute(text("SELECT pg_is_in_recovery()")).scalar_one()


def _keeps_commits(parts: Parts) -> bool:
    return _shows(parts, "fsync") == "on" and _shows(parts, "full_page_writes") == "on"


def _is_known_version(parts: Parts) -> bool:
    return 150_000 <= int(_shows(parts, "server_version_num")) < 190_000


def _disk_lasts(parts: Parts) -> bool:
    if not MOUNTS.exists():
        return True
    return outlives(Path(parts.settings.data_dir).resolve(), MOUNTS.read_text())


def outlives(folder: Path, mounts: str) -> bool:
    """Say whether a folder is on a disk that stays, by the lines of /proc/self/mounts.

    Of the mounts above it the deepest counts, and of several on one point the last.
    """
    points = {line.split()[1]: line.split()[2] for line in mounts.splitlines()}
    above = [point for point in points if folder.is_relative_to(point)]
    return points[max(above, key=len)] not in FLEETING_FILE_SYSTEMS


def _has_its_journal(parts: Parts) -> bool:
    try:
        return is_whole(parts.database, parts.journal.folder)
    except (DatabaseAway, DBAPIError):
        return True  # of that others tell


def _sends_for_real(parts: Parts) -> bool:
    return parts.settings.provider is not ProviderName.MEMORY and not parts.settings.mail_catcher


def _is_production(parts: Parts) -> bool:
    return parts.settings.env is Environment.PRODUCTION


def _senders_differ(parts: Parts) -> bool:
    """Whether order updates and promotional mail come from two addresses (facts of the mailboxes)."""
    senders = [
        parseaddr(each)[1] for each in (parts.settings.from_orders, parts.settings.from_promotional)
    ]
    return all(senders) and senders[0].lower() != senders[1].lower()


def _is_public(parts: Parts) -> bool:
    return parts.settings.public_url.startswith("https://")


def _is_not_slowed(parts: Parts) -> bool:
    with parts.database.reading() as session:
        return not slow_scopes(session, now=parts.clock())


LOOKS: tuple[Look, ...] = (
    Look("primary", "this database is a standby; name the primary", _is_primary),
    Look("version", "this PostgreSQL is not 15 to 18", _is_known_version),
    Look(
        "durable",
        "the database may forget commits; set fsync and full_page_writes to on",
        _keeps_commits,
    ),
    Look(
        "disk",
        "MAILER_DATA_DIR is in memory or in a container's own layer: the journal of opt-outs would "
        "not outlive a restart; mount a volume",
        _disk_lasts,
    ),
    Look(
        "journal_whole",
        "the database knows more of the journal than lies here: files are gone or cut, or the journal"
        " of another machine is meant; what they held is only in the database now",
        _has_its_journal,
        needed=False,
    ),
    Look(
        "senders",
        "MAILER_FROM_ORDERS and MAILER_FROM_PROMOTIONAL must be two addresses",
        _senders_differ,
    ),
    Look(
        "https",
        "MAILER_PUBLIC_URL is not https://; one-click unsubscribe needs it (RFC 8058)",
        _is_public,
        needed=False,
    ),
    Look(
        "provider_is_real",
        "mail goes to a catcher or into memory; nobody outside gets any",
        _sends_for_real,
        needed=False,
    ),
    Look(
        "not_slowed",
        "a provider has asked for less, and campaigns leave slower; fpmail_slowed_per_second says"
        " where, and it recovers by itself",
        _is_not_slowed,
        needed=False,
    ),
    Look("production", "MAILER_ENV is development", _is_production, needed=False),
)
