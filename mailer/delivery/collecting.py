"""What frequency and cap held back from whom, collected into one mailing: a digest.

Each letter that was held back has a bit, and a batch of a digest names the set of its people by the
number of their bits. docs/decisions/the-digest.md says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    DateTime,
    FromClause,
    Select,
    SmallInteger,
    Text,
    TextualSelect,
    bindparam,
    func,
)
from sqlmodel import Session, SQLModel

from mailer import people, permission
from mailer.database import looked_up
from mailer.delivery import _tables  # noqa: F401 - registers the tables
from mailer.delivery.by_zone import Moments, placed
from mailer.delivery.cutting import Cut, Slices, insert_slices, slices_of
from mailer.delivery.still_told import STANDS
from mailer.permission import RHYTHM
from mailer.vocabulary import MailingId, PersonId, Topic

_RHYTHM = bindparam("rhythm", [each.value for each in sorted(RHYTHM)], type_=ARRAY(Text))
_batch = SQLModel.metadata.tables["delivery_batch"]
_place = SQLModel.metadata.tables["delivery_place"]

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
    within: tuple[int, int] | None = None,
    among: Sequence[PersonId] | None = None,
    now: datetime,
) -> Select[Any]:
    """Select of an audience (person_id, address_id) who was refused which of the letters, since.

    `bits` says which: the first letter has the lowest. Left out is what is about a topic that they
    have off, what they were held out of, and what they or their mailbox had already or will have,
    by itself or by another digest: one that refused them has told them nothing. All of this counts
    for whom a customer was merged into. Who has nothing left has no row. `within` says from which
    number to before which one the audience's people are, where it is but a part of them; `among`
    asks for these people of it alone.
    """
    who = audience.order_by(None).cte("wanted")
    if not mailings:
        none: ColumnElement[int] = sa.literal(0, SmallInteger).label("bits")
        return sa.select(who.c.person_id, who.c.address_id, none).where(sa.false())
    held = _still_open(who, _refused(mailings, since, _only(within, among)), mailings, now)
    told = _told(mailings).cte("told")
    left: ColumnElement[int] = held.c.bits
    whole: FromClause = held
    for gone, key in (
        (_by(told.c.person_id, told), held.c.person_id),
        (_by(people.survivor_of(told.c.person_id), told), held.c.person_id),
        (_by(told.c.address_id, told), held.c.address_id),
        (_had(held, mailings), held.c.person_id),
    ):
        whole = whole.outerjoin(gone, gone.c.key == key)
        left = left.op("&")(_all_but(gone.c.bits))
    rest = sa.select(held.c.person_id, held.c.address_id, sa.cast(left, SmallInteger).label("bits"))
    found = rest.select_from(whole).subquery("collected")
    return sa.select(found).where(found.c.bits > 0)


def _still_open(
    who: CTE, refused: FromClause, mailings: Sequence[HeldBackMailing], now: datetime
) -> CTE:
    """Those of `who` who were refused anything, with the bits of what no no stands against."""
    open_to = permission.topics_open(now=now).subquery("open_to")
    closed = permission.topics_closed_at(now=now).subquery("closed")
    topics = open_to.c.topics.op("&")(_all_but(closed.c.topics))
    bits = refused.c.bits.op("&")(_bits_about(topics, mailings))
    held = (
        sa.select(who.c.person_id, who.c.address_id, bits.label("bits"))
        .select_from(
            who.join(refused, refused.c.person_id == who.c.person_id)
            .join(open_to, open_to.c.person_id == who.c.person_id)
            .outerjoin(closed, closed.c.address_id == who.c.address_id)
        )
        .where(bits != 0)
    )
    return held.cte("held")


def _bits_about(
    topics: ColumnElement[int], mailings: Sequence[HeldBackMailing]
) -> ColumnElement[int]:
    """Give the bits of the letters that are about any of some topics."""
    of_each = {
        topic: sum(1 << n for n, each in enumerate(mailings) if each.topic is topic)
        for topic in {each.topic for each in mailings}
    }
    first, *more = (
        sa.case((topics.op("&")(topic.bit) != 0, bits), else_=0) for topic, bits in of_each.items()
    )
    return sum(more, start=first)


def _all_but(bits: ColumnElement[int]) -> ColumnElement[int]:
    """Give every bit but these; all where there are none."""
    return sa.literal(-1) - func.coalesce(bits, 0)


def _by(key: ColumnElement[int], told: CTE) -> FromClause:
    """Put together what was told by person, or by mailbox."""
    bits = func.bit_or(told.c.bits, type_=sa.Integer).label("bits")
    return sa.select(key.label("key"), bits).group_by(key).subquery()


def _numbered(name: str, numbers: Sequence[tuple[MailingId, int]]) -> list[BindParameter[Any]]:
    """Bind mailings and the bit of the letter of each."""
    return [
        bindparam(name, [mailing for mailing, _ in numbers], type_=ARRAY(BigInteger)),
        bindparam(f"{name}_bits", [1 << n for _, n in numbers], type_=ARRAY(sa.Integer)),
    ]


_Only = Callable[[ColumnElement[int]], ColumnElement[bool]]
"""Says of a number whether it is one of those who are asked for."""


def _only(within: tuple[int, int] | None, among: Sequence[PersonId] | None) -> _Only | None:
    if among is not None:
        return lambda person: person == func.any(sa.literal(list(among), ARRAY(BigInteger)))
    if within is not None:
        first, end = within
        return lambda person: sa.and_(person >= first, person < end)
    return None


def _refused(
    mailings: Sequence[HeldBackMailing], since: datetime, only: _Only | None
) -> FromClause:
    """Who was refused which letters; what was refused to a merged customer is the survivor's."""
    held = [(each, n) for n, one in enumerate(mailings) for each in one.held]
    at = bindparam("since", since, type_=DateTime(timezone=True))
    columns = (sa.column("person_id", BigInteger), sa.column("bit", sa.Integer))
    given = (*_numbered("held", held), _RHYTHM, at)
    refusals = sa.text(_REFUSED).bindparams(*given).columns(*columns)
    known = _all_refused(refusals) if only is None else _some_refused(refusals, only)
    bits = func.bit_or(known.c.bit, type_=sa.Integer).label("bits")
    return sa.select(known.c.person_id, bits).group_by(known.c.person_id).subquery("refused")


