"""What stands of wishes and objections, as SELECTs for a bigger statement, and read as `Facts`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from mailer.database import looked_up
from mailer.permission import _tables  # noqa: F401 - registers the tables
from mailer.permission.decision import Facts, Suppression
from mailer.vocabulary import AddressId, Frequency, PersonId, Scope, SuppressionReason, Topic

_standing = SQLModel.metadata.tables["permission_standing"]
_suppression = SQLModel.metadata.tables["permission_suppression"]

_WISHES = (
    "topics_on", "topics_answered", "paused_until", "frequency", "confirmed", "tracking",
    "gpc_since",
)  # fmt: skip
_LONG_AGO: ColumnElement[datetime] = literal_column("to_timestamp(0)")


def standings_of(persons: ColumnElement[Any]) -> Select[Any]:
    """Select what the people of an array want themselves: a row for all whose wishes are the same.

    Columns: persons (an array), topics_on, topics_answered, paused_until, frequency, confirmed,
    tracking, gpc_since. Who was never admitted is in no row.
    """
    wishes = [_standing.c[name] for name in _WISHES]
    return (
        select(func.array_agg(_standing.c.person_id).label("persons"), *wishes)
        .where(_standing.c.person_id == func.any(persons))
        .group_by(*wishes)
    )


def nos_against(persons: ColumnElement[Any], addresses: ColumnElement[Any]) -> Select[Any]:
    """Select as `nos`, one JSON list, what stands against anybody of two arrays; NULL for nothing.

    A no that names the person and the address may be in it twice. `suppressions_from` reads it.
    """

    def held(asked: ColumnElement[Any], given: ColumnElement[Any]) -> Select[Any]:
        no = _suppression.c
        since, until = (func.extract("epoch", moment) for moment in (no.since, no.until))
        told = (no.id, no.person_id, no.address_id, no.scope, no.reason, since, no.topic, until)
        return select(func.jsonb_build_array(*told).label("no")).where(
            asked == func.any(given), no.lifted_at.is_(None)
        )

    # Each by its own index, never with OR.
    by_person = held(_suppression.c.person_id, persons)
    each = by_person.union_all(held(_suppression.c.address_id, addresses)).subquery("each_no")
    return select(func.jsonb_agg(each.c.no, type_=JSONB).label("nos"))


def rhythms_of(who: FromClause) -> Select[Any]:
    """Select how often each of `who` (person_id, address_id) wants mail: `frequency` beside both."""
    stand = looked_up(
        select(_standing.c.frequency).where(_standing.c.person_id == who.c.person_id), "stand"
    )
    frequency = func.coalesce(stand.c.frequency, "as_it_comes").label("frequency")
    return select(who.c.person_id, who.c.address_id, frequency).select_from(
        who.outerjoin(stand, true())
    )


def own_rhythms(persons: ColumnElement[Any]) -> Select[Any]:
    """Select those of an array who set themselves a frequency: person_id and frequency."""
    limited = [each.value for each in Frequency if each.days]
    return select(_standing.c.person_id, _standing.c.frequency).where(
        _standing.c.person_id == func.any(persons), _standing.c.frequency.in_(limited)
    )


def facts_of_many(who: FromClause) -> Select[Any]:
    """Select a row of facts for each of `who` (person_id, address_id), who may be everybody: to count.

    Columns: person_id, address_id, those of `standings_of`, and nos (a JSON list or null). That
    somebody said no is told, not since when, which no decision asks for: so most of them have the
    same facts. A no by person and by address is twice in the list. `who` is read several times:
    hand in a CTE.
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


def facts_from(row: Any, *, gone: bool, moved: bool, zone: str = "") -> Facts:
    """Read one row of `facts_of_many` as Facts; who is gone or moved, and their zone, people tell."""
    return replace(
        standing_from(row),
        gone=gone,
        moved=moved,
        zone=zone,
        suppressions=tuple(_suppression_from(each) for each in row.nos) if row.nos else (),
    )


def standing_from(row: Any) -> Facts:
    """Read the wishes of one row of `standings_of`; nothing else is known in it."""
    return Facts(
        topics_on=row.topics_on,
        topics_answered=row.topics_answered,
        paused_until=row.paused_until,
        frequency=Frequency(row.frequency),
        confirmed=row.confirmed,
        gpc_since=row.gpc_since,
    )


def suppressions_from(
    nos: Iterable[list[Any]], people: Mapping[PersonId, AddressId]
) -> dict[PersonId, tuple[Suppression, ...]]:
    """Read what `nos_against` told of people at their addresses, in the order in which it was said.

    A no counts when it names the person or the address; where two share the mailbox, for both.
    """
    against: dict[PersonId, dict[int, Suppression]] = defaultdict(dict)
    at: dict[int, list[PersonId]] = defaultdict(list)
    by_number = {number: (person, address, no) for number, person, address, *no in nos}
    for who, address in people.items() if by_number else ():
        at[address].append(who)
    for number, (person, address, no) in sorted(by_number.items()):
        named = {PersonId(person)} & people.keys() if person is not None else set()
        for who in named.union(at.get(address, ())):
            against[who][number] = _suppression_from(no)
    return {who: tuple(held.values()) for who, held in against.items()}


def _suppression_from(item: list[Any]) -> Suppression:
    scope, reason, since, topic, until = item
    return Suppression(
        scope=Scope(scope),
        reason=SuppressionReason(reason),
        since=datetime.fromtimestamp(float(since), UTC),
        topic=Topic(topic) if topic else None,
        until=datetime.fromtimestamp(float(until), UTC) if until is not None else None,
    )
