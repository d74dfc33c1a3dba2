"""The facts of a whole batch in one SELECT, and reading its rows as `Facts`."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import FromClause, Select, func, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import SQLModel

from mailer.database import looked_up
from mailer.permission import _tables  # noqa: F401 - registers the tables
from mailer.permission.decision import Facts, Suppression
from mailer.vocabulary import Frequency, Scope, SuppressionReason, Topic

_standing = SQLModel.metadata.tables["permission_standing"]
_suppression = SQLModel.metadata.tables["permission_suppression"]


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
        func.coalesce(stand.c.topics_on, 0).label("topics_on"),
        func.coalesce(stand.c.topics_answered, 0).label("topics_answered"),
        stand.c.paused_until,
        func.coalesce(stand.c.frequency, "as_it_comes").label("frequency"),
        func.coalesce(stand.c.confirmed, True).label("confirmed"),
        stand.c.gpc_since,
        func.coalesce(stand.c.tracking, True).label("tracking"),
        func.coalesce(stand.c.version, 0).label("standing_version"),
        nos.c.nos,
    ).select_from(who.outerjoin(stand, true()).outerjoin(nos, nos.c.person_id == who.c.person_id))


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
            func.jsonb_build_array(
                no.c.scope,
                no.c.reason,
                func.extract("epoch", no.c.since),
                no.c.topic,
                func.extract("epoch", no.c.until),
            ).label("no"),
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
