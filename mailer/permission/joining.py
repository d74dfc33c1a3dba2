"""A no outlives its customer's records: merged, moved to another address, erased."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import delete, insert, or_, update
from sqlmodel import Session, col, select

from mailer import people
from mailer.permission._tables import MoveRow, StandingRow, SuppressionRow
from mailer.permission.changes import EVERY_TOPIC, lock
from mailer.vocabulary import (
    AddressId,
    Door,
    Frequency,
    PersonId,
    Scope,
    SuppressionReason,
    Topic,
)


def merge(session: Session, *, survivor: PersonId, merged: PersonId, now: datetime) -> int:
    """Carry the nos of a merged customer over to the survivor; the most restrictive wins (C08).

    Each no of either, and of any address that either ever had, holds afterwards for the survivor
    and at every one of these addresses; a bounce stays with its mailbox. No yes is carried: a
    merge creates no permission. Both rows are locked in the order of their numbers, and before
    them the customers, as an upsert that moves one does. Returns the survivor's new version.
    Raises NotAdmitted.
    """
    people.hold_both(session, survivor, merged)
    rows = {person_id: lock(session, person_id) for person_id in sorted((survivor, merged))}
    kept, gone = rows[survivor], rows[merged]
    _restrict(kept, gone)
    # Above both, so that a page of either is out of date: what it showed was somebody else's.
    kept.version = max(kept.version, gone.version)
    gone.version += 1
    session.add(gone)
    both = [people.identity_of(session, each) for each in (survivor, merged)]
    addresses = frozenset().union(*(each.addresses for each in both))
    persons = frozenset().union(*(each.persons for each in both), {survivor, merged})
    nos = _nos_of(session, persons, addresses)
    _repeat(session, nos, to=survivor, at=addresses, door=Door.MERGE)
    del now  # the nos keep the moment at which they were spoken
    return _note(session, kept, nos)


def follow(session: Session, *, person_id: PersonId, address_id: AddressId, now: datetime) -> int:
    """Make a person's nos hold at their new address too. Returns the new version.

    With them go the nos of the addresses themselves, the new one's included: whoever spoke
    them, they may have been this person. A bounce stays with its mailbox. Raises NotAdmitted.
    """
    row = lock(session, person_id)
    identity = people.identity_of(session, person_id)
    nos = _nos_of(session, identity.persons | {person_id}, identity.addresses | {address_id})
    _repeat(session, nos, to=person_id, at=[address_id], door=Door.ADDRESS_CHANGE)
    del now
    return _note(session, row, nos)


def carry(
    session: Session,
    person_id: PersonId,
    *,
    persons: Collection[PersonId],
    of_addresses: Collection[AddressId],
    at: Collection[AddressId],
    door: Door,
) -> int:
    """Write each no of these people, or of these addresses, for a person at every address of `at`.

    Those that stand there stay; returns how many were written, and counts them as answers. Raises
    NotAdmitted.
    """
    row = lock(session, person_id)
    nos = _nos_of(session, persons, of_addresses)
    written = _repeat(session, nos, to=person_id, at=at, door=door)
    if written:
        _note(session, row, nos)
    return written


def forget(session: Session, person_id: PersonId) -> None:
    """Remove a person's standing when they are erased; their nos stay by address, without them.

    With them go all of their identity, as `people.erase` takes them: of nobody who was merged is a
    move left that a sweep would write to the journal afterwards.
    """
    persons = people.identity_of(session, person_id).persons
    session.execute(delete(StandingRow).where(col(StandingRow.person_id).in_(persons)))
    session.execute(delete(MoveRow).where(col(MoveRow.person_id).in_(persons)))
    session.execute(
        update(SuppressionRow)
        .where(
            col(SuppressionRow.person_id).in_(persons),
            col(SuppressionRow.address_id).is_not(None),
        )
        .values(person_id=None)
    )


def _restrict(kept: StandingRow, gone: StandingRow) -> None:
    """Take over what is more restrictive in the merged customer's standing."""
    off = gone.topics_answered & ~gone.topics_on
    kept.topics_on &= ~off
    kept.topics_answered |= off
    kept.paused_until = max(filter(None, (kept.paused_until, gone.paused_until)), default=None)
    kept.frequency = max(
        (Frequency(kept.frequency), Frequency(gone.frequency)), key=lambda each: each.days
    ).value
    kept.tracking = kept.tracking and gone.tracking
    kept.confirmed = kept.confirmed and gone.confirmed
    kept.gpc_since = kept.gpc_since or gone.gpc_since


def _nos_of(
    session: Session, persons: Collection[PersonId], addresses: Collection[AddressId]
) -> list[SuppressionRow]:
    """Return what stands against these people or at these addresses, the oldest first."""
    return list(
        session.exec(
            select(SuppressionRow)
            .where(
                or_(
                    col(SuppressionRow.person_id).in_(persons),
                    col(SuppressionRow.address_id).in_(addresses),
                ),
                SuppressionRow.reason != SuppressionReason.HARD_BOUNCE.value,
                col(SuppressionRow.lifted_at).is_(None),
            )
            .order_by(col(SuppressionRow.since), col(SuppressionRow.id))
        ).all()
    )


def _repeat(
    session: Session,
    nos: Iterable[SuppressionRow],
    *,
    to: PersonId,
    at: Collection[AddressId],
    door: Door,
) -> int:
    """Write each no for a person at these addresses, where it does not stand for them yet.

    Returns how many were written.
    """
    nos = list(nos)
    held = {(row.address_id, *_kind(row)) for row in nos if row.person_id == to}
    wanted = {
        (address_id, *_kind(row)): {
            "person_id": to,
            "address_id": address_id,
            "scope": row.scope,
            "topic": row.topic,
            "reason": row.reason,
            "door": door.value,
            "since": row.since,
            "until": row.until,
        }
        for row in reversed(nos)  # of equal ones the oldest is repeated
        for address_id in sorted(at)
    }
    missing = [copy for key, copy in wanted.items() if key not in held]
    if missing:
        session.execute(insert(SuppressionRow), missing)
    return len(missing)


def _kind(row: SuppressionRow) -> tuple[str, str | None, str, datetime | None]:
    """Return what makes two nos the same; one that ends is another than one that does not."""
    return row.scope, row.topic, row.reason, row.until


def _note(session: Session, row: StandingRow, nos: Iterable[SuppressionRow]) -> int:
    """Count a carried no as an answer, so that no list switches on what it was said about."""
    for no in nos:
        if no.scope == Scope.TOPIC.value and no.topic is not None and no.until is None:
            row.topics_on &= ~Topic(no.topic).bit
            row.topics_answered |= Topic(no.topic).bit
        elif no.scope != Scope.TOPIC.value and no.until is None:
            row.topics_answered |= EVERY_TOPIC
    row.version += 1
    session.add(row)
    session.flush()
    return row.version
