"""Lists of people that somebody put together by hand, to include or to leave out."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from sqlalchemy import BigInteger, bindparam, delete, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from mailer import ledger
from mailer.campaigns._tables import ListMemberRow, ListRow
from mailer.campaigns.audience.saved import NameTaken, refuse_taken_name
from mailer.database import rows_changed
from mailer.vocabulary import PersonId

ListId = NewType("ListId", int)


class ListNotFound(Exception):
    """There is no list with this number."""


class ListInUse(Exception):
    """A saved audience, or a campaign that has not started, speaks of this list."""


@dataclass(frozen=True, slots=True)
class PeopleList:
    """A list, and how many people were put on it."""

    list_id: ListId
    name: str
    people: int
    created_at: datetime
    created_by: str


def create_list(session: Session, *, name: str, by: str, now: datetime) -> PeopleList:
    """Make an empty list. Raises NameTaken."""
    refuse_taken_name(session, ListRow, name)
    row = ListRow(name=name, created_at=now, created_by=by)
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as error:
        raise NameTaken(NameTaken.__doc__) from error
    _note(session, ListId(row.id or 0), "created", 0, by=by, now=now)
    return _people_list(row, 0)


def put_on_list(
    session: Session, list_id: ListId, persons: Collection[PersonId], *, by: str, now: datetime
) -> int:
    """Put people on a list; return how many were not on it before. Raises ListNotFound."""
    _row(session, list_id, lock=True)
    added = rows_changed(session, _PUT, {"list": list_id, "persons": sorted(persons), "now": now})
    _tell_campaigns(session, list_id, added, by)
    _note(session, list_id, "added", added, by=by, now=now)
    return added


def take_off_list(
    session: Session, list_id: ListId, persons: Collection[PersonId], *, by: str, now: datetime
) -> int:
    """Take people off a list; return how many were on it. Raises ListNotFound."""
    _row(session, list_id, lock=True)
    removed = rows_changed(session, _TAKE, {"list": list_id, "persons": sorted(persons)})
    _tell_campaigns(session, list_id, removed, by)
    _note(session, list_id, "removed", removed, by=by, now=now)
    return removed


def forget_list(session: Session, list_id: ListId, *, by: str, now: datetime) -> None:
    """Delete a list. Raises ListNotFound and ListInUse: a rule that leaves out nobody any more
    would let everybody in.
    """
    _row(session, list_id, lock=True)
    if session.execute(_USED, {"list": list_id}).scalar_one():
        raise ListInUse(ListInUse.__doc__)
    session.execute(delete(ListRow).where(col(ListRow.id) == list_id))
    _note(session, list_id, "deleted", 0, by=by, now=now)


def list_of(session: Session, list_id: ListId) -> PeopleList:
    """Return a list. Raises ListNotFound."""
    row = _row(session, list_id)
    return _people_list(row, _sizes(session, [list_id]).get(list_id, 0))


def lists_page(
    session: Session, *, after: ListId | None = None, limit: int = 50
) -> list[PeopleList]:
    """Return lists by id, from after one on."""
    query = select(ListRow).where(col(ListRow.id) > (after or 0)).order_by(col(ListRow.id))
    rows = session.exec(query.limit(limit)).all()
    sizes = _sizes(session, [row.id or 0 for row in rows])
    return [_people_list(row, sizes.get(row.id or 0, 0)) for row in rows]


_PUT = text(
    """
    INSERT INTO campaigns_list_member (list_id, person_id, added_at)
    SELECT :list, person_id, :now FROM unnest(:persons) AS given(person_id)
    ON CONFLICT DO NOTHING
    """
).bindparams(bindparam("persons", type_=ARRAY(BigInteger)))
_TAKE = text(
    "DELETE FROM campaigns_list_member WHERE list_id = :list AND person_id = ANY(:persons)"
).bindparams(bindparam("persons", type_=ARRAY(BigInteger)))
_SPOKEN = """jsonb_path_exists({}, '$.** ? (@.kind == "list" && @.id == $list)', asked.vars)"""
_ASKED = "asked AS (SELECT jsonb_build_object('list', CAST(:list AS bigint)) AS vars)"
_WAITING = f"""SELECT id FROM campaigns_campaign, asked
    WHERE mailing_id IS NULL AND state <> 'cancelled' AND {_SPOKEN.format("audience")}"""
_USED = text(
    f"""
    WITH {_ASKED}
    SELECT EXISTS (SELECT 1 FROM campaigns_audience, asked WHERE {_SPOKEN.format("rule")})
        OR EXISTS ({_WAITING})
    """
)
_CHANGED = text(
    f"""
    WITH {_ASKED}, waiting AS ({_WAITING} ORDER BY id FOR UPDATE OF campaigns_campaign)
    UPDATE campaigns_campaign SET list_changes = list_changes + 1,
        authors = CASE WHEN authors @> to_jsonb(CAST(:by AS text)) THEN authors
                       ELSE authors || to_jsonb(CAST(:by AS text)) END
    WHERE id IN (SELECT id FROM waiting)
    """
)


def _tell_campaigns(session: Session, list_id: ListId, changed: int, by: str) -> None:
    """Make another revision of the campaigns that wait and speak of a list: see `revision_of`.

    Whoever changes the list has a hand in them, as who edits them has.
    """
    if changed:
        session.execute(_CHANGED, {"list": list_id, "by": by})


def _sizes(session: Session, numbers: Collection[int]) -> dict[int, int]:
    counted = (
        select(ListMemberRow.list_id, func.count())
        .where(col(ListMemberRow.list_id).in_(numbers))
        .group_by(col(ListMemberRow.list_id))
    )
    return dict(session.exec(counted).all())


def _row(session: Session, list_id: ListId, *, lock: bool = False) -> ListRow:
    row = session.get(ListRow, list_id, populate_existing=True, with_for_update=lock)
    if row is None:
        raise ListNotFound(f"There is no list {list_id}.")
    return row


def _note(
    session: Session, list_id: ListId, what: str, count: int, *, by: str, now: datetime
) -> None:
    detail = {"list": list_id, "people": count}
    ledger.record(session, f"list.{what}", at=now, actor=by, detail=detail)


def _people_list(row: ListRow, people: int) -> PeopleList:
    return PeopleList(ListId(row.id or 0), row.name, people, row.created_at, row.created_by)
