"""The facts of a whole batch in one SELECT, and reading its rows as `Facts`."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlmodel import SQLModel

from mailer.database import looked_up
from mailer.permission import _tables  # noqa: F401 - registers the tables
from mailer.permission.decision import Facts, Suppression
from mailer.vocabulary import Frequency, Scope, SuppressionReason, Topic

_standing = SQLModel.metadata.tables["permission_standing"]
_suppression = SQLModel.metadata.tables["permission_suppression"]

_LONG_AGO: ColumnElement[datetime] = literal_column("to_timestamp(0)")


def facts_of(who: FromClause) -> Select[Any]:
    """Select one row of permission facts for each row of `who` (person_id, address_id).

    Columns: person_id, address_id, topics_on, topics_answered, paused_until, frequency,
    confirmed, gpc_since, tracking, standing_version, nos (a JSON list of suppressions or null).
    A no counts when it names the person or the address.
    """
    nos = _nos_of(who)
    stand = looked_up(select(_standing).where(_standing.c.person_id == who.c.person_id), "stand")
    return select(
        who.c.person_id,
        who.c.address_id,
        *_standing_columns(stand),
        stand.c.gpc_since,
        func.coalesce(stand.c.version, 0).label("standing_version"),
        nos.c.nos,
    ).select_from(who.outerjoin(stand, true()).outerjoin(nos, nos.c.person_id == who.c.person_id))


def facts_of_many(who: FromClause) -> Select[Any]:
    """Select what `facts_of` does, but standing_version, where `who` may be everybody: to count.

    Nothing is looked up row by row. That somebody said no is told, not since when, which no
    decision asks for: so most of them have the same facts. A no by person and by address is twice
    in the list. `who` is read several times: hand in a CTE.
    """
    stand = _standing
    by_person, by_address = _nos_by(who, "person_id"), _nos_by(who, "address_id")
    nos = func.coalesce(
        by_person.c.nos.op("||")(by_address.c.nos), by_person.c.nos, by_address.c.nos, type_=JSONB
    )
    return select(
        who.c.person_id,
        who.c.address_id,
        *_standing_columns(stand),
        case((stand.c.gpc_since.is_not(None), _LONG_AGO)).label("gpc_since"),
        nos.label("nos"),
    ).select_from(
        who.outerjoin(stand, stand.c.person_id == who.c.person_id)
        .outerjoin(by_person, by_person.c.person_id == who.c.person_id)
        .outerjoin(by_address, by_address.c.address_id == who.c.address_id)
    )


def _standing_columns(stand: FromClause) -> list[ColumnElement[Any]]:
    """What stands of somebody's own wishes; who was never admitted has none."""
    return [
        func.coalesce(stand.c.topics_on, 0).label("topics_on"),
        func.coalesce(stand.c.topics_answered, 0).label("topics_answered"),
        stand.c.paused_until,
        func.coalesce(stand.c.frequency, "as_it_comes").label("frequency"),
        func.coalesce(stand.c.confirmed, True).label("confirmed"),
        func.coalesce(stand.c.tracking, True).label("tracking"),
    ]


def _no(no: FromClause, since: ColumnElement[Any]) -> ColumnElement[Any]:
    until = func.extract("epoch", no.c.until)
    return func.jsonb_build_array(no.c.scope, no.c.reason, since, no.c.topic, until)


def _nos_by(who: FromClause, column: str) -> FromClause:
    """What stands against those of `who` that have it, by person or by address."""
    asked = _suppression.c[column]
    nos = func.jsonb_agg(_no(_suppression, literal_column("0")), type_=JSONB)
    return (
        select(asked, nos.label("nos"))
        .where(_suppression.c.lifted_at.is_(None), asked.in_(select(who.c[column])))
        .group_by(asked)
        .subquery(f"nos_by_{column}")
    )


def _nos_of(who: FromClause) -> FromClause:
    """What stands against each of `who`: looked up by person and by address, each by its index."""

    def held(column: str) -> Select[Any]:
        no = looked_up(
            select(_suppression).where(
                _suppression.c[column] == who.c[column], _suppression.c.lifted_at.is_(None)
            ),
            f"no_by_{column}",
        )
        return select(
            who.c.person_id,
            no.c.id,
            _no(no, func.extract("epoch", no.c.since)).label("no"),
        ).select_from(who.join(no, true()))

    each = held("person_id").union(held("address_id")).subquery("each_no")
    return (
        select(
            each.c.person_id, func.jsonb_agg(aggregate_order_by(each.c.no, each.c.id)).label("nos")
        )
        .group_by(each.c.person_id)
        .subquery("nos")
    )


def facts_from(row: Any, *, gone: bool, moved: bool, zone: str = "") -> Facts:
    """Read one row of `facts_of` as Facts; who is gone or moved, and their zone, people tell."""
    return Facts(
        gone=gone,
        moved=moved,
        topics_on=row.topics_on,
        topics_answered=row.topics_answered,
        paused_until=row.paused_until,
        frequency=Frequency(row.frequency),
        confirmed=row.confirmed,
        gpc_since=row.gpc_since,
        zone=zone,
        suppressions=tuple(_suppression_from(each) for each in row.nos) if row.nos else (),
    )


def _suppression_from(item: list[Any]) -> Suppression:
    scope, reason, since, topic, until = item
    return Suppression(
        scope=Scope(scope),
        reason=SuppressionReason(reason),
        since=datetime.fromtimestamp(float(since), UTC),
        topic=Topic(topic) if topic else None,
        until=datetime.fromtimestamp(float(until), UTC) if until is not None else None,
    )
