"""One call of the API: whose key it is, what it may do, and that a named call is done once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy import text
from sqlmodel import Session

from mailer import access
from mailer.access import AnswerTooLarge, ApiKey, ApiScope, ScopeMissing
from mailer.database import CommitInDoubt, DatabaseAway
from mailer.vocabulary import Lane
from mailer.wiring import Parts
from preference_center.problems import Problem

bearer = HTTPBearer(
    scheme_name="key",
    description="An API key (`fpmail api-keys create`), as `Authorization: Bearer fpm_…`.",
    auto_error=False,
)


LONG_LOOKS = 3
"""Reads over everybody that one process does at a time; each holds a connection and a thread."""
LONG_LOOK_SECONDS = 60
TRY_AGAIN = {"Retry-After": "10"}


@dataclass(frozen=True, slots=True)
class Desk:
    """What every call needs: the parts and the clock."""

    parts: Parts
    clock: Callable[[], datetime]
    seats: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(LONG_LOOKS))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a call did, in ids, states and times: kept under its Idempotency-Key, never personal."""

    facts: Mapping[str, Any]
    rings: tuple[Lane, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in."""

    parts: Parts
    key: ApiKey
    now: datetime
    method: str
    path: str
    name: str | None
    """The Idempotency-Key that the client gave the call, if any."""
    seats: BoundedSemaphore = field(default_factory=BoundedSemaphore)

    @property
    def sees_people(self) -> bool:
        """Whether contact data is shown as it is; otherwise it is masked (C09)."""
        return ApiScope.PERSONAL in self.key.scopes

    @contextmanager
    def look(self) -> Iterator[Session]:
        """Yield a session for reading."""
        with self.parts.database.reading() as session:
            yield session

    @contextmanager
    def look_long(self) -> Iterator[Session]:
        """Yield a session for reading about everybody, for a minute at most.

        Raises Problem (503) where others are at it already: short calls must find a connection.
        """
        with self._seat(), self.look() as session:
            session.execute(text(f"SET LOCAL statement_timeout = '{LONG_LOOK_SECONDS}s'"))
            yield session

    @contextmanager
    def step_long(self) -> Iterator[Session]:
        """Yield a session for one step of work over everybody, to be committed. Raises Problem."""
        with self._seat(), self.parts.database.transaction() as session:
            yield session

    @contextmanager
    def _seat(self) -> Iterator[None]:
        if not self.seats.acquire(blocking=False):
            raise Problem(
                503,
                "busy",
                "Too many of these are under way",
                "Try again in a moment.",
                headers=TRY_AGAIN,
            )
        try:
            yield
        finally:
            self.seats.release()

    def once(self, form: BaseModel | None, work: Callable[[Session], Receipt]) -> Mapping[str, Any]:
        """Do `work` in one transaction and return its facts; a repeat returns the first one's.

        The claim of the Idempotency-Key, the work and the answer are committed together, so a
        call that failed leaves nothing behind and may be tried again under its key. Bells ring
        after the commit.
        """
        with self.parts.database.transaction() as session:
            kept = self._claim(session, form)
            if kept is not None:
                return kept
            receipt = work(session)
            self._keep(session, receipt)
        for lane in receipt.rings:
            self.parts.ring(lane)
        return receipt.facts

    def once_apart(self, form: BaseModel | None, work: Callable[[], Receipt]) -> Mapping[str, Any]:
        """Do work that commits on its own, such as an opt-out, and bears to be done again.

        The claim is committed first: of two at once the second is told that the first is under
        way (IdempotencyBusy). Work that failed releases its claim, so that a corrected call may
        use its key. An answer too large to be kept is given, and a repeat does the work again.
        """
        with self.parts.database.transaction() as session:
            kept = self._claim(session, form)
        if kept is not None:
            return kept
        try:
            receipt = work()
            with self.parts.database.transaction() as session:
                self._keep(session, receipt)
        except AnswerTooLarge:
            self._release()
        except Exception:
            self._release()
            raise
        return receipt.facts

    def _release(self) -> None:
        """Give the claim up; where that fails it ends by itself after half a minute."""
        if self.name is None:
            return
        with suppress(DatabaseAway, CommitInDoubt), self.parts.database.transaction() as session:
            access.release(session, key_id=self.key.id, key=self.name)

    def _claim(self, session: Session, form: BaseModel | None) -> Mapping[str, Any] | None:
        if self.name is None:
            return None
        body = form.model_dump_json().encode() if form is not None else b""
        kept = access.remember(
            session,
            key_id=self.key.id,
            key=self.name,
            request_hash=access.request_hash(self.method, self.path, body),
            now=self.now,
        )
        return kept.body if kept is not None else None

    def _keep(self, session: Session, receipt: Receipt) -> None:
        if self.name is not None:
            access.store_answer(
                session, key_id=self.key.id, key=self.name, status=200, body=receipt.facts
            )


class Needs:
    """Lets a request in whose key has one of these scopes; every route of the API has one."""

    def __init__(self, *scopes: ApiScope) -> None:
        self.scopes = scopes

    def __call__(
        self,
        request: Request,
        presented: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
        name: Annotated[
            str | None,
            Header(
                alias="Idempotency-Key",
                description="Your name for this call, up to 255 signs: a repeat within 24 hours is done once.",
            ),
        ] = None,
    ) -> Call:
        """Return the call, or raise 401 for no valid key and ScopeMissing for one that may not."""
        desk: Desk = request.state.desk
        key = _key_of(desk, presented)
        if not any(scope in key.scopes for scope in self.scopes):
            raise ScopeMissing(self.scopes[0])
        return Call(
            parts=desk.parts,
            key=key,
            now=desk.clock(),
            method=request.method,
            path=request.url.path,
            name=name if request.method == "POST" else None,
            seats=desk.seats,
        )


def _key_of(desk: Desk, presented: HTTPAuthorizationCredentials | None) -> ApiKey:
    if presented is not None:
        with desk.parts.database.reading() as session:
            key = access.key_of(session, presented.credentials)
        if key is not None:
            return key
    raise Problem(
        401,
        "key-missing",
        "This needs a valid API key",
        "Send it as: Authorization: Bearer fpm_…",
        headers={"WWW-Authenticate": 'Bearer realm="api"'},
    )
