"""Of whom something was heard before their mail was settled, or its copy sent: it had been taken."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from mailer import people
from mailer.delivery._tables import BatchRow, HeardRow
from mailer.delivery.claimed import Claimed
from mailer.vocabulary import Lane, PersonId


def needs_no_copy(session: Session, batch: Claimed, persons: Collection[PersonId]) -> set[PersonId]:
    """Return of whom of these something was heard, and who are where their mail went.

    Whoever has moved or was merged since is due a copy where they are now, whatever was heard (C05).
    """
    heard = heard_of(session, batch, persons)
    return {who for who in heard if is_still_there(session, batch, who)}


def is_still_there(session: Session, batch: Claimed, who: PersonId) -> bool:
    """Say whether an order update to this reader would go to the address of the batch today."""
    return people.reached_now(session, [who]).get(who) == (who, batch.people[who])


def heard_of(session: Session, batch: Claimed, persons: Collection[PersonId]) -> set[PersonId]:
    """Return of whom of these in a batch something was heard: the provider had taken their mail.

    Of nobody, where what was heard may be about a mail that had gone elsewhere.
    """
    if not persons:
        return set()
    numbers = _numbers(session, batch, persons)
    elsewhere = select(BatchRow.id).where(BatchRow.id == batch.id, BatchRow.tried_elsewhere)
    rows = session.exec(
        select(HeardRow.person_id).where(
            HeardRow.mailing_id == batch.mailing.id,
            col(HeardRow.person_id).in_(numbers),
            ~elsewhere.exists(),
        )
    )
    return {numbers[PersonId(number)] for number in rows.all()}


def _numbers(
    session: Session, batch: Claimed, persons: Collection[PersonId]
) -> dict[PersonId, PersonId]:
    """Return whose mail a number in a Message-ID stands for: an order update goes along with a merge."""
    if batch.lane is not Lane.ORDERS:
        return {who: who for who in persons}
    merged = ((people.identity_of(session, who).persons, who) for who in persons)
    return {number: who for numbers, who in merged for number in numbers}
