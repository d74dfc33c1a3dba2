"""An audience is cut into batches with rosters, and counted by the same walk over it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    Select,
    bindparam,
    func,
    insert,
    update,
)
from sqlmodel import Session, SQLModel

from mailer.delivery import _tables  # noqa: F401 - registers the tables
from mailer.delivery.states import BatchState
from mailer.vocabulary import Lane, MailingId

BATCH_SIZE = 500
"""People that travel together at most."""
NUMBERS = ARRAY(BigInteger)
AT_FIRST: Mapping[str, int | str] = MappingProxyType(
    {
        "attempt": 1,
        "state": BatchState.PREPARED.value,
        "accepted": 0,
        "refused": 0,
        "rejected": 0,
        "unknown": 0,
    }
)
"""What every batch begins with."""
_batch_ids = func.pg_get_serial_sequence("delivery_batch", "id")
_batch, _mailing, _roster = (
    SQLModel.metadata.tables[f"delivery_{name}"] for name in ("batch", "mailing", "roster")
)


@dataclass(frozen=True, slots=True)
class Cut:
    """What was cut: how many people the mailing has now, and how many of this part lack what."""

    people: int
    lacking: Mapping[str, int] = field(default_factory=dict)


def prepare_audience(
    session: Session,
    mailing_id: MailingId,
    audience: Select[Any],
    *,
    asked: Sequence[str] = (),
    now: datetime,
    not_before: datetime | None = None,
) -> Cut:
    """Cut an audience into batches with rosters by one statement.

    `audience` selects person_id and address_id, a person at most once. Whoever may not be mailed
    is in it too: they are refused with their reason when their turn comes. A large audience may
    be handed in by parts, one call each. `asked` are further columns of it, yes or no: each no is
    counted.
    """
    slices = slices_of(audience.order_by(None).subquery("audience"), asked=asked)
    due = bindparam("due", not_before or now, type_=DateTime(timezone=True))
    return insert_slices(session, mailing_id, slices, due)


@dataclass(frozen=True, slots=True)
class Slices:
    """People in pieces (id, persons, addresses, size and their kind), and the whole they are of."""

    pieces: CTE
    whole: CTE
    asked: Sequence[str]
    """Columns of the whole that hold how many of a kind lack something."""

    @property
    def c(self) -> Any:
        """The columns of the pieces."""
        return self.pieces.c


def gathered(who: FromClause, *, asked: Sequence[str]) -> list[ColumnElement[Any]]:
    """Give the columns of a SELECT that puts people into arrays, and counts them and who lacks what."""
    return [
        func.array_agg(who.c.person_id, type_=NUMBERS).label("persons"),
        func.array_agg(who.c.address_id, type_=NUMBERS).label("addresses"),
        func.count().label("people"),
        *(func.count().filter(sa.not_(who.c[name])).label(name) for name in asked),
    ]


def slices_of(people: FromClause, *, by: Sequence[str] = (), asked: Sequence[str] = ()) -> Slices:
    """Cut people (person_id, address_id and what `by` and `asked` name) into batches of one kind.

    Everybody of a kind becomes two arrays in the order of their numbers, and a batch is a piece of
    both. To number everybody in a window, and to group by slices of that, takes twice the time.
    """
    kinds = [people.c[name] for name in by]
    ordered = sa.select(people).order_by(*kinds, people.c.person_id).subquery("ordered")
    same = [ordered.c[name] for name in by]
    whole = (
        sa.select(*same, *gathered(ordered, asked=asked))
        .group_by(*same)
        .order_by(*same)
        .cte("whole")
        .prefix_with("MATERIALIZED")
    )
    return pieces_of(whole, by, asked=asked)


def pieces_of(whole: CTE, by: Sequence[str], *, asked: Sequence[str]) -> Slices:
    """Cut the arrays of each kind into pieces."""
    count = func.cardinality(whole.c.persons)
    cuts = (
        func.generate_series(1, count, BATCH_SIZE).table_valued("at", name="cuts").render_derived()
    )
    first = sa.cast(cuts.c.at, Integer)
    last = func.least(first + (BATCH_SIZE - 1), count)
    pieces = (
        sa.select(
            func.nextval(_batch_ids).label("id"),
            *(whole.c[name] for name in by),
            whole.c.persons[first:last].label("persons"),
            whole.c.addresses[first:last].label("addresses"),
            (last - first + 1).label("size"),
        )
        .select_from(whole.join(cuts, sa.true()))
        .cte("slices")
        .prefix_with("MATERIALIZED")
    )
    return Slices(pieces, whole, asked)


def insert_slices(
    session: Session,
    mailing_id: MailingId,
    slices: Slices,
    due: ColumnElement[datetime],
    *,
    more: Mapping[str, ColumnElement[Any]] = MappingProxyType({}),
) -> Cut:
    """Make batches with rosters of slices, and count them; `more` are further columns of batches."""
    pieces = slices.pieces
    mailing = bindparam("mailing_id", mailing_id, type_=BigInteger)
    batches = insert(_batch).from_select(
        ["id", "mailing_id", "root_id", "lane", "not_before", "size", *AT_FIRST, *more],
        sa.select(
            pieces.c.id,
            mailing,
            pieces.c.id,
            bindparam("lane", Lane.PROMOTIONAL.value),
            due,
            pieces.c.size,
            *map(sa.literal, AT_FIRST.values()),
            *more.values(),
        ),
        include_defaults=False,  # an UPDATE, which the whole statement is, would fill none in
    )
    rosters = insert(_roster).from_select(
        ["batch_id", "persons", "addresses"],
        sa.select(pieces.c.id, pieces.c.persons, pieces.c.addresses),
    )
    added = _added_up(slices, mailing)
    counted = (
        update(_mailing)
        .where(_mailing.c.id == added.c.mailing_id)
        .values(audience=_mailing.c.audience + added.c.people)
        .returning(_mailing.c.audience, *(added.c[name] for name in slices.asked))
        .add_cte(
            batches.returning(_batch.c.id).cte("batches"),
            rosters.returning(_roster.c.batch_id).cte("rosters"),
        )
    )
    people, *lacking = session.execute(counted).one()
    return Cut(people, dict(zip(slices.asked, lacking, strict=True)))


def _added_up(slices: Slices, mailing: ColumnElement[int]) -> FromClause:
    """Add up the kinds: one row for the mailing, also of nobody."""
    sums = (
        sa.cast(func.coalesce(func.sum(slices.whole.c[name]), 0), Integer).label(name)
        for name in ("people", *slices.asked)
    )
    return sa.select(mailing.label("mailing_id"), *sums).subquery("added")
