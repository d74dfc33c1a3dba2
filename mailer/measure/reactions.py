"""Clicks and opens of one mailing, judged person by person and counted, as a stream."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import (
    Float,
    FromClause,
    Select,
    cast,
    extract,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlmodel import Session, col

from mailer.measure._tables import ClickRow, OpenRow
from mailer.measure.judging import CROWD, Origin, Request, is_crowd, judge, of_the_person
from mailer.measure.machines import Kind
from mailer.vocabulary import MailingId, PersonId

QUARTER = 900
"""Seconds of a quarter of an hour: the hours of every time zone begin on one."""
AT_A_TIME = 10_000
"""Rows that are fetched together; so many are in memory at once."""


@dataclass(slots=True)
class Reactions:
    """Who opened and who clicked, each once, by who it was and by group of people."""

    opened: Counter[tuple[str, Origin]] = field(default_factory=Counter)
    clicked: Counter[tuple[str, Origin]] = field(default_factory=Counter)
    links: Counter[int] = field(default_factory=Counter)
    """People by the number of the link that they followed."""
    opened_at: Counter[datetime] = field(default_factory=Counter)
    """People by the quarter of an hour in which they first opened."""
    clicked_at: Counter[datetime] = field(default_factory=Counter)
    clicks_of: defaultdict[str, list[tuple[PersonId, datetime]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Every click that was a person's, by group, for what they did afterwards."""

    @property
    def clicks(self) -> list[tuple[PersonId, datetime]]:
        """The same of all groups."""
        return [click for some in self.clicks_of.values() for click in some]


class _Row(NamedTuple):
    person_id: int
    group: str
    handed_at: float
    crowd: int
    n: int | None
    kind: str
    at: float
    links: int


Crowds = set[tuple[int, bool, int]]
"""Domain, whether it was for clicks, and second, in which a crowd asked."""


def reactions_of(
    session: Session, mailing_id: MailingId, *, people: Select[Any], links: int
) -> Reactions:
    """Judge all clicks and opens of a mailing and count the people behind them (C15, C18).

    `people` selects who is looked at: person_id, handed_at, crowd (a number for their domain) and
    `group`, by which they are counted apart: a domain, a variant. Requests of anybody else do not
    count. `links` is how many links the mail has, unless `people` says it of each in a column of
    that name. Memory grows with who clicked, not with the audience.
    """
    asked = _asked(mailing_id, people, links)
    crowds = _crowds(session, asked)
    ordered = select(asked).order_by(asked.c.person_id, asked.c.at)
    rows = session.execute(ordered, execution_options={"yield_per": AT_A_TIME})
    found = Reactions()
    for _, some in groupby((_Row(*row) for row in rows), key=lambda row: row.person_id):
        _count(found, list(some), crowds)
    return found


def _asked(mailing_id: MailingId, people: Select[Any], links: int) -> FromClause:
    """Select every request of these people's mails, of one shape for clicks and opens."""
    clicks = select(
        col(ClickRow.person_id), col(ClickRow.n), col(ClickRow.kind), col(ClickRow.at)
    ).where(col(ClickRow.mailing_id) == mailing_id)
    opens = select(
        col(OpenRow.person_id), null().label("n"), col(OpenRow.kind), col(OpenRow.at)
    ).where(col(OpenRow.mailing_id) == mailing_id)
    both = union_all(clicks, opens).subquery("both")
    looked_at = people.subquery("looked_at")
    return (
        select(
            both.c.person_id,
            looked_at.c.group,
            _seconds(looked_at.c.handed_at).label("handed_at"),
            looked_at.c.crowd,
            both.c.n,
            both.c.kind,
            _seconds(both.c.at).label("at"),
            looked_at.c.get("links", literal(links)).label("links"),
        )
        .join(looked_at, looked_at.c.person_id == both.c.person_id)
        .subquery("asked")
    )


def _seconds(moment: Any) -> Any:
    return cast(extract("epoch", moment), Float)


def _crowds(session: Session, asked: FromClause) -> Crowds:
    """Find the seconds in which a crowd of one domain asked."""
    people = func.count(asked.c.person_id.distinct())
    is_click, second = asked.c.n.is_not(None), func.floor(asked.c.at)
    seconds = (
        select(asked.c.crowd, is_click.label("is_click"), second.label("second"), people.label("m"))
        .where(asked.c.kind == Kind.GET.value)
        .group_by(asked.c.crowd, is_click, second)
        .having(people >= CROWD)
        .subquery("seconds")
    )
    ever = (
        select(asked.c.crowd, is_click.label("is_click"), people.label("m"))
        .group_by(asked.c.crowd, is_click)
        .subquery("ever")
    )
    rows = session.execute(
        select(seconds, ever.c.m).join(
            ever, (ever.c.crowd == seconds.c.crowd) & (ever.c.is_click == seconds.c.is_click)
        )
    )
    return {
        (crowd, is_click, int(second))
        for crowd, is_click, second, together, in_all in rows
        if is_crowd(together, in_all)
    }


def _count(found: Reactions, rows: list[_Row], crowds: Crowds) -> None:
    requests = [
        Request(
            row.n, Kind(row.kind), row.at, (row.crowd, row.n is not None, int(row.at)) in crowds
        )
        for row in rows
    ]
    judged = judge(requests, links=rows[0].links, handed_at=rows[0].handed_at)
    pairs = list(zip(requests, judged, strict=True))
    group = rows[0].group
    clicks = [pair for pair in pairs if pair[0].n is not None]
    opens = [pair for pair in pairs if pair[0].n is None]
    _count_kind(found.clicked, found.clicked_at, group, clicks)
    _count_kind(found.opened, found.opened_at, group, opens)
    theirs = [request for request, origin in clicks if origin is Origin.PERSON]
    found.links.update({request.n for request in theirs if request.n is not None})
    person_id = PersonId(rows[0].person_id)
    found.clicks_of[group] += [(person_id, _moment(request.at)) for request in theirs]


def _count_kind(
    people: Counter[tuple[str, Origin]],
    first: Counter[datetime],
    group: str,
    pairs: list[tuple[Request, Origin]],
) -> None:
    """Count one person, as what they are, once; a person also at their first moment."""
    if not pairs:
        return
    origin = of_the_person([each for _, each in pairs])
    people[group, origin] += 1
    if origin is Origin.PERSON:
        at = next(request.at for request, each in pairs if each is Origin.PERSON)
        first[_moment(at // QUARTER * QUARTER)] += 1


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
