"""API keys: made once, shown once, recognised by their hash, limited by scopes."""

import base64
import hashlib
import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from sqlmodel import Session, col, select, update

from mailer.access._tables import ApiKeyRow

ApiKeyId = NewType("ApiKeyId", int)
PREFIX = "fpm_"
ACTOR = "api_key:"
SECRET_BYTES = 32
KEY_LENGTH = len(PREFIX) + 43


class ApiScope(StrEnum):
    """What a key may do: change one kind of thing, approve a campaign, or read everything.

    `personal` adds to any of them that names and addresses are shown instead of masked (C09).
    """

    CUSTOMERS = "customers"
    ORDERS = "orders"
    CAMPAIGNS = "campaigns"
    APPROVE = "approve"
    SUPPRESSIONS = "suppressions"
    MESSAGES = "messages"
    CONSENTS = "consents"
    READ = "read"
    PERSONAL = "personal"


Scopes = frozenset[ApiScope]


class ScopeMissing(Exception):
    """The key is good, but not for this."""

    def __init__(self, scope: ApiScope) -> None:
        super().__init__(f"this key lacks the scope {scope.value}")
        self.scope = scope


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who is calling, and what they may do."""

    id: ApiKeyId
    name: str
    scopes: Scopes
    created_at: datetime
    revoked_at: datetime | None = None

    @property
    def actor(self) -> str:
        """The caller as the ledger names them."""
        return f"{ACTOR}{self.id}"

    def require(self, scope: ApiScope) -> None:
        """Raise ScopeMissing unless this key may do what `scope` covers."""
        if scope not in self.scopes:
            raise ScopeMissing(scope)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made. `plaintext` is shown now and can never be shown again."""

    id: ApiKeyId
    plaintext: str

    def __repr__(self) -> str:
        return f"NewApiKey(id={self.id})"


def create_key(
    session: Session,
    *,
    name: str,
    scopes: Collection[ApiScope],
    secret_bytes: bytes,
    now: datetime,
) -> NewApiKey:
    """Make a key from 32 random bytes and keep its hash alone.

    A plain sha256 is enough: the secret is random, so that there is nothing to guess slowly.
    Raises ValueError for another length, no scope or an unknown one.
    """
    if len(secret_bytes) != SECRET_BYTES:
        raise ValueError(f"a key is made of {SECRET_BYTES} random bytes")
    if not scopes:
        raise ValueError("a key without a scope could do nothing")
    plaintext = PREFIX + base64.urlsafe_b64encode(secret_bytes).decode().rstrip("=")
    row = ApiKeyRow(
        name=name,
        hash=_hash(plaintext),
        scopes=sorted(ApiScope(scope).value for scope in scopes),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return NewApiKey(_id(row), plaintext)


def key_of(session: Session, presented: str) -> ApiKey | None:
    """Return the key that was presented, or None for an unknown, revoked or altered one."""
    if len(presented) != KEY_LENGTH or not presented.startswith(PREFIX) or not presented.isascii():
        return None
    wanted = _hash(presented)
    row = session.exec(
        select(ApiKeyRow).where(ApiKeyRow.hash == wanted, col(ApiKeyRow.revoked_at).is_(None))
    ).first()
    if row is None or not hmac.compare_digest(row.hash, wanted):
        return None
    return _key(row)


def list_keys(session: Session) -> list[ApiKey]:
    """Return every key ever made, the oldest first; none of them can be recovered from it."""
    return [_key(row) for row in session.exec(select(ApiKeyRow).order_by(col(ApiKeyRow.id)))]


def names_of(session: Session, actors: Iterable[str | None]) -> dict[str, str]:
    """Return the names that staff gave to the keys among some actors, revoked ones too.

    Whoever is no key, and a key that is not on file any more, is absent.
    """
    numbers = {
        int(each.removeprefix(ACTOR))
        for each in actors
        if each and each.startswith(ACTOR) and each.removeprefix(ACTOR).isdecimal()
    }
    if not numbers:
        return {}
    rows = session.exec(select(ApiKeyRow).where(col(ApiKeyRow.id).in_(numbers)))
    return {_key(row).actor: row.name for row in rows}


def revoke_key(session: Session, key_id: ApiKeyId, *, now: datetime) -> bool:
    """Shut a key out from this commit on; False where there was none to revoke."""
    done = session.exec(
        update(ApiKeyRow)
        .where(col(ApiKeyRow.id) == key_id, col(ApiKeyRow.revoked_at).is_(None))
        .values(revoked_at=now)
    )
    return bool(done.rowcount)


def _hash(plaintext: str) -> bytes:
    return hashlib.sha256(plaintext.encode()).digest()


def _id(row: ApiKeyRow) -> ApiKeyId:
    return ApiKeyId(row.id or 0)


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        _id(row), row.name, frozenset(map(ApiScope, row.scopes)), row.created_at, row.revoked_at
    )
