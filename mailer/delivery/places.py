"""Places: a mailing's only one for each address, so that nobody gets a campaign twice."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, delete, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col

from mailer import packed, people
from mailer.database import copy_packed, looked_up
from mailer.delivery._tables import PlaceRow
from mailer.delivery.claimed import Claimed
from mailer.vocabulary import AddressId, BatchId, Lane, PersonId

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

    A place of this batch and person is their own: a batch that is claimed again loses nobody. Who
    got the mailing as somebody that was merged into them since gets none.
    """
    reached = _reached_before(session, batch, persons)
    persons = [who for who in persons if who not in reached]
    if not persons:
        return set()
    taken = _taken(session, batch, persons)
    own = {who for who in persons if taken.get(batch.people[who]) == (batch.id, who)}
    # Of two who share a mailbox the first has it.
    wanted = {batch.people[who]: who for who in reversed(persons) if who not in own}
    free = sorted((at, who) for at, who in wanted.items() if at not in taken)
    # What another has may be given up at this moment: that is waited for, before ours are taken.
    contested = sorted((at, who) for at, who in wanted.items() if at in taken)
    left = _take_what_is_left(session, batch, contested, now)
    return own | left | _take(session, batch, free, now)


def _reached_before(session: Session, batch: Claimed, persons: Sequence[PersonId]) -> set[PersonId]:
    """Return who may have got the mailing already, as another customer whom they were since.

    An order update goes to one customer, and to whoever they are by then.
    """
    if batch.lane is not Lane.PROMOTIONAL or not persons:
        return set()
    given = {"mailing_id": batch.mailing.id, "persons": list(persons)}
    return {PersonId(who) for who in session.execute(_REACHED_BEFORE, given).scalars()}


_place, _batch = (SQLModel.metadata.tables[f"delivery_{each}"] for each in ("place", "batch"))
_merged = people.mailboxes_of_merged(bindparam("persons", type_=ARRAY(BigInteger))).subquery()
_others = looked_up(
    select(_place.c.batch_id).where(
        _place.c.address_id == _merged.c.address_id,
        _place.c.mailing_id == bindparam("mailing_id", type_=BigInteger),
        _place.c.person_id == _merged.c.person_id,
    ),
    "others",
)
_REACHED_BEFORE = (
    select(_merged.c.survivor)
    .select_from(_merged.join(_others, true()).join(_batch, _batch.c.id == _others.c.batch_id))
    .where(_batch.c.state.in_(("handing", "settled", "unknown")))
)
_PLAN_ANEW = text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")
"""A plan that was made while there were few places would walk through all of them in a campaign."""
_TAKEN = text(
    """
    SELECT address_id, batch_id, person_id FROM delivery_place
    WHERE mailing_id = :mailing_id AND address_id = ANY(:addresses)
    """
).bindparams(bindparam("addresses", type_=ARRAY(BigInteger)))


def _taken(
    session: Session, batch: Claimed, persons: Sequence[PersonId]
) -> dict[AddressId, tuple[BatchId, PersonId]]:
    """Return whose the places are that are gone already."""
    addresses = [batch.people[who] for who in persons]
    session.execute(_PLAN_ANEW)
    rows = session.execute(_TAKEN, {"mailing_id": batch.mailing.id, "addresses": addresses})
    return {
        AddressId(row.address_id): (BatchId(row.batch_id), PersonId(row.person_id)) for row in rows
    }


def _take(
    session: Session, batch: Claimed, free: Sequence[tuple[AddressId, PersonId]], now: datetime
) -> set[PersonId]:
    """Take places that were free a moment ago, in the order of addresses.

    By COPY, which takes half the time and log of an INSERT that looks for conflicts, row by row.
    Another batch may have taken one of them meanwhile: then they are taken once more, by that.
    """
    if not free:
        return set()
    mailing, taken_at = packed.bigint(batch.mailing.id), packed.moment(now)
    holder = packed.bigint(batch.id)
    rows = (
        packed.row(packed.bigint(address), mailing, packed.bigint(who), holder, taken_at)
        for address, who in free
    )
    try:
        with session.connection().begin_nested():
            copy_packed(session, "delivery_place", _COLUMNS, rows)
    except IntegrityError:
        return _take_what_is_left(session, batch, free, now)
    return {who for _, who in free}


_COLUMNS = ("address_id", "mailing_id", "person_id", "batch_id", "taken_at")


def _take_what_is_left(
    session: Session, batch: Claimed, wanted: Sequence[tuple[AddressId, PersonId]], now: datetime
) -> set[PersonId]:
    """Take what nobody has, one by one."""
    if not wanted:
        return set()
    taken = session.execute(
        _TAKE_PLACES,
        {
            "mailing_id": batch.mailing.id,
            "batch_id": batch.id,
            "persons": [who for _, who in wanted],
            "addresses": [address for address, _ in wanted],
            "now": now,
        },
    )
    return {PersonId(person) for person in taken.scalars()}


def leave_places(session: Session, batch: Claimed, persons: Sequence[PersonId]) -> None:
    """Free the places of people who got nothing and will get nothing.

    Of a copy none is freed: its first try may have arrived, and what is heard of it finds the place.
    """
    if persons and not batch.doubts:
        session.execute(
            delete(PlaceRow).where(
                col(PlaceRow.mailing_id) == batch.mailing.id,
                col(PlaceRow.batch_id) == batch.id,
                col(PlaceRow.person_id).in_(persons),
                col(PlaceRow.address_id).in_([batch.people[person] for person in persons]),
            )
        )
