"""What is heard back about a mail enters here, by one function, from whichever provider."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert as insert_or_keep
from sqlmodel import Session, SQLModel, col, select

from mailer import people, permission
from mailer.database import rows_changed
from mailer.delivery._tables import PlaceRow
from mailer.vocabulary import (
    AddressId,
    Door,
    Heard,
    MailingId,
    PersonId,
    Scope,
    SuppressionReason,
)

_heard = SQLModel.metadata.tables["delivery_heard"]

_HARD = frozenset({"5.1.0", "5.1.1", "5.1.3", "5.1.6", "5.1.10"})
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class News:
    """One thing that was heard about one person's mail."""

    mailing_id: MailingId
    person_id: PersonId
    heard: Heard
    at: datetime
    code: int = 0
    detail: str = ""


def is_hard(code: int, detail: str) -> bool:
    """Say whether a refusal means that the mailbox does not exist (RFC 3463 X.1.x).

    A policy refusal, a full mailbox or a reputation block is no reason to suppress a person.
    """
    enhanced = _ENHANCED.search(detail)
    return enhanced is not None and 500 <= code < 600 and enhanced.group(1) in _HARD


def hear(session: Session, news: News, *, now: datetime) -> None:
    """Write down what was heard, once, and draw the consequence.

    A hard bounce suppresses the address for all mail; a complaint stops all promotional mail for
    the person, whoever they were merged into, and every address they ever had (C08); a delivery lifts nothing. Evidence of arrival settles what
    was unknown.
    """
    address_id = _address_of(session, news)
    if address_id is None or not _is_new(session, news):
        return
    _settle_doubt(session, news)
    match news.heard:
        case Heard.DELIVERED:
            pass
        case Heard.BOUNCED:
            if is_hard(news.code, news.detail):
                _suppress_mailbox(session, address_id, now)
        case Heard.COMPLAINED:
            _suppress_person(session, news.person_id, now)
        case _:
            assert_never(news.heard)


def _address_of(session: Session, news: News) -> AddressId | None:
    """Return the address that this person's mail of this mailing went to."""
    identity = people.identity_of(session, news.person_id)
    return session.exec(
        select(PlaceRow.address_id).where(
            col(PlaceRow.address_id).in_(identity.addresses),
            PlaceRow.mailing_id == news.mailing_id,
            PlaceRow.person_id == news.person_id,
        )
    ).first()  # type: ignore[return-value]


def _is_new(session: Session, news: News) -> bool:
    written = rows_changed(
        session,
        insert_or_keep(_heard)
        .values(
            mailing_id=news.mailing_id,
            person_id=news.person_id,
            heard=news.heard.value,
            at=news.at,
            detail=news.detail[:300],
        )
        .on_conflict_do_nothing(),
    )
    return bool(written)


_SETTLE_DOUBT = text(
    """
    WITH doubtful AS (
        SELECT b.id, b.state, e.person_id IS NOT NULL AS noted
        FROM delivery_batch b
        JOIN delivery_roster r ON r.batch_id = b.id AND :person_id = ANY(r.persons)
        LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = :person_id
        WHERE b.mailing_id = :mailing_id AND b.unknown > 0
          AND (b.state = 'unknown' AND e.person_id IS NULL OR e.outcome = 'unknown')
        FOR UPDATE OF b
    ), cleared AS (
        DELETE FROM delivery_exception e USING doubtful d
        WHERE d.noted AND e.batch_id = d.id AND e.person_id = :person_id
    ), marked AS (
        INSERT INTO delivery_exception (batch_id, person_id, outcome, reason, detail, at)
        SELECT d.id, :person_id, 'accepted', 'sent.topic', 'heard of later', :at
        FROM doubtful d WHERE NOT d.noted
    )
    UPDATE delivery_batch b
    SET accepted = b.accepted + 1, unknown = b.unknown - 1,
        state = CASE WHEN b.state = 'unknown' AND b.unknown = 1 THEN 'settled' ELSE b.state END
    FROM doubtful d WHERE b.id = d.id
    """
)


def _settle_doubt(session: Session, news: News) -> None:
    """Whatever is heard of a mail proves that the provider had taken it."""
    session.execute(
        _SETTLE_DOUBT,
        {"mailing_id": news.mailing_id, "person_id": news.person_id, "at": news.at},
    )


def _suppress_mailbox(session: Session, address_id: AddressId, now: datetime) -> None:
    bounced = permission.NewSuppression(
        scope=Scope.ALL,
        reason=SuppressionReason.HARD_BOUNCE,
        door=Door.BOUNCE,
        address_id=address_id,
    )
    permission.suppress(session, bounced, now=now)


def _suppress_person(session: Session, person_id: PersonId, now: datetime) -> None:
    """Stop promotional mail for whoever this person is now, at every address they ever had."""
    identity = _locked_identity(session, person_id)
    permission.suppress_person(
        session,
        permission.NewSuppression(
            scope=Scope.PROMOTIONAL, reason=SuppressionReason.COMPLAINT, door=Door.COMPLAINT
        ),
        person_id=identity.survivor,
        address_ids=identity.addresses,
        now=now,
    )


def _locked_identity(session: Session, person_id: PersonId) -> people.Identity:
    """Read who this is under the lock that a merge or a change of address takes as well."""
    while True:
        survivor = people.identity_of(session, person_id).survivor
        with suppress(permission.NotAdmitted):
            permission.lock(session, survivor)
        identity = people.identity_of(session, survivor)
        if identity.survivor == survivor:
            return identity