def _all_refused(refusals: TextualSelect) -> FromClause:
    each, merged = refusals.subquery("each"), people.merged_customers().subquery("survivors")
    person = func.coalesce(merged.c.survivor, each.c.person_id).label("person_id")
    whole = each.outerjoin(merged, merged.c.person_id == each.c.person_id)
    return sa.select(person, each.c.bit).select_from(whole).subquery("known")


def _some_refused(refusals: TextualSelect, only: _Only) -> FromClause:
    """Look for the refusals of some customers alone, and of who was merged into them: by index."""
    own, other = refusals.subquery("own"), refusals.subquery("other")
    merged = people.merged_customers().subquery("survivors")
    theirs = other.join(merged, merged.c.person_id == other.c.person_id)
    return sa.union_all(
        sa.select(own.c.person_id, own.c.bit).where(only(own.c.person_id)),
        sa.select(merged.c.survivor, other.c.bit)
        .select_from(theirs)
        .where(only(merged.c.survivor)),
    ).subquery("known")


def _told(mailings: Sequence[HeldBackMailing]) -> TextualSelect:
    columns = (sa.column("person_id", BigInteger), sa.column("address_id", BigInteger))
    told = sa.text(_TOLD).bindparams(*_numbered("same", _same(mailings)))
    return told.columns(*columns, sa.column("bits", sa.Integer))


def _same(mailings: Sequence[HeldBackMailing]) -> list[tuple[MailingId, int]]:
    return [(each, n) for n, one in enumerate(mailings) for each in one.same]


def _had(held: CTE, mailings: Sequence[HeldBackMailing]) -> FromClause:
    """Those whose mailboxes got a letter itself, by its places."""
    mailboxes = _mailboxes(held, mailings).subquery("asked")
    letters = (
        sa.text("SELECT * FROM unnest(:same, :same_bits) AS letter(mailing_id, bit)")
        .bindparams(*_numbered("same", _same(mailings)))
        .columns(sa.column("mailing_id", BigInteger), sa.column("bit", sa.Integer))
        .cte("letter")
    )
    place = looked_up(
        sa.select(_place.c.mailing_id, _place.c.batch_id).where(
            _place.c.address_id == mailboxes.c.address_id,
            _place.c.mailing_id == letters.c.mailing_id,
        ),
        "place",
    )
    batch = looked_up(sa.select(_batch.c.state).where(_batch.c.id == place.c.batch_id), "of_place")
    bits = func.bit_or(letters.c.bit, type_=sa.Integer).label("bits")
    return (
        sa.select(mailboxes.c.person_id.label("key"), bits)
        .select_from(
            mailboxes.join(letters, sa.true()).join(place, sa.true()).join(batch, sa.true())
        )
        .where(batch.c.state != "cancelled")
        .group_by(mailboxes.c.person_id)
        .subquery("had")
    )


