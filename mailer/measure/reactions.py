"""Who opened and who clicked of one mailing, counted in sets by the verdicts on what they asked."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Float,
    FromClause,
    Select,
    SmallInteger,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    column,
    extract,
    func,
    insert,
    literal,
    null,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col

from mailer.measure._tables import ClickRow, OpenRow
from mailer.measure.judging import Origin
from mailer.measure.verdicts import verdicts_on_fresh
from mailer.vocabulary import MailingId

QUARTER = 900
"""Seconds of a quarter of an hour: the hours of every time zone begin on one."""
RANKS = {origin.value: rank for rank, origin in enumerate(Origin)}
"""The order of `judging.of_the_person`: what a person's requests come to is the least of these."""


@dataclass(slots=True)
class Reactions:
    """Who opened and who clicked, each once, by who it was and by group of people."""

    clicks: FromClause
    """Every click that was a person's, for what they did afterwards: person_id, group, n, at.

    A table of the database, until `forget_clicks`.
    """
    opened: Counter[tuple[str, Origin]] = field(default_factory=Counter)
    clicked: Counter[tuple[str, Origin]] = field(default_factory=Counter)
    links: Counter[int] = field(default_factory=Counter)
    """People by the number of the link that they followed."""
    opened_at: Counter[datetime] = field(default_factory=Counter)
    """People by the quarter of an hour in which they first opened."""
    clicked_at: Counter[datetime] = field(default_factory=Counter)


def reactions_of(session: Session, mailing_id: MailingId, *, people: Select[Any]) -> Reactions:
    """Count the people behind all clicks and opens of a mailing, as they are judged (C15, C18).

    `people` selects who is looked at: person_id and `group`, by which they are counted apart: a
    domain, a variant. Requests of anybody else do not count. What nobody judged yet is judged now
    and not kept: after a minute that is little. Memory grows with that alone, not with who clicked.
    """
    looked_at = people.subquery("looked_at")
    asked = _asked(session, mailing_id)
    found = Reactions(_gathered(session, _clicks(asked, looked_at)))
    for is_click, group, rank, quarter, count in session.execute(_best(asked, looked_at)):
        _add(found, is_click, (group, tuple(Origin)[rank]), quarter, count)
    for n, count in session.execute(_FOLLOWED):
        found.links[n] = count
    return found


def forget_clicks(session: Session) -> None:
    """Let go of the clicks that `reactions_of` gathered; the end of the transaction does it, too."""
    session.execute(text("DROP TABLE IF EXISTS pg_temp.measure_clicked"))


CLICKED = table("measure_clicked", *map(column, ("person_id", "group", "n", "at")))
"""Clicks that were people's, while they are counted: memory never holds them."""
_FOLLOWED = select(CLICKED.c.n, func.count(CLICKED.c.person_id.distinct())).group_by(CLICKED.c.n)


def _gathered(session: Session, clicks: Select[Any]) -> FromClause:
    """Gather clicks where each further look at them is a short one."""
    forget_clicks(session)
    session.execute(
        text(
            "CREATE TEMPORARY TABLE measure_clicked"
            ' (person_id bigint, "group" text, n smallint, at timestamptz) ON COMMIT DROP'
        )
    )
    session.execute(insert(CLICKED).from_select(list(CLICKED.c), clicks))
    session.execute(text("ANALYZE measure_clicked"))
    return CLICKED


def _asked(session: Session, mailing_id: MailingId) -> FromClause:
    """Select every request of the mailing, of one shape for clicks and opens, with its verdict."""
    fresh = verdicts_on_fresh(session, mailing_id=mailing_id)
    told = {**fresh.clicks, **fresh.opens} if fresh else {}
    now = select(
        func.unnest(bindparam("fresh", list(told), type_=ARRAY(Uuid))).label("id"),
        func.unnest(
            bindparam("origins", [each.value for each in told.values()], type_=ARRAY(Text))
        ).label("origin"),
    ).cte("now_judged")

    def of(row: type[ClickRow] | type[OpenRow], n: Any, is_click: bool) -> Any:
        origin: Any = col(row.origin)
        table: Any = row
        if told:
            origin = func.coalesce(now.c.origin, origin)
            table = table.__table__.outerjoin(now, now.c.id == col(row.id))
        return (
            select(
                col(row.person_id),
                literal(is_click, Boolean).label("is_click"),
                n.label("n"),
                origin.label("origin"),
                col(row.at),
            )
            .select_from(table)
            .where(col(row.mailing_id) == mailing_id, origin.is_not(None))
        )

    clicks = of(ClickRow, col(ClickRow.n), is_click=True)
    opens = of(OpenRow, cast(null(), SmallInteger), is_click=False)
    return union_all(clicks, opens).subquery("asked")


def _best(asked: FromClause, looked_at: FromClause) -> Select[Any]:
    """Count people by what all their clicks, or opens, come to, and by a person's first quarter."""
    is_persons = asked.c.origin == Origin.PERSON.value
    first = func.min(asked.c.at).filter(is_persons)
    each = (
        select(
            asked.c.is_click,
            looked_at.c.group,
            func.min(case(RANKS, value=asked.c.origin)).label("rank"),
            func.floor(cast(extract("epoch", first), Float) / QUARTER).label("quarter"),
        )
        .join(looked_at, looked_at.c.person_id == asked.c.person_id)
        .group_by(asked.c.is_click, asked.c.person_id, looked_at.c.group)
        .subquery("each")
    )
    kinds = (each.c.is_click, each.c.group, each.c.rank, each.c.quarter)
    return select(*kinds, func.count()).group_by(*kinds)


def _clicks(asked: FromClause, looked_at: FromClause) -> Select[Any]:
    """Select every click that was a person's."""
    return (
        select(asked.c.person_id, looked_at.c.group, asked.c.n, asked.c.at)
        .join(looked_at, looked_at.c.person_id == asked.c.person_id)
        .where(asked.c.is_click, asked.c.origin == Origin.PERSON.value)
    )


def _add(
    found: Reactions, is_click: bool, who: tuple[str, Origin], quarter: float | None, count: int
) -> None:
    people, first = (
        (found.clicked, found.clicked_at) if is_click else (found.opened, found.opened_at)
    )
    people[who] += count
    if quarter is not None:
        first[datetime.fromtimestamp(quarter * QUARTER, UTC)] += count
