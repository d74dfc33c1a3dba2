"""Who clicked or opened, as people do: one SELECT that audiences are built from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, literal_column, select, union
from sqlmodel import col

from mailer.measure._tables import ClickRow, OpenRow
from mailer.measure.judging import Origin
from mailer.measure.machines import Kind


@dataclass(frozen=True, slots=True)
class Engagement:
    """What is asked: clicks, opens or either, from a moment on, of some mailings or of any."""

    clicks: bool = True
    opens: bool = True
    since: datetime | None = None
    mailings: Select[Any] | None = None
    """The numbers of mailings, as a SELECT; where it finds none, nobody engaged."""
    of: Callable[[SQLColumnExpression[int]], ColumnElement[bool]] | None = None
    """What must hold of a person's number; nobody else is looked at."""


def engaged_people(wanted: Engagement) -> Select[Any]:
    """Select who did (person_id, each once), of all that is judged to be a person's (C18).

    What came in the last seconds and is not judged yet counts unless it says itself that it is a
    machine's: who leaves out the engaged must not reach one whose click waits. Numbers are those of
    the mail: who was merged since stands here under the former one. Raises ValueError where neither
    clicks nor opens are asked for.
    """
    tables: list[type[ClickRow] | type[OpenRow]] = []
    if wanted.clicks:
        tables.append(ClickRow)
    if wanted.opens:
        tables.append(OpenRow)
    if not tables:
        raise ValueError("who neither clicks nor opens is not engaged")
    parts = [_people(table, wanted, judged=judged) for table in tables for judged in (True, False)]
    found = union(*parts).subquery("engaged")
    return select(found.c.person_id)


def _people(
    table: type[ClickRow] | type[OpenRow], wanted: Engagement, *, judged: bool
) -> Select[Any]:
    query: Select[Any] = select(col(table.person_id).label("person_id")).distinct()
    if judged:
        query = query.where(col(table.origin) == literal_column(f"'{Origin.PERSON}'"))
    else:
        query = query.where(col(table.origin).is_(None), col(table.kind) == Kind.GET.value)
    if wanted.of is not None:
        query = query.where(wanted.of(col(table.person_id)))
    if wanted.since is not None:
        query = query.where(col(table.at) >= wanted.since)
    if wanted.mailings is not None:
        query = query.where(col(table.mailing_id).in_(wanted.mailings))
    return query
