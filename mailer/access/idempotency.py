"""The same request twice is done once: an Idempotency-Key and what it was answered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, delete, select, update
from sqlmodel.sql.expression import SelectOfScalar

from mailer.access._tables import IdempotencyRow
from mailer.access.keys import ApiKeyId

KEPT = timedelta(hours=24)
LONGEST_KEY = 255
LARGEST_ANSWER = 1_048_576
"""Bytes; an opt-out of an address that thousands of customers share is answered in less."""
CLAIM = timedelta(seconds=30)
"""How long a claim without an answer counts as being worked on; its process may have died."""


class IdempotencyConflict(Exception):
    """The key was used for another request within the last 24 hours."""


class IdempotencyBusy(Exception):
    """The same request is being worked on at this moment; its answer is not there yet."""


class AnswerTooLarge(ValueError):
    """An answer is too large to be kept."""


class IdempotencyKeyInvalid(ValueError):
    """The key is empty, longer than 255 characters, or not printable ASCII."""


class PersonalAnswer(ValueError):
    """An answer with an address in it was to be stored; answers are kept as ids only."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first request was answered: its status, and a body of ids and words of ours."""

    status: int
    body: Mapping[str, Any]


def request_hash(method: str, path: str, body: bytes) -> bytes:
    """Return what two requests must have in common to count as the same one: 32 bytes."""
    head = f"{method.upper()} {path}\n".encode()
    return hashlib.sha256(hashlib.sha256(head).digest() + body).digest()


def remember(
    session: Session, *, key_id: ApiKeyId, key: str, request_hash: bytes, now: datetime
) -> StoredAnswer | None:
    """Claim an Idempotency-Key: None means go ahead, an answer means it was done before.

    Of two at once, one goes ahead and the other waits here until the first one's transaction
    ends: after a commit it gets the answer, after a rollback it goes ahead itself. Work that
    commits on its own commits its claim first: for 30 seconds IdempotencyBusy is raised then,
    unless the claim is released or answered. After that its process is taken for dead and the
    claim goes to who asks, so such work must bear repeating, as an opt-out does. Claims of more
    than 24 hours ago do not count. Raises IdempotencyConflict for another request under the same
    key, and IdempotencyKeyInvalid.
    """
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyInvalid(f"an Idempotency-Key has 1 to {LONGEST_KEY} ASCII characters")
    if _claim(session, key_id=key_id, key=key, request_hash=request_hash, now=now):
        return None
    row = session.exec(_row_of(key_id, key).with_for_update()).one()
    if row.request_hash != request_hash:
        raise IdempotencyConflict("this Idempotency-Key was used for another request")
    if row.status is None:
        if now - row.created_at < CLAIM:
            raise IdempotencyBusy("this call is being worked on; ask again for its answer")
        row.created_at = now
        session.add(row)
    return _answer(row)


def release(session: Session, *, key_id: ApiKeyId, key: str) -> None:
    """Give up a claim whose work failed, so that a corrected request may use its key.

    An answer that is there stays.
    """
    session.exec(
        delete(IdempotencyRow).where(
            col(IdempotencyRow.key_id) == key_id,
            col(IdempotencyRow.key) == key,
            col(IdempotencyRow.status).is_(None),
        )
    )


def answer_of(
    session: Session, *, key_id: ApiKeyId, key: str, now: datetime
) -> StoredAnswer | None:
    """Return the answer kept under a key within the last 24 hours, without claiming it."""
    fresh = _row_of(key_id, key).where(col(IdempotencyRow.created_at) > now - KEPT)
    row = session.exec(fresh).first()
    return _answer(row) if row else None


def store_answer(
    session: Session, *, key_id: ApiKeyId, key: str, status: int, body: Mapping[str, Any]
) -> None:
    """Keep the answer of a claimed key; call it in the transaction that did the work.

    `body` is JSON of ids, states and times; what it says of people is looked up again when it
    is asked for. Raises PersonalAnswer where an address stands in it, and AnswerTooLarge for more
    than 1 MiB.
    """
    packed = orjson.dumps(body)
    if b"@" in packed:
        raise PersonalAnswer("an answer that is kept holds ids, never an address")
    if len(packed) > LARGEST_ANSWER:
        raise AnswerTooLarge(f"an answer that is kept has {LARGEST_ANSWER} bytes at most")
    session.exec(
        update(IdempotencyRow)
        .where(col(IdempotencyRow.key_id) == key_id, col(IdempotencyRow.key) == key)
        .values(status=status, answer=orjson.loads(packed))
    )


def sweep_idempotency(session: Session, *, now: datetime) -> int:
    """Delete what is older than 24 hours; return how many."""
    gone = session.exec(delete(IdempotencyRow).where(col(IdempotencyRow.created_at) <= now - KEPT))
    return gone.rowcount


def _claim(
    session: Session, *, key_id: ApiKeyId, key: str, request_hash: bytes, now: datetime
) -> bool:
    fresh = {"request_hash": request_hash, "created_at": now, "status": None, "answer": None}
    claim = insert(IdempotencyRow).values(key_id=key_id, key=key, **fresh)
    claim = claim.on_conflict_do_update(
        index_elements=["key_id", "key"],
        set_=fresh,
        where=col(IdempotencyRow.created_at) <= now - KEPT,
    )
    return session.execute(claim.returning(col(IdempotencyRow.key_id))).first() is not None


def _row_of(key_id: ApiKeyId, key: str) -> SelectOfScalar[IdempotencyRow]:
    return select(IdempotencyRow).where(IdempotencyRow.key_id == key_id, IdempotencyRow.key == key)


def _answer(row: IdempotencyRow) -> StoredAnswer | None:
    if row.status is None:
        return None
    return StoredAnswer(row.status, row.answer or {})
