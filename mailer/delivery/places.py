"""Places: a mailing's only one for each address, so that nobody gets a campaign twice."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, delete, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col, select

from mailer.delivery._tables import PlaceRow
from mailer.delivery.claimed import Claimed
from mailer.vocabulary import PersonId

_TAKE_PLACES = text(
    """
    INSERT INTO delivery_place (address_id, mailing_id, person_id, batch_id, taken_at)
    SELECT g.address_id, :mailing_id, g.person_id, :batch_id, :now
    FROM unnest(:persons, :addresses) AS g(person_id, address_id)
    -- in one order everywhere, so that two batches with shared addresses never wait in a ring
    ORDER BY g.address_id
    ON CONFLICT (address_id, mailing_id) DO NOTHING
    RETURNING person_id
    """
).bindparams(
    bindparam("persons", type_=ARRAY(BigInteger)), bindparam("addresses", type_=ARRAY(BigInteger))
)


def take_places(
    session: Session, batch: Claimed, persons: Sequence[PersonId], *, now: datetime
) -> set[PersonId]:
    """Take the mailing's one place at each person's address; return who has theirs.

    A place of this batch and person is their own: a batch that is claimed again loses nobody.
    """
    if not persons:
        return set()
    taken = session.execute(
        _TAKE_PLACES,
        {
            "mailing_id": batch.mailing.id,
            "batch_id": batch.id,
            "persons": list(persons),
            "addresses": [batch.people[person] for person in persons],
            "now": now,
        },
    )
    placed = {PersonId(person) for person in taken.scalars()}
    return placed | _own_places(session, batch, [each for each in persons if each not in placed])


def _own_places(session: Session, batch: Claimed, persons: list[PersonId]) -> set[PersonId]:
    if not persons:
        return set()
    own = session.exec(
        select(PlaceRow.person_id).where(
            PlaceRow.mailing_id == batch.mailing.id,
            PlaceRow.batch_id == batch.id,
            col(PlaceRow.person_id).in_(persons),
            col(PlaceRow.address_id).in_([batch.people[person] for person in persons]),
        )
    ).all()
    return {PersonId(person) for person in own}


def leave_places(session: Session, batch: Claimed, persons: Sequence[PersonId]) -> None:
    """Free the places of people who got nothing and will get nothing."""
    if persons:
        session.execute(
            delete(PlaceRow).where(
                col(PlaceRow.mailing_id) == batch.mailing.id,
                col(PlaceRow.batch_id) == batch.id,
                col(PlaceRow.person_id).in_(persons),
                col(PlaceRow.address_id).in_([batch.people[person] for person in persons]),
            )
        )
