"""Where a mail went of which something is heard, and whether it is known to be that one."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col, select

from mailer import people
from mailer.delivery._tables import BatchRow, PlaceRow
from mailer.vocabulary import AddressId, BatchId, Lane, MailingId, PersonId

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
    open_batch: BatchId | None
    """The batch, where a sender may be writing down what became of it."""


def whereabouts_held(session: Session, mails: Collection[Mail]) -> dict[Mail, Whereabouts]:
    """Find where each mail went; those that were sent to nobody are not in the answer.

    Until the commit no sender writes down what became of one: who does at this moment is waited
    for, so that of news and settlement each sees what the other has written.
    """
    held: set[BatchId] = set()
    while True:
        found = {mail: place for mail in mails if (place := _whereabouts(session, *mail))}
        open_ones = {place.open_batch for place in found.values() if place.open_batch} - held
        if not open_ones:
            return found
        session.execute(_HOLD, {"batches": sorted(open_ones)})
        held |= open_ones


_HOLD = text(
    "SELECT 1 FROM delivery_batch WHERE id = ANY(:batches) ORDER BY id FOR UPDATE"
).bindparams(bindparam("batches", type_=ARRAY(BigInteger)))
_IN_HAND = frozenset({"handing", "unknown"})


def _whereabouts(
    session: Session, mailing_id: MailingId, person_id: PersonId
) -> Whereabouts | None:
    identity = people.identity_of(session, person_id)
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
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    place, batch = row
    # Of a campaign another's place, whom they were merged with, tells of another mail.
    went_along = batch is not None and batch.lane == Lane.ORDERS
    is_theirs = went_along or place.person_id == person_id
    # A claimed copy goes out soon; a campaign's is left to whoever cancels, who locks it last.
    is_open = batch is not None and (
        batch.state in _IN_HAND or (went_along and batch.state == "claimed")
    )
    return Whereabouts(
        address_id=AddressId(place.address_id),
        survivor=identity.survivor,
        reader=PersonId(place.person_id) if went_along else person_id,
        is_surely_there=is_theirs and not (batch is not None and batch.tried_elsewhere),
        behind_backup=batch is not None and batch.behind_backup,
        open_batch=BatchId(place.batch_id) if is_open else None,
    )
