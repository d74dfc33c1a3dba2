"""A no that nobody spoke on a page: written for whoever somebody is now, wherever they ever were."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import people, permission
from mailer.permission import NewSuppression
from mailer.vocabulary import AddressId, PersonId

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
