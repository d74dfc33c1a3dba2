"""`/healthz`: this process answers. `/readyz`: what it needs, and what is missing.

Only what the pages themselves need makes it unready: with the broker or the provider away,
opt-outs must still come in.
"""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter
from sqlalchemy.exc import DBAPIError
from starlette.responses import JSONResponse

from mailer.database import DatabaseAway
from mailer.migrations import is_current
from mailer.recovery import what_refuses
from mailer.settings import ProviderName, Settings
from mailer.wiring import Parts, lost_keys
from preference_center.door import Here

router = APIRouter(include_in_schema=False)
NO_STORE = {"Cache-Control": "no-store"}
REACH_SECONDS = 2.0
SEEN_SECONDS = 3.0
"""How long /readyz repeats what it saw."""
PORTS = {
    "smtp": 25,
    "smtp+starttls": 587,
    "smtps": 465,
    "redis": 6379,
    "rediss": 6379,
    "amqp": 5672,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at: its name, what to say when it is missing, and whether pages need it."""

    name: str
    missing: str
    is_there: Callable[[Parts], bool]
    needed: bool = True


@router.api_route("/healthz", methods=["GET", "HEAD"])
async def healthz() -> JSONResponse:
    """Say that this process answers; looks at nothing."""
    return JSONResponse({"healthy": True}, headers=NO_STORE)


@router.api_route("/readyz", methods=["GET", "HEAD"])
def readyz(door: Here) -> JSONResponse:
    """Say what is there and what is missing; 503 where something is missing that pages need.

    What was seen is said again for some seconds, whoever asks how often.
    """
    found = door.readiness()
    ready = all(found[check.name] for check in CHECKS if check.needed)
    missing = [check.missing for check in CHECKS if not found[check.name]]
    return JSONResponse(
        {"ready": ready, "missing": missing, "checks": dict(found)},
        status_code=200 if ready else 503,
        headers=NO_STORE,
    )


def look(parts: Parts) -> Mapping[str, bool]:
    """Look at everything once; what breaks while looking is missing."""
    return {check.name: _is_there(check, parts) for check in CHECKS}


def _is_there(check: Check, parts: Parts) -> bool:
    try:
        return check.is_there(parts)
    except Exception:  # whatever breaks while looking: the answer is "missing", never a 500
        return False


def _has_its_keys(parts: Parts) -> bool:
    with parts.database.reading() as session:
        return not lost_keys(session, parts.vault)


def _journal_is_writable(parts: Parts) -> bool:
    """Whether the folder of the journal, or the first folder above that is there, takes files."""
    folder: Path = parts.journal.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def _knows_its_journal(parts: Parts) -> bool:
    """Whether promotional mail may go as far as the journal is concerned; opt-outs come in anyway.

    Of a database that is away, or lacks tables, others tell.
    """
    try:
        return what_refuses(parts.database, parts.journal.folder, now=parts.clock()) is None
    except (DatabaseAway, DBAPIError):
        return True


def _provider_is_reachable(parts: Parts) -> bool:
    settings: Settings = parts.settings
    if settings.provider is ProviderName.SMTP:
        return _reaches(settings.smtp_url)
    return True


def _reaches(url: str) -> bool:
    """Whether something listens there; without a URL there is nothing to reach."""
    split = urlsplit(url)
    port = split.port or PORTS.get(split.scheme, 0)
    if not split.hostname or not port:
        return False
    with socket.create_connection((split.hostname, port), timeout=REACH_SECONDS):
        return True


CHECKS: tuple[Check, ...] = (
    Check("database", "the database does not answer", lambda parts: parts.database.is_ready()),
    Check(
        "migrations",
        "the database lacks migrations; run: fpmail migrate",
        lambda parts: is_current(parts.database.url),
    ),
    Check(
        "keys",
        "a key that protects stored data is missing in MAILER_VAULT_KEYS or MAILER_INDEX_KEYS, "
        "or the tables cannot be read",
        _has_its_keys,
    ),
    Check("journal", "the journal's folder cannot be written", _journal_is_writable),
    Check(
        "restored",
        "promotional mail is refused: the database is older than the journal, or the journal cannot"
        " be read; see what is missing with: fpmail journal verify, and run: fpmail journal replay",
        _knows_its_journal,
        needed=False,
    ),
    Check(
        "broker",
        "the broker cannot be reached; mail waits for the next tick",
        lambda parts: _reaches(parts.settings.broker_url),
        needed=False,
    ),
    Check(
        "provider",
        "the mail provider cannot be reached; mail waits",
        _provider_is_reachable,
        needed=False,
    ),
    Check(
        "postal_address",
        "MAILER_POSTAL_ADDRESS is missing; no promotional mail can be scheduled",
        lambda parts: bool(parts.settings.postal_address),
        needed=False,
    ),
)
