"""The facts of a batch in one statement: people's, permission's and our own, joined by person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    DateTime,
    FromClause,
    Select,
    bindparam,
    case,
    false,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, SQLModel

from mailer import people, permission
from mailer.database import looked_up
from mailer.delivery import _tables  # noqa: F401 - registers the tables
from mailer.delivery.mailings import TEST
from mailer.permission import Facts
from mailer.vocabulary import Frequency, MailingId, PersonId

_batch = SQLModel.metadata.tables["delivery_batch"]
_roster = SQLModel.metadata.tables["delivery_roster"]
_place = SQLModel.metadata.tables["delivery_place"]
_mailing = SQLModel.metadata.tables["delivery_mailing"]
_OTHER = bindparam("mailing_id", type_=BigInteger)
_LIMITED = tuple(each for each in Frequency if each.days)
_SINCES = {
    each.value: bindparam(f"since_{each}", type_=DateTime(timezone=True)) for each in _LIMITED
}


@dataclass(frozen=True, slots=True)
class SameFacts:
    """Some people of a batch of whom one statement told the same, so that one decision is theirs."""

    versions: Mapping[PersonId, int]
    """Each of them, and the version of what letters print about them."""
    tracking: bool
    younger_in_hand: bool
    facts: Facts


def asked_about(mailing_id: MailingId, now: datetime) -> dict[str, Any]:
    """Return what every statement of facts binds beside the people: whose mailing, and when."""
    sinces = {f"since_{each}": now - timedelta(days=each.days) for each in _LIMITED}
    return {"mailing_id": mailing_id, **sinces}


_ONE_PLAN = text("SELECT set_config('plan_cache_mode', 'force_generic_plan', true)")
"""To plan the statement costs a fifth of running it, and its look-ups leave nothing to choose."""


def ask(session: Session, statement: Select[Any], given: Mapping[str, Any]) -> Sequence[Any]:
    """Run a statement of facts by the plan that was made once; return its rows."""
    session.execute(_ONE_PLAN)
    return session.execute(statement, given).all()


@lru_cache(maxsize=2)  # a statement is made once: making it costs as much as running it
def facts_of_given(*, zoned: bool) -> Select[Any]:
    """The facts of the people in the bound arrays `persons` and `addresses`."""
    return facts_select(_people_given(), zoned=zoned)


def _people_given() -> FromClause:
    given = select(
        func.unnest(bindparam("persons", type_=ARRAY(BigInteger))).label("person_id"),
        func.unnest(bindparam("addresses", type_=ARRAY(BigInteger))).label("address_id"),
    )
    return given.cte("who")


def facts_select(who: FromClause, *, zoned: bool) -> Select[Any]:
    """Select the facts of everybody in `who`, with `asked_about` bound.

    One row for all of whom the same is known, with their numbers and versions in two arrays: most
    of a batch differ in nothing that a decision asks for. Their zones are such a thing for a
    mailing with quiet hours only: `zoned`.
    """
    reach = people.reach_of(who).subquery("reach")
    stand = permission.facts_of(who).cte("stand")
    often = _mailbox_history(stand)
    known = [
        *_known(stand, often),
        reach.c.gone,
        (reach.c.current_address_id != reach.c.address_id).label("moved"),
        *([reach.c.zone] if zoned else []),
    ]
    whole = stand.join(reach, reach.c.person_id == stand.c.person_id).outerjoin(
        often, often.c.person_id == stand.c.person_id
    )
    return (
        select(
            func.array_agg(reach.c.person_id).label("persons"),
            func.array_agg(reach.c.version).label("versions"),
            *known,
        )
        .select_from(whole)
        .group_by(*known)
    )


def counts_select(who: CTE, *, zoned: bool) -> Select[Any]:
    """Count by facts the people in `who`: living customers, who may be all, at their addresses.

    The facts of `facts_select` for the same mailing, `people` of each kind; it names nobody.
    """
    stand = permission.facts_of_many(who).cte("stand")
    often = _mailbox_history(stand)
    known = _known(stand, often)
    whole: FromClause = stand.outerjoin(often, often.c.person_id == stand.c.person_id)
    if zoned:
        zones = people.zones_of().subquery("zones")
        known.append(zones.c.timezone.label("zone"))
        whole = whole.join(zones, zones.c.person_id == stand.c.person_id)
    here = (false().label("gone"), false().label("moved"))
    counted = select(func.count().label("people"), *here, *known)
    return counted.select_from(whole).group_by(*known)


def _known(stand: FromClause, often: FromClause) -> list[ColumnElement[Any]]:
    """What a decision asks of wishes, objections and earlier mail."""
    return [
        *(stand.c[name] for name in _KNOWN),
        often.c.last_promotional,
        often.c.older_in_hand,
        often.c.younger_in_hand,
    ]


_KNOWN = (
    "topics_on", "topics_answered", "paused_until", "frequency", "confirmed", "gpc_since",
    "tracking", "nos",
)  # fmt: skip


def _mailbox_history(stand: FromClause) -> FromClause:
    """What other promotional mailings have for the mailboxes of those with a limit, by person.

    A place names the batch that holds its person, so that no roster is read. Only those mailings
    are asked for that handed anything over within the person's own limit: a mailbox may have
    places of many years.
    """
    lately = {often: _since(since) for often, since in _SINCES.items()}
    place = looked_up(
        select(_place.c.mailing_id, _place.c.batch_id).where(
            _place.c.address_id == stand.c.address_id,
            _place.c.mailing_id == func.any(case(lately, value=stand.c.frequency)),
        ),
        "place",
    )
    batch = looked_up(
        select(_batch.c.state, _batch.c.handing_at).where(_batch.c.id == place.c.batch_id), "held"
    )
    handing = batch.c.state == "handing"
    # Only what can matter to the person's own limit: what differs for nobody needs no group.
    own = case(_SINCES, value=stand.c.frequency)
    gone = batch.c.state.in_(("settled", "unknown")) & (batch.c.handing_at > own)
    return (
        select(
            stand.c.person_id,
            func.max(batch.c.handing_at).filter(gone).label("last_promotional"),
            func.bool_or(handing & (place.c.mailing_id < _OTHER)).label("older_in_hand"),
            func.bool_or(handing & (place.c.mailing_id > _OTHER)).label("younger_in_hand"),
        )
        .select_from(stand.join(place, true()).join(batch, true()))
        .where(stand.c.frequency != "as_it_comes")
        .group_by(stand.c.person_id)
        .subquery("often")
    )


def _since(moment: BindParameter[Any]) -> ColumnElement[Any]:
    """Number the promotional mailings that are in hand, or handed anything over since a moment."""
    own = _batch.c.mailing_id == _mailing.c.id
    lately = select(_batch.c.id).where(own, _batch.c.handing_at > moment).limit(1).lateral("lately")
    gone = _promotional().select_from(_mailing.join(lately, true()))
    in_hand = select(_batch.c.mailing_id).where(_batch.c.state == "handing").offset(0)
    handing = _promotional().where(_mailing.c.id == func.any(func.array(in_hand.scalar_subquery())))
    return func.array(gone.union(handing).scalar_subquery())


def _promotional() -> Select[Any]:
    return select(_mailing.c.id).where(
        _mailing.c.stream == literal_column("'promotional'"),
        _mailing.c.letter != literal_column(f"'{TEST}'"),
        _mailing.c.id != _OTHER,
    )


def read_facts(row: Any) -> SameFacts:
    """Read one row of `facts_select`."""
    return SameFacts(
        versions=dict(zip(row.persons, row.versions, strict=True)),
        tracking=row.tracking,
        younger_in_hand=bool(row.younger_in_hand),
        facts=facts_from(row),
    )


def facts_from(row: Any) -> Facts:
    """Read what a decision rests on from one row of `facts_select` or `counts_select`."""
    zone = getattr(row, "zone", "")
    facts = permission.facts_from(row, gone=row.gone, moved=bool(row.moved), zone=zone)
    if row.last_promotional is None and not row.older_in_hand:
        return facts
    return replace(
        facts, last_promotional=row.last_promotional, older_in_hand=bool(row.older_in_hand)
    )


@lru_cache(maxsize=2)
def gate_select(*, zoned: bool) -> Select[Any]:
    """The gate: one statement that returns nothing unless the batch is in hand under this token.

    Binds batch_id, token and `asked_about`. Every row also tells the mailing's state and use-by.
    """
    held = (
        select(
            _roster.c.persons,
            _roster.c.addresses,
            _mailing.c.state.label("mailing_state"),
            _mailing.c.use_by,
        )
        .select_from(
            _batch.join(_roster, _roster.c.batch_id == _batch.c.id).join(
                _mailing, _mailing.c.id == _batch.c.mailing_id
            )
        )
        .where(
            _batch.c.id == bindparam("batch_id", type_=BigInteger),
            _batch.c.state == "handing",
            _batch.c.token == bindparam("token"),
        )
        .cte("held")
    )
    who = select(
        func.unnest(held.c.persons).label("person_id"),
        func.unnest(held.c.addresses).label("address_id"),
    ).cte("who")
    facts = facts_select(who, zoned=zoned).subquery("facts")
    return select(facts, held.c.mailing_state, held.c.use_by).select_from(facts.join(held, true()))
