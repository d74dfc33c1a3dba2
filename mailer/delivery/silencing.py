"""A no that nobody spoke on a page: written for whoever somebody is now, wherever they ever were."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import people, permission
from mailer.permission import Applied, Change, NewSuppression, NotAdmitted
from mailer.vocabulary import AddressId, PersonId, Scope, SuppressionReason, Topic

NOBODY = PersonId(0)
"""Stands for the person where only an address is known."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """A no as it was written: for whom, and at which addresses."""

    no: NewSuppression
    person_id: PersonId
    addresses: frozenset[AddressId]
    version: int


def silence(
    session: Session, new: NewSuppression, person_id: PersonId, *, now: datetime
) -> Silenced:
    """Write a no for the customer that a person is now, at every address they ever had."""
    identity = _locked_identity(session, person_id)
    version = permission.suppress_person(
        session,
        new,
        person_id=identity.survivor,
        address_ids=identity.addresses,
        now=now,
    )
    return Silenced(new, identity.survivor, identity.addresses, version)


def hold_who_they_are(session: Session, person_ids: Collection[PersonId]) -> None:
    """Lock the customers that these are now, by number, so that nobody is merged until the commit.

    For whoever silences several in one transaction: nobody waits for another in a ring.
    """
    while person_ids:
        with session.begin_nested() as attempt:
            survivors = _survivors(session, person_ids)
            for survivor in survivors:
                with suppress(permission.NotAdmitted):
                    permission.lock(session, survivor)
            if _survivors(session, person_ids) == survivors:
                return
            attempt.rollback()  # who was merged meanwhile may have to come first


def _survivors(session: Session, person_ids: Collection[PersonId]) -> list[PersonId]:
    return sorted({people.identity_of(session, each).survivor for each in person_ids})


def silence_address(
    session: Session, change: Change, address_id: AddressId, reference: str, *, now: datetime
) -> Applied:
    """Keep the no of somebody whose profile is gone: by the address of the link they used.

    Raises NotAdmitted where they said none.
    """
    if not (change.stop_all or change.topics_off):
        raise NotAdmitted("no such customer")
    topics: list[Topic | None] = [None] if change.stop_all else [*sorted(change.topics_off)]
    for topic in topics:
        permission.suppress(
            session,
            NewSuppression(
                scope=Scope.TOPIC if topic else Scope.PROMOTIONAL,
                reason=SuppressionReason.OPT_OUT,
                door=change.door,
                address_id=address_id,
                topic=topic,
            ),
            now=now,
        )
    acts = tuple(("no", topic) if topic else ("stop", None) for topic in topics)
    return Applied(0, reference, now, acts, door=change.door)


def silenced_before(session: Session, new: NewSuppression, person_id: PersonId) -> Silenced:
    """Return the same no as `silence` would, written by an earlier call; changes nothing."""
    identity = people.identity_of(session, person_id)
    standing = permission.standing_of(session, identity.survivor)
    version = standing.version if standing is not None else 0
    return Silenced(new, identity.survivor, identity.addresses, version)


def _locked_identity(session: Session, person_id: PersonId) -> people.Identity:
    """Read who this is under the lock that a merge or a change of address takes as well."""
    while True:
        survivor = people.identity_of(session, person_id).survivor
        with suppress(permission.NotAdmitted):
            permission.lock(session, survivor)
        identity = people.identity_of(session, survivor)
        if identity.survivor == survivor:
            return identity
