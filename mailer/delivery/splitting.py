"""An audience drawn into the variants of a split test and its hold-out, and the choice among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    ARRAY,
    CTE,
    Boolean,
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    Text,
    bindparam,
    func,
)
from sqlmodel import Session

from mailer import people
from mailer.delivery.by_zone import Moments
from mailer.delivery.cutting import Cut, gathered, insert_slices, pieces_of
from mailer.delivery.variants import digest_of, mark_at
from mailer.vocabulary import MailingId

UNDECIDED = datetime(9999, 1, 1, tzinfo=UTC)
"""Before this no batch is due that waits for a choice: whoever looks for due ones passes it over."""
MOMENT = DateTime(timezone=True)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of an audience, as drawn: up to where it reaches, its variant, when it is due."""

    until: int
    """Its end among all digests, in hundredths of a percent; it begins where the one before ends."""
    variant: int
    moments: Moments
    waits: bool = False
    """It stays in line until a choice is made."""


def prepare_split(
    session: Session,
    mailing_id: MailingId,
    audience: Select[Any],
    *,
    draw: str,
    parts: Sequence[Part],
    asked: Sequence[str] = (),
) -> Cut:
    """Cut an audience into batches, each of one part of the draw.
    One statement, as in `prepare_audience`. The same people of the same draw fall into the same
    parts whenever it is done. `parts` are in the order of their ends; none is empty, and the last
    one ends at WHOLE.
    """
    whole = _gathered(audience, draw, parts, asked)
    slices = pieces_of(whole, by=("due", "variant", "waits"), asked=asked)
    never = bindparam("undecided", UNDECIDED, type_=MOMENT)
    return insert_slices(
        session,
        mailing_id,
        slices,
        sa.case((slices.c.waits, never), else_=slices.c.due),
        more={
            "variant": slices.c.variant,
            "planned": sa.case((slices.c.waits, slices.c.due)),
        },
    )


def part_of(draw: str, person_id: ColumnElement[int], ends: Sequence[int]) -> ColumnElement[int]:
    """Say in SQL, counted from 0, between which ends a person falls in a draw."""
    marks = [mark_at(end) for end in ends]
    return func.width_bucket(
        digest_of(draw, person_id), sa.cast(marks, ARRAY(LargeBinary)), type_=Integer
    )


def drawn(audience: Select[Any], draw: str, *, ends: Sequence[int]) -> list[Select[Any]]:
    """Cut an audience into SELECTs of the people (person_id, address_id) between the ends of a draw."""
    who = audience.order_by(None).subquery("audience")
    part = part_of(draw, who.c.person_id, ends)
    chosen = sa.select(who.c.person_id, who.c.address_id).order_by(who.c.person_id)
    return [chosen.where(part == number) for number in range(len(ends) + 1)]


def _gathered(audience: Select[Any], draw: str, parts: Sequence[Part], asked: Sequence[str]) -> CTE:
    """Gather the people of every part, and moment, into arrays, in one pass without a sort.

    An ORDER BY keeps the draw in a SELECT of its own, so that it is reckoned once a person.
    """
    who = audience.order_by(None).subquery("audience")
    part = part_of(draw, who.c.person_id, [each.until for each in parts[:-1]])
    more = (who.c[name] for name in asked)
    drawn: Select[Any] = sa.select(who.c.person_id, who.c.address_id, part.label("part"), *more)
    people_of = drawn.order_by(who.c.person_id).subquery("drawn")
    of_zones = _with_zones(people_of, parts) if _is_by_zone(parts) else people_of
    kinds = [of_zones.c[name] for name in ("part", "due") if name in of_zones.c]
    grouped = (
        sa.select(*kinds, *gathered(of_zones, asked=asked)).group_by(*kinds).subquery("grouped")
    )
    told = _told(parts)
    due: ColumnElement[datetime] = told.c.otherwise
    if "due" in grouped.c:
        due = func.coalesce(grouped.c.due, told.c.otherwise, type_=MOMENT)
    return (
        sa.select(
            grouped.c.persons,
            grouped.c.addresses,
            *(grouped.c[name] for name in ("people", *asked)),
            told.c.variant,
            told.c.waits,
            due.label("due"),
        )
        .select_from(grouped.join(told, told.c.part == grouped.c.part))
        .order_by(due, told.c.part)
        .cte("whole")
        .prefix_with("MATERIALIZED")
    )


def _is_by_zone(parts: Sequence[Part]) -> bool:
    return any(each.moments.of_zone for each in parts)


