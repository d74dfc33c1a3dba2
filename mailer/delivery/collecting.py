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
    ColumnElement,
    DateTime,
    FromClause,
    Select,
    SmallInteger,
    Text,
    TextualSelect,
    bindparam,
    func,
)
from sqlmodel import Session

from mailer import people, permission
from mailer.delivery.by_zone import Moments, placed
from mailer.delivery.mailings import insert_slices, slices_of
from mailer.delivery.still_told import STANDS
from mailer.permission import RHYTHM
from mailer.vocabulary import MailingId, Topic

_RHYTHM = bindparam("rhythm", [each.value for each in sorted(RHYTHM)], type_=ARRAY(Text))


MOST_LOOKED_AT = 60
"""Mailings among which those are looked for that a digest tells of; the newest ones."""


@dataclass(frozen=True, slots=True)
class HeldBackMailing:
    """A letter of which something was held back lately, and that might still be told of."""

    id: MailingId
    """The newest mailing of it."""
    key: str
    topic: Topic
    content: Mapping[str, Any]
    held: tuple[MailingId, ...] = ()
    """The mailings of this letter whose refusals count: what repeats says the same each time."""
    same: tuple[MailingId, ...] = ()
    """All that ever were of this letter: who has had one of them is not told of it."""


def held_back(session: Session, *, since: datetime, now: datetime) -> list[HeldBackMailing]:
    """Return the letters of which frequency or cap held anything back since a moment, newest first.

    Left out are mailings that were cancelled, are paused or stopped by the brake, or whose use-by
    is past; so are digests and tests. Each letter comes once, however often it was sent.
    """
    given = {"since": since, "now": now, "most": MOST_LOOKED_AT}
    rows = session.execute(_HELD_BACK.bindparams(_RHYTHM), given).all()
    same = {
        row.id: tuple(map(MailingId, row.same))
        for row in session.execute(_SAME, {"ids": [row.id for row in rows]})
    }
    letters: dict[tuple[MailingId, ...], list[Any]] = {}
    for row in rows:
        letters.setdefault(same[row.id], []).append(row)
    return [
        HeldBackMailing(
            id=MailingId(newest.id),
            key=newest.key,
            topic=Topic(newest.topic),
            content=newest.content,
            held=tuple(MailingId(each.id) for each in (newest, *older)),
            same=mailings,
        )
        for mailings, (newest, *older) in letters.items()
    ]


_HELD_BACK = sa.text(
    f"""
    SELECT m.id, m.key, m.topic, m.content FROM delivery_mailing m
    WHERE m.stream = 'promotional' AND m.letter = 'promotional' AND {STANDS}
      AND EXISTS (
          SELECT FROM delivery_batch b JOIN delivery_exception e ON e.batch_id = b.id
          WHERE b.mailing_id = m.id AND b.refused > 0
            AND (b.settled_at > :since OR b.settled_at IS NULL)
            AND e.outcome = 'refused' AND e.reason = ANY(:rhythm) AND e.at > :since
      )
    ORDER BY m.id DESC LIMIT :most
    """
)
_SAME = sa.text(
    """
    SELECT one.id, array_agg(m.id ORDER BY m.id) AS same
    FROM delivery_mailing one
    JOIN delivery_mailing m ON m.topic = one.topic AND m.content = one.content
    WHERE one.id = ANY(:ids) AND m.stream = 'promotional' AND m.letter = 'promotional'
    GROUP BY one.id
    """
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)))


