"""Where a mail went of which something is heard, and whether it is known to be that one."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session, col, select

from mailer import people
from mailer.delivery._tables import BatchRow, PlaceRow
from mailer.vocabulary import AddressId, Lane, MailingId, PersonId

Mail = tuple[MailingId, PersonId]
"""One person's mail of a mailing, by the number that its Message-ID bears."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a mail went, and what its batch says of that."""

    address_id: AddressId
    survivor: PersonId
    """Who its reader is by now."""
    reader: PersonId
    """Under which number its batch has them: an order update goes along with a merge."""
    is_surely_there: bool
    """Whether no other mailbox may have got a mail of the same Message-ID."""
    behind_backup: bool


def whereabouts(session: Session, mails: Collection[Mail]) -> dict[Mail, Whereabouts]:
    """Find where each mail went; those that were sent to nobody are not in the answer."""
    return {mail: place for mail in mails if (place := _whereabouts(session, *mail))}


def _whereabouts(
    session: Session, mailing_id: MailingId, person_id: PersonId
) -> Whereabouts | None:
    identity = people.identity_of(session, person_id)
    while True:
        found = _as(session, identity, mailing_id, person_id)
        if found is not None:
            return found
        # Whoever was merged between the two looks may have taken the mail along.
        before, identity = identity, people.identity_of(session, person_id)
        if identity == before:
            return None


def _as(
    session: Session, identity: people.Identity, mailing_id: MailingId, person_id: PersonId
) -> Whereabouts | None:
    row = session.exec(
        select(PlaceRow, BatchRow)
        .join(BatchRow, col(BatchRow.id) == PlaceRow.batch_id, isouter=True)
        .where(
            col(PlaceRow.address_id).in_(identity.addresses),
            PlaceRow.mailing_id == mailing_id,
            col(PlaceRow.person_id).in_(identity.persons),
        )
        .order_by(col(PlaceRow.person_id) != person_id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    place, batch = row
    # Of a campaign another's place, whom they were merged with, tells of another mail.
    went_along = batch is not None and batch.lane == Lane.ORDERS
    is_theirs = went_along or place.person_id == person_id
    return Whereabouts(
        address_id=AddressId(place.address_id),
        survivor=identity.survivor,
        reader=PersonId(place.person_id) if went_along else person_id,
        is_surely_there=is_theirs and not (batch is not None and batch.tried_elsewhere),
        behind_backup=batch is not None and batch.behind_backup,
    )