def _mailboxes(held: CTE, mailings: Sequence[HeldBackMailing]) -> CompoundSelect[Any]:
    """Whose mailbox is looked up: theirs, and those of who was merged into them.

    Whoever was refused a letter has no place in it, so that their own may hold one only where
    others have it too, where they were merged with others, or where the letter was sent more than
    once.
    """
    twice = sum(1 << n for n, each in enumerate(mailings) if len(each.same) > 1)
    shared = people.shared_addresses().subquery("shared")
    merged = people.merged_customers().subquery("merged")
    own = sa.select(held.c.person_id, held.c.address_id).where(
        held.c.address_id.in_(sa.select(shared.c.address_id))
        | held.c.person_id.in_(sa.select(merged.c.survivor))
        | (held.c.bits.op("&")(twice) != 0)
    )
    theirs = sa.select(held.c.person_id, merged.c.address_id).select_from(
        held.join(merged, merged.c.survivor == held.c.person_id)
    )
    return own.union(theirs)


_REFUSED = """
    SELECT e.person_id, letter.bit
    FROM unnest(:held, :held_bits) AS letter(mailing_id, bit)
    JOIN delivery_batch b ON b.mailing_id = letter.mailing_id AND b.refused > 0
    JOIN delivery_exception e ON e.batch_id = b.id
    WHERE b.variant IS DISTINCT FROM 0  -- nobody is told of what they were held out of
      AND e.outcome = 'refused' AND e.reason = ANY(:rhythm) AND e.at > :since
"""
_TOLD = """
    SELECT p.person_id, p.address_id, known.bits FROM (
        SELECT b.id, bit_or(letter.bit) AS bits
        FROM delivery_mailing d
        CROSS JOIN LATERAL jsonb_array_elements(d.content -> 'held_back')
            WITH ORDINALITY AS item(told, number)
        JOIN unnest(:same, :same_bits) AS letter(mailing_id, bit)
            ON letter.mailing_id = (item.told ->> 'mailing')::bigint
        JOIN delivery_batch b ON b.mailing_id = d.id AND b.state <> 'cancelled'
            AND b.size > b.refused AND (b.variant >> (item.number - 1)::integer) & 1 = 1
        WHERE d.stream = 'promotional' AND d.letter = 'digest'
        GROUP BY b.id
        UNION ALL  -- and those whose turn for the letter itself is still to come
        SELECT b.id, letter.bit FROM unnest(:same, :same_bits) AS letter(mailing_id, bit)
        JOIN delivery_batch b ON b.mailing_id = letter.mailing_id
        WHERE b.state IN ('prepared', 'claimed', 'handing') AND b.size > b.refused
    ) known
    JOIN delivery_roster r ON r.batch_id = known.id
    CROSS JOIN LATERAL unnest(r.persons, r.addresses) AS p(person_id, address_id)
    LEFT JOIN delivery_exception e ON e.batch_id = known.id AND e.person_id = p.person_id
    WHERE e.outcome IS NULL OR e.outcome IN ('accepted', 'unknown')
"""


def prepare_sets(
    session: Session, mailing_id: MailingId, audience: Select[Any], *, moments: Moments
) -> Cut:
    """Cut an audience (`collected`) into batches of one set each.

    What holds for `prepare_audience` holds here; `moments` say when the people of each zone are
    due.
    """
    slices = _sets(audience, moments)
    return insert_slices(session, mailing_id, slices, slices.c.due, more={"variant": slices.c.bits})


def _sets(audience: Select[Any], moments: Moments) -> Slices:
    who: FromClause = placed(audience, moments)
    return slices_of(who, by=("due", "bits"))
