"""Rules that are kept under a name. A campaign takes the rule as it is then; a later change of the
saved audience changes the next campaign, never one that was written before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from mailer import ledger
from mailer.campaigns._tables import AudienceRow, CampaignRow, ListRow
from mailer.campaigns.audience.rules import (
    All,
    AnyOf,
    Audience,
    Engaged,
    Not,
    OnList,
    Rule,
    kept_rule,
    rules_in,
)
from mailer.campaigns.audience.sentences import Names

AudienceId = NewType("AudienceId", int)


class AudienceNotFound(Exception):
    """There is no saved audience with this number."""


class NameTaken(Exception):
    """Another saved audience, or another list, has this name already."""


class ReferenceUnknown(ValueError):
    """A rule names a list or a campaign that there is not; `field` says where."""

    def __init__(self, field: str, what: str) -> None:
        self.field = field
        self.what = what
        self.problem = f"there is no {what} with this number"
        super().__init__(f"{field}: {self.problem}")


@dataclass(frozen=True, slots=True)
class SavedAudience:
    """A rule under its name."""

    audience_id: AudienceId
    name: str
    rule: Rule
    created_at: datetime
    created_by: str
    changed_at: datetime


def save(session: Session, *, name: str, rule: Rule, by: str, now: datetime) -> SavedAudience:
    """Keep a rule under a new name. Raises NameTaken and ReferenceUnknown."""
    check_references(session, rule)
    refuse_taken_name(session, AudienceRow, name)
    row = AudienceRow(name=name, rule=_written(rule), created_at=now, created_by=by, changed_at=now)
    _write(session, row)
    _note(session, row, "saved", by=by, now=now)
    return _saved(row)


def change(
    session: Session, audience_id: AudienceId, *, name: str, rule: Rule, by: str, now: datetime
) -> SavedAudience:
    """Replace a saved audience's name and rule, for campaigns that are written from now on.

    Raises AudienceNotFound, NameTaken and ReferenceUnknown.
    """
    check_references(session, rule)
    row = _row(session, audience_id, lock=True)
    if name != row.name:
        refuse_taken_name(session, AudienceRow, name)
    row.name, row.rule, row.changed_at = name, _written(rule), now
    _write(session, row)
    _note(session, row, "changed", by=by, now=now)
    return _saved(row)


def forget(session: Session, audience_id: AudienceId, *, by: str, now: datetime) -> None:
    """Delete a saved audience; campaigns keep the rule that they took. Raises AudienceNotFound."""
    row = _row(session, audience_id, lock=True)
    _note(session, row, "deleted", by=by, now=now)
    session.delete(row)
    session.flush()


def saved_of(session: Session, audience_id: AudienceId) -> SavedAudience:
    """Return a saved audience. Raises AudienceNotFound."""
    return _saved(_row(session, audience_id))


def saved_page(
    session: Session, *, after: AudienceId | None = None, limit: int = 50
) -> list[SavedAudience]:
    """Return saved audiences by id, from after one on."""
    query = select(AudienceRow).where(col(AudienceRow.id) > (after or 0))
    return [_saved(row) for row in session.exec(query.order_by(col(AudienceRow.id)).limit(limit))]


def settled(session: Session, audience: Audience) -> Audience:
    """Return an audience with the rule that holds from now on, and the saved one that it came from.

    Raises AudienceNotFound and ReferenceUnknown.
    """
    if audience.saved is None:
        check_references(session, audience.rule, place="audience.rule")
        return Audience(rule=audience.rule)
    taken = saved_of(session, AudienceId(audience.saved))
    return Audience(rule=taken.rule, saved=taken.audience_id)


def refuse_taken_name(session: Session, kind: type[AudienceRow] | type[ListRow], name: str) -> None:
    """Raise NameTaken where there is one of this name.

    Looked for first: anybody may choose a name that is taken, and PostgreSQL should not log an
    error for it. The unique key stays for two who choose the same name at once.
    """
    if session.exec(select(kind.id).where(kind.name == name)).first() is not None:
        raise NameTaken(NameTaken.__doc__)


def check_references(session: Session, rule: Rule, *, place: str = "rule") -> None:
    """Raise ReferenceUnknown where a rule names a list or a campaign that there is not.

    `place` is where the rule itself stands in what was sent.
    """
    names = _names(session, *_numbers(rule))
    for path, each in _placed(rule, place):
        match each:
            case OnList() if ("list", each.id) not in names:
                raise ReferenceUnknown(f"{path}.id", "list")
            case Engaged(campaign=int(number)) if ("campaign", number) not in names:
                raise ReferenceUnknown(f"{path}.campaign", "campaign")


def _placed(rule: Rule, place: str) -> Iterator[tuple[str, Rule]]:
    """Give a rule and every rule within it, each with its path."""
    yield place, rule
    match rule:
        case All() | AnyOf():
            for number, each in enumerate(rule.of):
                yield from _placed(each, f"{place}.of.{number}")
        case Not():
            yield from _placed(rule.of, f"{place}.of")


def names_in(session: Session, *rules: Rule) -> Names:
    """Return what the lists and campaigns that these rules speak of are called."""
    both = [_numbers(rule) for rule in rules]
    lists = {number for some, _ in both for number in some}
    return _names(session, lists, {number for _, some in both for number in some})


def _numbers(rule: Rule) -> tuple[set[int], set[int]]:
    every = list(rules_in(rule))
    lists = {each.id for each in every if isinstance(each, OnList)}
    asked = {each.campaign for each in every if isinstance(each, Engaged)}
    return lists, {each for each in asked if each is not None}


def _names(session: Session, lists: set[int], campaigns: set[int]) -> dict[tuple[str, int], str]:
    found: dict[tuple[str, int], str] = {}
    tables: tuple[tuple[str, Any, set[int]], ...] = (
        ("list", ListRow, lists),
        ("campaign", CampaignRow, campaigns),
    )
    for what, table, numbers in tables:
        if numbers:
            query = select(table.id, table.name).where(col(table.id).in_(numbers))
            found |= {(what, number): name for number, name in session.exec(query)}
    return found


def _written(rule: Rule) -> dict[str, Any]:
    return rule.model_dump(mode="json", exclude_none=True)


def _write(session: Session, row: AudienceRow) -> None:
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as error:
        raise NameTaken(NameTaken.__doc__) from error


def _row(session: Session, audience_id: AudienceId, *, lock: bool = False) -> AudienceRow:
    row = session.get(AudienceRow, audience_id, populate_existing=True, with_for_update=lock)
    if row is None:
        raise AudienceNotFound(f"There is no saved audience {audience_id}.")
    return row


def _note(session: Session, row: AudienceRow, what: str, *, by: str, now: datetime) -> None:
    detail = {"audience": row.id, "rule": row.rule}
    ledger.record(session, f"audience.{what}", at=now, actor=by, detail=detail)


def _saved(row: AudienceRow) -> SavedAudience:
    return SavedAudience(
        audience_id=AudienceId(row.id or 0),
        name=row.name,
        rule=kept_rule(row.rule),
        created_at=row.created_at,
        created_by=row.created_by,
        changed_at=row.changed_at,
    )
