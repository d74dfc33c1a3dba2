"""What is known of single mails, looked up by mailing and person: for who judges what came of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col

from mailer import people
from mailer.database import looked_up
from mailer.delivery._tables import BatchRow, MailingRow, PlaceRow
from mailer.vocabulary import MailingId, PersonId


@dataclass(frozen=True, slots=True)
class Mail:
    """One person's mail of one mailing."""

    handed_at: datetime
    """When its batch went in hand, whatever became of it."""
    domain_tag: int
    """Of the mailbox that it went to."""
    links: int
    """How many links its letter has."""


def mails_of(
    session: Session, those: Collection[tuple[MailingId, PersonId]]
) -> dict[tuple[MailingId, PersonId], Mail]:
    """Look up these mails; who never had one of that mailing is not in the answer.

    By the place that the mail took, so that neither rosters nor whole mailings are read.
    """
    if not those:
        return {}
    given = {
        "mailings": [mailing_id for mailing_id, _ in those],
        "persons": [person_id for _, person_id in those],
    }
    return {
        (MailingId(row.mailing_id), PersonId(row.person_id)): Mail(
            row.handed_at, row.domain_tag, row.links
        )
        for row in session.execute(_MAILS, given)
    }


def _mails() -> Select[Any]:
    """Select the mails of the bound pairs, each table by its index; who was tried again, the last."""
    given = select(
        func.unnest(bindparam("mailings", type_=ARRAY(BigInteger))).label("mailing_id"),
        func.unnest(bindparam("persons", type_=ARRAY(BigInteger))).label("person_id"),
    ).subquery("given")
    had = people.mailboxes_had().subquery("had")
    mailbox = looked_up(
        select(had.c.address_id, had.c.domain_tag).where(had.c.person_id == given.c.person_id),
        "mailbox",
    )
    place = looked_up(
        select(col(PlaceRow.batch_id)).where(
            col(PlaceRow.address_id) == mailbox.c.address_id,
            col(PlaceRow.mailing_id) == given.c.mailing_id,
            col(PlaceRow.person_id) == given.c.person_id,
        ),
        "place",
    )
    batch = looked_up(
        select(col(BatchRow.handing_at).label("handed_at"), col(BatchRow.variant)).where(
            col(BatchRow.id) == place.c.batch_id, col(BatchRow.handing_at).is_not(None)
        ),
        "batch",
    )
    letters = col(MailingRow.variants)
    own = letters[batch.c.variant - 1]["links"].as_integer()
    letter = looked_up(
        select(
            func.coalesce(own, func.jsonb_array_length(col(MailingRow.targets))).label("links")
        ).where(col(MailingRow.id) == given.c.mailing_id),
        "letter",
    )
    whole = given.join(mailbox, true()).join(place, true()).join(batch, true()).join(letter, true())
    return (
        select(given, batch.c.handed_at, mailbox.c.domain_tag, letter.c.links)
        .select_from(whole)
        .order_by(batch.c.handed_at)
    )


_MAILS = _mails()
