"""The facts of a whole batch in one SELECT, and reading its rows as `Facts`."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import FromClause, Select, and_, func, literal_column, or_, select
from sqlmodel import SQLModel

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
    nos = (
        select(
            func.jsonb_agg(
                func.jsonb_build_array(
                    _suppression.c.scope,
                    _suppression.c.reason,
                    func.extract("epoch", _suppression.c.since),
                    _suppression.c.topic,
                    func.extract("epoch", _suppression.c.until),
                )
            ).label("nos")
        )
        .where(
            _suppression.c.lifted_at.is_(None),
            or_(
                _suppression.c.person_id == who.c.person_id,
                _suppression.c.address_id == who.c.address_id,
            ),
        )
        .lateral("nos")
    )
    return select(
        who.c.person_id,
        who.c.address_id,
        func.coalesce(_standing.c.topics_on, 0).label("topics_on"),
        func.coalesce(_standing.c.topics_answered, 0).label("topics_answered"),
        _standing.c.paused_until,
        func.coalesce(_standing.c.frequency, "as_it_comes").label("frequency"),
        func.coalesce(_standing.c.confirmed, True).label("confirmed"),
        _standing.c.gpc_since,
        func.coalesce(_standing.c.tracking, True).label("tracking"),
        func.coalesce(_standing.c.version, 0).label("standing_version"),
        nos.c.nos,
    ).select_from(
        who.outerjoin(_standing, and_(_standing.c.person_id == who.c.person_id)).outerjoin(
            nos, literal_column("true")
        )
    )


def facts_from(row: Any, *, gone: bool, moved: bool) -> Facts:
    """Read one row of `facts_of` as Facts; who is gone or moved is told by the people room."""
    return Facts(
        gone=gone,
        moved=moved,
        topics_on=row.topics_on,
        topics_answered=row.topics_answered,
        paused_until=row.paused_until,
        frequency=Frequency(row.frequency),
        confirmed=row.confirmed,
        gpc_since=row.gpc_since,
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
