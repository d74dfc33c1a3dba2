"""What was asked for, read in sets: what is not judged yet, what lies near it, who asked when."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, BindParameter, Boolean, Float, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from mailer.vocabulary import MailingId, PersonId

Mail = tuple[MailingId, PersonId]
Span = tuple[float, float]
"""From one moment to another, both included, in seconds since 1970."""


class Moment(NamedTuple):
    """One second of a mailing, for clicks or for opens."""

    mailing_id: MailingId
    is_click: bool
    second: int


class Asked(NamedTuple):
    """One request as it was recorded."""

    id: UUID
    mailing_id: MailingId
    person_id: PersonId
    is_click: bool
    n: int | None
    kind: str
    at: float
    origin: str | None

    @property
    def mail(self) -> Mail:
        """Whose mail of which mailing was asked for."""
        return self.mailing_id, self.person_id

    @property
    def moment(self) -> Moment:
        """The second in which it came."""
        return Moment(self.mailing_id, self.is_click, int(self.at))


def fresh_requests(
    session: Session, *, mailing_id: MailingId | None = None, limit: int | None = None
) -> list[Asked]:
    """Return what is not judged yet, of one mailing or of any, in the order of mailing and time.

    At most `limit` clicks, and as many opens.
    """
    if mailing_id is None:
        return _asked(session, _FRESH, {"limit": limit})
    return _asked(session, _FRESH_OF_ONE, {"mailing_id": mailing_id, "limit": limit})


def requests_near(session: Session, spans: Mapping[Mail, Span]) -> list[Asked]:
    """Return what was asked of each of these mails within its span, by mail in the order of time.

    Of one moment in the order of their ids, so that it is the same whenever it is asked.
    """
    given = {
        "mailings": [mailing_id for mailing_id, _ in spans],
        "persons": [person_id for _, person_id in spans],
        "firsts": [first for first, _ in spans.values()],
        "lasts": [last for _, last in spans.values()],
    }
    return _asked(session, _NEAR, given)


def judged_before(session: Session, those: Collection[tuple[Mail, bool]]) -> set[tuple[Mail, bool]]:
    """Return of which mails a click, or an open, was judged already."""
    rows = session.execute(
        _BEFORE,
        {
            "mailings": [mail[0] for mail, _ in those],
            "persons": [mail[1] for mail, _ in those],
            "clicks": [is_click for _, is_click in those],
        },
    )
    return {((MailingId(row.mailing_id), PersonId(row.person_id)), row.is_click) for row in rows}


def people_at(session: Session, moments: Collection[Moment]) -> dict[Moment, set[PersonId]]:
    """Return who asked with a plain GET in each of these seconds."""
    found: dict[Moment, set[PersonId]] = {moment: set() for moment in moments}
    rows = session.execute(
        _AT,
        {
            "mailings": [moment.mailing_id for moment in found],
            "clicks": [moment.is_click for moment in found],
            "seconds": [moment.second for moment in found],
        },
    )
    for row in rows:
        moment = Moment(MailingId(row.mailing_id), row.is_click, row.second)
        found[moment].add(PersonId(row.person_id))
    return found


def _asked(session: Session, statement: Any, given: Mapping[str, Any]) -> list[Asked]:
    return [Asked(*row) for row in session.execute(statement, given)]


def _columns(is_click: bool) -> str:
    n = "r.n" if is_click else "CAST(NULL AS smallint)"
    at = "CAST(extract(epoch FROM r.at) AS float8)"
    return f"r.id, r.mailing_id, r.person_id, {is_click}, {n}, r.kind, {at}, r.origin"


_TABLES = ((True, "measure_click"), (False, "measure_open"))


def _arrays(**of: type[TypeEngine[Any]]) -> list[BindParameter[Any]]:
    """Parameters that are each a list of one type."""
    return [bindparam(name, type_=ARRAY(each)) for name, each in of.items()]


def _fresh(condition: str = "") -> TextClause:
    return text(
        " UNION ALL ".join(
            f"(SELECT {_columns(is_click)} FROM {table} r WHERE r.origin IS NULL{condition}"
            " ORDER BY r.mailing_id, r.at LIMIT :limit)"
            for is_click, table in _TABLES
        )
    )


_FRESH = _fresh()
_FRESH_OF_ONE = _fresh(" AND r.mailing_id = :mailing_id")
# Each is looked up by the index, fenced with OFFSET 0, whatever the planner knows of new rows.
_NEAR = text(
    " UNION ALL ".join(
        f"SELECT {_columns(is_click)} FROM unnest(:mailings, :persons, :firsts, :lasts)"
        " AS w(mailing_id, person_id, first, last) CROSS JOIN LATERAL ("
        f"SELECT * FROM {table} t WHERE t.person_id = w.person_id AND t.mailing_id = w.mailing_id"
        " AND t.at BETWEEN to_timestamp(w.first) AND to_timestamp(w.last) OFFSET 0) r"
        for is_click, table in _TABLES
    )
    + " ORDER BY 2, 3, 7, 1"
).bindparams(*_arrays(mailings=BigInteger, persons=BigInteger, firsts=Float, lasts=Float))
_BEFORE = text(
    "SELECT w.mailing_id, w.person_id, w.is_click FROM unnest(:mailings, :persons, :clicks)"
    " AS w(mailing_id, person_id, is_click) WHERE "
    + " OR ".join(
        f"({'' if is_click else 'NOT '}w.is_click AND EXISTS (SELECT FROM {table} t"
        " WHERE t.person_id = w.person_id AND t.mailing_id = w.mailing_id"
        " AND t.origin IS NOT NULL OFFSET 0))"
        for is_click, table in _TABLES
    )
).bindparams(*_arrays(mailings=BigInteger, persons=BigInteger, clicks=Boolean))
_AT = text(
    " UNION ".join(
        "SELECT w.mailing_id, w.is_click, w.second, r.person_id"
        " FROM unnest(:mailings, :clicks, :seconds) AS w(mailing_id, is_click, second)"
        f" CROSS JOIN LATERAL (SELECT t.person_id FROM {table} t"
        f" WHERE {'' if is_click else 'NOT '}w.is_click AND t.mailing_id = w.mailing_id"
        " AND t.kind = 'get' AND t.at >= to_timestamp(w.second)"
        " AND t.at < to_timestamp(w.second + 1) OFFSET 0) r"
        for is_click, table in _TABLES
    )
).bindparams(*_arrays(mailings=BigInteger, clicks=Boolean, seconds=BigInteger))
