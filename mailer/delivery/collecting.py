"""What frequency and cap held back from whom, collected into one mailing: a digest.

Each letter that was held back has a bit, and a batch of a digest names the set of its people by the
number of their bits. docs/decisions/the-digest.md says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    DateTime,
    FromClause,
    Select,
    SmallInteger,
    Text,
    bindparam,
    func,
)
from sqlmodel import Session

from mailer import permission
from mailer.delivery.by_zone import Moments, placed
from mailer.delivery.mailings import insert_slices, slices_of
from mailer.letters import MOST_HELD_BACK
from mailer.permission import RHYTHM
from mailer.vocabulary import MailingId, Topic

_RHYTHM = bindparam("rhythm", [each.value for each in sorted(RHYTHM)], type_=ARRAY(Text))


@dataclass(frozen=True, slots=True)
class HeldBackMailing:
    """A mailing of which something was held back lately, and might still be told of."""

    id: MailingId
    key: str
    topic: Topic
    content: Mapping[str, Any]


def held_back(session: Session, *, since: datetime, now: datetime) -> list[HeldBackMailing]:
    """Return the newest mailings of which frequency or cap held anything back since a moment.

    Left out are those that were cancelled, are paused or stopped by the brake, or whose use-by is
    past; so are digests and tests. They are MOST_HELD_BACK at most: older ones are not told of.
    """
    given = {"since": since, "now": now, "most": MOST_HELD_BACK}
    rows = session.execute(_HELD_BACK.bindparams(_RHYTHM), given).all()
    return [
        HeldBackMailing(MailingId(row.id), row.key, Topic(row.topic), row.content) for row in rows
    ]


_HELD_BACK = sa.text(
    """
    SELECT m.id, m.key, m.topic, m.content FROM delivery_mailing m
    WHERE m.stream = 'promotional' AND m.letter = 'promotional'
      AND m.state = 'sending' AND m.braked IS NULL AND (m.use_by IS NULL OR m.use_by > :now)
      AND EXISTS (
          SELECT FROM delivery_batch b JOIN delivery_exception e ON e.batch_id = b.id
          WHERE b.mailing_id = m.id AND b.refused > 0
            AND (b.settled_at > :since OR b.settled_at IS NULL)
            AND e.outcome = 'refused' AND e.reason = ANY(:rhythm) AND e.at > :since
      )
    ORDER BY m.id DESC LIMIT :most
    """
)


def one_at_a_time(session: Session) -> None:
    """Let two digests be cut one after the other: the second sees whom the first one has."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('digest', 0))"))


def collected(mailings: Sequence[HeldBackMailing], *, since: datetime) -> Select[Any]:
    """Select person_id and bits: who was refused which of the mailings, in this order, since.

    Left out is what is about a topic that they have off, and what another digest has brought them,
    or will: one that refused them has not. Who has nothing left has no row.
    """
    at = bindparam("since", since, type_=DateTime(timezone=True))
    parts = [_of_one(number, each, at) for number, each in enumerate(mailings)]
    if not parts:
        columns: list[Any] = [
            sa.literal(0, BigInteger).label("person_id"),
            sa.literal(0).label("bits"),
        ]
        return sa.select(*columns).where(sa.false())
    each = sa.union_all(*parts).subquery("each_held_back")
    bits = func.sum(each.c.bit, type_=BigInteger)
    return sa.select(each.c.person_id, sa.cast(bits, SmallInteger).label("bits")).group_by(
        each.c.person_id
    )


def _of_one(number: int, mailing: HeldBackMailing, since: Any) -> Select[Any]:
    who = (
        sa.text(_REFUSED)
        .bindparams(sa.bindparam("mailing", mailing.id, unique=True), _RHYTHM)
        .columns(sa.column("person_id", BigInteger), sa.column("at", DateTime(timezone=True)))
        .subquery(f"refused_{number}")
    )
    told = (
        sa.text(_TOLD)
        .bindparams(sa.bindparam("told_of", mailing.id, unique=True))
        .columns(sa.column("person_id", BigInteger))
        .subquery(f"told_{number}")
    )
    topic = permission.topic_open(mailing.topic).subquery(f"topic_{number}")
    return (
        sa.select(who.c.person_id, sa.literal(1 << number, BigInteger).label("bit"))
        .where(
            who.c.at > since,
            who.c.person_id.in_(sa.select(topic.c.person_id)),
            ~sa.exists().where(told.c.person_id == who.c.person_id),
        )
        .distinct()
    )


_REFUSED = """
    SELECT e.person_id, e.at FROM delivery_batch b JOIN delivery_exception e ON e.batch_id = b.id
    WHERE b.mailing_id = :mailing AND b.refused > 0
      AND e.outcome = 'refused' AND e.reason = ANY(:rhythm)
"""
_TOLD = """
    SELECT p.person_id FROM delivery_mailing d
    CROSS JOIN LATERAL jsonb_array_elements(d.content -> 'held_back')
        WITH ORDINALITY AS item(told, number)
    JOIN delivery_batch b ON b.mailing_id = d.id AND b.state <> 'cancelled'
        AND (b.variant >> (item.number - 1)::integer) & 1 = 1
    JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons) AS p(person_id)
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = p.person_id
    WHERE d.stream = 'promotional' AND d.letter = 'digest'
      AND (item.told ->> 'mailing')::bigint = :told_of
      AND (e.outcome IS NULL OR e.outcome IN ('accepted', 'unknown'))
"""


def of_the_collected(audience: Select[Any], bits: Select[Any]) -> Select[Any]:
    """Select of an audience (person_id, address_id) those with something collected, and their bits."""
    who, what = audience.order_by(None).subquery("audience"), bits.subquery("collected")
    return (
        sa.select(who.c.person_id, who.c.address_id, what.c.bits)
        .select_from(who.join(what, what.c.person_id == who.c.person_id))
        .order_by(who.c.person_id)
    )


def prepare_sets(
    session: Session, mailing_id: MailingId, audience: Select[Any], *, moments: Moments
) -> int:
    """Cut an audience (`of_the_collected`) into batches of one set each; return the mailing's people.

    What holds for `prepare_audience` holds here; `moments` say when the people of each zone are due.
    """
    slices = _sets(audience, moments)
    return insert_slices(session, mailing_id, slices, slices.c.due, more={"variant": slices.c.bits})


def _sets(audience: Select[Any], moments: Moments) -> CTE:
    who: FromClause = placed(audience, moments)
    return slices_of(who, by=("due", "bits"))