def one_at_a_time(session: Session) -> None:
    """Let two digests be cut one after the other: the second sees whom the first one has."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('digest', 0))"))


def collected(
    audience: Select[Any],
    mailings: Sequence[HeldBackMailing],
    *,
    since: datetime,
    now: datetime,
) -> Select[Any]:
    """Select of an audience (person_id, address_id) who was refused which of the letters, since.

    `bits` says which: the first letter has the lowest. Left out is what is about a topic that they
    have off, what they were held out of, and what they or their mailbox had already or will have,
    by itself or by another digest: one that refused them has told them nothing. Who has nothing
    left has no row.
    """
    who = audience.order_by(None).cte("wanted")
    at = bindparam("since", since, type_=DateTime(timezone=True))
    parts = [_of_one(number, each, who, at, now) for number, each in enumerate(mailings)]
    if not parts:
        bits: ColumnElement[int] = sa.literal(0, SmallInteger).label("bits")
        return sa.select(who.c.person_id, who.c.address_id, bits).where(sa.false())
    each = sa.union_all(*parts).subquery("each_held_back")
    bits = sa.cast(func.sum(each.c.bit), SmallInteger).label("bits")
    who_has = (each.c.person_id, each.c.address_id)
    return sa.select(sa.select(*who_has, bits).group_by(*who_has).subquery("collected"))


def _of_one(
    number: int, mailing: HeldBackMailing, who: CTE, since: Any, now: datetime
) -> Select[Any]:
    refused = _given(_REFUSED, since, held=mailing.held).subquery(f"refused_{number}")
    had = _given(_HAD, same=mailing.same).cte(f"had_{number}")
    open_to = permission.topic_open(mailing.topic, now=now).subquery(f"open_{number}")
    merged = people.whom_merged_into(sa.select(had.c.person_id)).subquery(f"merged_{number}")
    closed = permission.topic_closed_at(mailing.topic, now=now).subquery(f"closed_{number}")
    return sa.select(
        who.c.person_id, who.c.address_id, sa.literal(1 << number, BigInteger).label("bit")
    ).where(
        who.c.person_id.in_(sa.select(refused.c.person_id)),
        who.c.person_id.in_(sa.select(open_to.c.person_id)),
        ~sa.exists().where(closed.c.address_id == who.c.address_id),
        ~sa.exists().where(had.c.person_id == who.c.person_id),
        ~sa.exists().where(had.c.address_id == who.c.address_id),
        ~sa.exists().where(merged.c.person_id == who.c.person_id),
    )


def _given(statement: str, *more: Any, **mailings: Sequence[MailingId]) -> TextualSelect:
    """Bind lists of mailings to a statement, of which several stand in one query."""
    lists = [
        bindparam(name, list(numbers), type_=ARRAY(BigInteger), unique=True)
        for name, numbers in mailings.items()
    ]
    rhythm = [_RHYTHM] if ":rhythm" in statement else []
    return (
        sa.text(statement)
        .bindparams(*lists, *rhythm, *more)
        .columns(sa.column("person_id", BigInteger), sa.column("address_id", BigInteger))
    )


_REFUSED = """
    SELECT e.person_id, NULL::bigint AS address_id
    FROM delivery_batch b JOIN delivery_exception e ON e.batch_id = b.id
    WHERE b.mailing_id = ANY(:held) AND b.refused > 0 AND b.variant IS DISTINCT FROM 0
      AND e.outcome = 'refused' AND e.reason = ANY(:rhythm) AND e.at > :since
"""
_HAD = """
    SELECT p.person_id, p.address_id FROM (
        SELECT b.id FROM delivery_batch b
        WHERE b.mailing_id = ANY(:same) AND b.state <> 'cancelled' AND b.size > b.refused
        UNION ALL
        SELECT b.id FROM delivery_mailing d
        CROSS JOIN LATERAL jsonb_array_elements(d.content -> 'held_back')
            WITH ORDINALITY AS item(told, number)
        JOIN delivery_batch b ON b.mailing_id = d.id AND b.state <> 'cancelled'
            AND (b.variant >> (item.number - 1)::integer) & 1 = 1
        WHERE d.stream = 'promotional' AND d.letter = 'digest'
          AND (item.told ->> 'mailing')::bigint = ANY(:same) AND b.size > b.refused
    ) b
    JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons, r.addresses) AS p(person_id, address_id)
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = p.person_id
    WHERE e.outcome IS NULL OR e.outcome IN ('accepted', 'unknown')
"""


def prepare_sets(
    session: Session, mailing_id: MailingId, audience: Select[Any], *, moments: Moments
) -> int:
    """Cut an audience (`collected`) into batches of one set each; return the mailing's people.

    What holds for `prepare_audience` holds here; `moments` say when the people of each zone are due.
    """
    slices = _sets(audience, moments)
    return insert_slices(session, mailing_id, slices, slices.c.due, more={"variant": slices.c.bits})


def _sets(audience: Select[Any], moments: Moments) -> CTE:
    who: FromClause = placed(audience, moments)
    return slices_of(who, by=("due", "bits"))
