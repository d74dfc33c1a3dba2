"""The facts of a batch in one statement: people's, permission's and our own, joined by person."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    FromClause,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import SQLModel

from mailer import people, permission
from mailer.delivery import _tables  # noqa: F401 - registers the tables
from mailer.delivery.mailings import TEST
from mailer.permission import Facts
from mailer.vocabulary import PersonId

_batch = SQLModel.metadata.tables["delivery_batch"]
_roster = SQLModel.metadata.tables["delivery_roster"]
_place = SQLModel.metadata.tables["delivery_place"]
_mailing = SQLModel.metadata.tables["delivery_mailing"]


@dataclass(frozen=True, slots=True)
class SameFacts:
    """Some people of a batch of whom one statement told the same, so that one decision is theirs."""

    versions: Mapping[PersonId, int]
    """Each of them, and the version of what letters print about them."""
    tracking: bool
    younger_in_hand: bool
    facts: Facts


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
    """Select the facts of everybody in `who` for the mailing bound as `mailing_id`.

    One row for all of whom the same is known, with their numbers and versions in two arrays: most
    of a batch differ in nothing that a decision asks for. Their zones are such a thing for a
    mailing with quiet hours only: `zoned`.
    """
    reach = people.reach_of(who).subquery("reach")
    stand = permission.facts_of(who).subquery("stand")
    often = _mailbox_history(stand)
    known = [
        *(stand.c[name] for name in _KNOWN),
        reach.c.gone,
        (reach.c.current_address_id != reach.c.address_id).label("moved"),
        often.c.last_promotional,
        often.c.older_in_hand,
        often.c.younger_in_hand,
    ]
    zone = reach.c.zone if zoned else literal_column("''").label("zone")
    whole = stand.join(reach, reach.c.person_id == stand.c.person_id).outerjoin(
        often, literal_column("true")
    )
    return (
        select(
            func.array_agg(reach.c.person_id).label("persons"),
            func.array_agg(reach.c.version).label("versions"),
            *known,
            zone,
        )
        .select_from(whole)
        .group_by(*known, *([zone] if zoned else ()))
    )


_KNOWN = (
    "topics_on", "topics_answered", "paused_until", "frequency", "confirmed", "gpc_since",
    "tracking", "nos",
)  # fmt: skip


def _mailbox_history(stand: FromClause) -> FromClause:
    """What other promotional mailings have for this mailbox; looked up only where a limit asks."""
    other = bindparam("mailing_id", type_=BigInteger)
    handing = _batch.c.state == "handing"
    gone = _batch.c.state.in_(("settled", "unknown"))
    return (
        select(
            func.max(_batch.c.handing_at).filter(gone).label("last_promotional"),
            func.bool_or(handing & (_place.c.mailing_id < other)).label("older_in_hand"),
            func.bool_or(handing & (_place.c.mailing_id > other)).label("younger_in_hand"),
        )
        .select_from(
            _place.join(_batch, _batch.c.root_id == _place.c.root_id)
            .join(_roster, _roster.c.batch_id == _batch.c.id)
            .join(_mailing, _mailing.c.id == _place.c.mailing_id)
        )
        .where(
            stand.c.frequency != "as_it_comes",
            _place.c.address_id == stand.c.address_id,
            _place.c.mailing_id != other,
            _mailing.c.stream == "promotional",
            _mailing.c.letter != TEST,
            _place.c.person_id == func.any(_roster.c.persons),
        )
        .lateral("often")
    )


def read_facts(row: Any) -> SameFacts:
    """Read one row of `facts_select`."""
    facts = permission.facts_from(row, gone=row.gone, moved=bool(row.moved), zone=row.zone)
    if row.last_promotional is not None or row.older_in_hand:
        facts = replace(
            facts, last_promotional=row.last_promotional, older_in_hand=bool(row.older_in_hand)
        )
    return SameFacts(
        versions=dict(zip(row.persons, row.versions, strict=True)),
        tracking=row.tracking,
        younger_in_hand=bool(row.younger_in_hand),
        facts=facts,
    )


@lru_cache(maxsize=2)
def gate_select(*, zoned: bool) -> Select[Any]:
    """The gate: one statement that returns nothing unless the batch is in hand under this token.

    Binds batch_id, token and mailing_id. Every row also tells the mailing's state and use-by.
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