def _with_zones(drawn: FromClause, parts: Sequence[Part]) -> FromClause:
    """Give everybody the moment of their zone and part, as `due`; NULL where it has none."""
    zones, named = people.zones_of().subquery("zones"), _named(parts)
    whole = drawn.outerjoin(zones, zones.c.person_id == drawn.c.person_id).outerjoin(
        named, (named.c.part == drawn.c.part) & (named.c.name == zones.c.timezone)
    )
    return sa.select(drawn, named.c.due).select_from(whole).subquery("placed")


def _told(parts: Sequence[Part]) -> FromClause:
    """Give the parts as rows."""
    return _rows(
        "told",
        part=(Integer, list(range(len(parts)))),
        variant=(SmallInteger, [each.variant for each in parts]),
        waits=(Boolean, [each.waits for each in parts]),
        otherwise=(MOMENT, [each.moments.otherwise for each in parts]),
    )


def _named(parts: Sequence[Part]) -> FromClause:
    """Give the moment of each zone for each part as rows."""
    rows = [
        (number, name, due)
        for number, each in enumerate(parts)
        for name, due in each.moments.of_zone.items()
    ]
    return _rows(
        "named",
        part=(Integer, [number for number, _, _ in rows]),
        name=(Text, [name for _, name, _ in rows]),
        due=(MOMENT, [due for _, _, due in rows]),
    )


def _rows(table: str, **columns: tuple[Any, list[Any]]) -> FromClause:
    arrays = [
        bindparam(f"{table}_{name}", values, type_=ARRAY(kind))
        for name, (kind, values) in columns.items()
    ]
    return func.unnest(*arrays).table_valued(*columns, name=table).render_derived()


@dataclass(frozen=True, slots=True)
class Stands:
    """How far the sample of a mailing has come, whose remainder waits for a choice."""

    last_due: datetime | None
    """When the last of the sample is due; None where nobody was drawn for it."""
    last_handed: datetime | None
    to_go: int
    """People of the sample who wait for their first try."""
    waiting: int
    """People who wait for the choice."""


def stands_of(session: Session, mailing_id: MailingId) -> Stands:
    """Tell how far the sample of a mailing has come."""
    row = session.execute(_STANDS, {"mailing_id": mailing_id, "undecided": UNDECIDED}).one()
    return Stands(row.last_due, row.last_handed, row.to_go, row.waiting)


_STANDS = sa.text(
    """
    SELECT max(not_before) FILTER (WHERE tried) AS last_due,
           max(handing_at) FILTER (WHERE tried) AS last_handed,
           coalesce(sum(size - refused) FILTER (
               WHERE tried AND attempt = 1 AND state IN ('prepared', 'claimed', 'handing')
           ), 0) AS to_go,
           coalesce(sum(size) FILTER (WHERE not_before = :undecided AND state = 'prepared'), 0)
               AS waiting
    FROM (SELECT *, planned IS NULL AND variant > 0 AS tried FROM delivery_batch
          WHERE mailing_id = :mailing_id) b
    """
)


def release(
    session: Session,
    mailing_id: MailingId,
    *,
    variant: int | None,
    moved: Sequence[timedelta] = (),
    by_day: bool,
    now: datetime,
) -> int:
    """Let everybody who waits for a choice go on, with one variant or each with their own.

    They are due when it was planned, `moved` by so much for each variant that they were drawn for
    (from the first one on), and at once where that is past; `by_day`, on the next day at the same
    hour. One statement; returns how many people. A second time finds nobody.
    """
    given = {
        "mailing_id": mailing_id,
        "variant": variant,
        "moved": list(moved),
        "by_day": by_day,
        "now": now,
        "undecided": UNDECIDED,
    }
    return int(sum(session.execute(_RELEASE, given).scalars()))


_RELEASE = sa.text(
    """
    UPDATE delivery_batch b
    SET variant = coalesce(CAST(:variant AS smallint), b.variant),
        not_before = greatest(:now, w.due + CASE WHEN :by_day
            -- who is past it by less than an hour gets it at once
            THEN interval '24 hours'
                * greatest(0, ceil((extract(epoch FROM :now - w.due) - 3600) / 86400))
            ELSE interval '0' END)
    FROM (
        SELECT id, planned + coalesce((CAST(:moved AS interval[]))[variant], interval '0') AS due
        FROM delivery_batch
        WHERE mailing_id = :mailing_id AND not_before = :undecided AND state = 'prepared'
        FOR UPDATE
    ) w
    WHERE b.id = w.id
    RETURNING b.size
    """
)
