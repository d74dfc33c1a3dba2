"""The facts of a batch in one statement: people's, permission's and our own, each read as a set.

They are put together by person where they are read (`same_facts.py`), which leaves no plan of a
join to go wrong.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, assert_never

from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    CompoundSelect,
    DateTime,
    Executable,
    FromClause,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    null,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel

from mailer import people, permission
from mailer.database import looked_up
from mailer.delivery import _tables  # noqa: F401 - registers the tables
from mailer.delivery.mailings import TEST, Mailing
from mailer.delivery.same_facts import Part, SameFacts, read_facts, with_history
from mailer.permission import Cap, Facts
from mailer.vocabulary import AddressId, Frequency, MailingId, PersonId, Stream

_batch = SQLModel.metadata.tables["delivery_batch"]
_roster = SQLModel.metadata.tables["delivery_roster"]
_place = SQLModel.metadata.tables["delivery_place"]
_mailing = SQLModel.metadata.tables["delivery_mailing"]
_FEWEST = bindparam("fewest", type_=BigInteger)
_OTHER = bindparam("mailing_id", type_=BigInteger)
_NUMBERS = ARRAY(BigInteger)
_SINCES = {each: bindparam(f"since_{each}", type_=DateTime(timezone=True)) for each in Frequency}
_MOMENT = DateTime(timezone=True)
_MOMENTS = ARRAY(_MOMENT)
_TOLD: Mapping[str, TypeEngine[Any]] = {
    "persons": _NUMBERS, "addresses": _NUMBERS, "versions": ARRAY(Integer()), "gone": Boolean(),
    "zone": Text(), "topics_on": Integer(), "topics_answered": Integer(), "paused_until": _MOMENT,
    "frequency": Text(), "confirmed": Boolean(), "gpc_since": _MOMENT, "tracking": Boolean(),
    "nos": JSONB(), "hand_overs": _MOMENTS, "older_in_hand": BigInteger(),
    "younger_in_hand": BigInteger(), "mailing_state": Text(), "use_by": _MOMENT,
}  # fmt: skip
"""What the parts of a statement of facts tell, each some of it."""


def asked_about(mailing_id: MailingId, now: datetime, cap: Cap) -> dict[str, Any]:
    """Return what every statement of facts binds beside the people: whose mailing, when, the cap."""
    sinces = {
        f"since_{each}": now - max(timedelta(days=each.days), cap.period) for each in Frequency
    }
    return {"mailing_id": mailing_id, "fewest": cap.fewest, **sinces}


class Limits(StrEnum):
    """Of whom it is asked what their mailbox got lately."""

    NOBODYS = "nobody's"
    """Order updates and tests ask for no rhythm."""
    OWN = "own"
    """Those who set themselves a frequency."""
    EVERYBODYS = "everybody's"
    """The company has a cap."""

    @classmethod
    def asked_for(cls, stream: Stream, cap: Cap) -> "Limits":
        """Return whose limits mail of a stream asks for."""
        if stream is Stream.ORDER_UPDATE:
            return cls.NOBODYS
        return cls.EVERYBODYS if cap else cls.OWN


def limits_of(mailing: Mailing, cap: Cap) -> Limits:
    """Say of whom a mailing asks what their mailbox got lately."""
    return Limits.asked_for(mailing.stream, cap) if mailing.has_rhythm else Limits.NOBODYS


_ONE_PLAN = text("SELECT set_config('plan_cache_mode', 'force_generic_plan', true)")
"""To plan the statement costs a fifth of running it, and its look-ups leave nothing to choose."""


def ask(session: Session, statement: Executable, given: Mapping[str, Any]) -> Sequence[Any]:
    """Run a statement of facts by the plan that was made once; return its rows."""
    session.execute(_ONE_PLAN)
    return session.execute(statement, given).all()


def facts_of(
    session: Session,
    people: Mapping[PersonId, AddressId],
    mailing_id: MailingId,
    *,
    zoned: bool,
    limits: Limits,
    cap: Cap,
    now: datetime,
) -> list[SameFacts]:
    """Return everybody's facts at the address that a mailing has of them.

    Their zones are asked for a mailing with quiet hours only, `zoned`; and what their mailbox got
    lately only for `limits`.
    """
    given = {"persons": list(people), "addresses": list(people.values())}
    bound = given | asked_about(mailing_id, now, cap)
    return read_facts(ask(session, _facts_select(zoned=zoned, limits=limits), bound), people)


@lru_cache(maxsize=6)  # a statement is made once: making it costs as much as running it
def _facts_select(*, zoned: bool, limits: Limits) -> CompoundSelect[Any]:
    """The facts of the people in the bound arrays `persons` and `addresses`."""
    arrays = (bindparam(name, type_=_NUMBERS).label(name) for name in ("persons", "addresses"))
    return union_all(*_parts(select(*arrays).cte("given"), zoned=zoned, limits=limits))


def _parts(roster: CTE, *, zoned: bool, limits: Limits) -> list[Select[Any]]:
    """Select every fact of a roster of one row (persons, addresses), with `asked_about` bound.

    Each table is read once by its index, in the order of that, for all of an array at once: less
    than half of looking each person up. No plan can make more of it than a walk through each table.
    """
    persons, addresses = (_array_of(roster.c[name]) for name in ("persons", "addresses"))
    parts = {
        Part.REACH: people.reach_of(persons, zoned=zoned),
        Part.WISHES: permission.standings_of(persons),
        Part.NOS: permission.nos_against(persons, addresses),
    }
    if limits is not Limits.NOBODYS:
        parts[Part.HISTORY] = _histories(roster, persons, limits)
    return [_part(part, told) for part, told in parts.items()]


def _array_of(column: ColumnElement[Any]) -> ColumnElement[Any]:
    # The cast tells PostgreSQL that an array is meant and not a list of rows.
    return cast(select(column).scalar_subquery(), _NUMBERS)


def _part(part: Part, told: Select[Any]) -> Select[Any]:
    """Give what one part tells the columns of all of them."""
    own = told.subquery(part)
    return select(
        literal_column(f"'{part}'").label("part"),
        *(
            own.c[name].label(name) if name in own.c else cast(null(), kind).label(name)
            for name, kind in _TOLD.items()
        ),
    )


def _histories(roster: CTE, persons: ColumnElement[Any], limits: Limits) -> Select[Any]:
    """What the mailboxes of those with a limit got lately, a row for all who got the same."""
    if limits is Limits.OWN:
        own = permission.own_rhythms(persons).subquery("own")
        place = func.array_position(roster.c.persons, own.c.person_id, type_=Integer)
        address = roster.c.addresses[place].label("address_id")
        limited = select(own.c.person_id, own.c.frequency, address).select_from(
            own.join(roster, true())
        )
    else:
        who = select(
            func.unnest(roster.c.persons).label("person_id"),
            func.unnest(roster.c.addresses).label("address_id"),
        ).cte("who")
        limited = permission.rhythms_of(who)
    often = _mailbox_history(limited.cte("limited"), limits)
    known = (often.c.hand_overs, often.c.older_in_hand, often.c.younger_in_hand)
    return select(func.array_agg(often.c.person_id).label("persons"), *known).group_by(*known)


def counts_select(who: CTE, *, zoned: bool, limits: Limits, in_sets: bool = False) -> Select[Any]:
    """Count by facts the people in `who`: living customers, who may be all, at their addresses.

    What `facts_of` tells for the same mailing, `people` of each kind; it names nobody. Of a
    digest they are counted by their `bits` too: `in_sets`.
    """
    stand = permission.facts_of_many(who).cte("stand")
    often = _mailbox_history(stand, limits)
    known = _known(stand, often)
    whole: FromClause = stand.outerjoin(often, often.c.person_id == stand.c.person_id)
    if zoned:
        zones = people.zones_of().subquery("zones")
        known.append(zones.c.timezone.label("zone"))
        whole = whole.join(zones, zones.c.person_id == stand.c.person_id)
    if in_sets:
        known.append(who.c.bits)
        whole = whole.join(who, who.c.person_id == stand.c.person_id)
    here = (false().label("gone"), false().label("moved"))
    counted = select(func.count().label("people"), *here, *known)
    return counted.select_from(whole).group_by(*known)


def _known(stand: FromClause, often: FromClause) -> list[ColumnElement[Any]]:
    """What a decision asks of wishes, objections and earlier mail."""
    return [
        *(stand.c[name] for name in _KNOWN),
        often.c.hand_overs,
        often.c.older_in_hand,
        often.c.younger_in_hand,
    ]


_KNOWN = (
    "topics_on", "topics_answered", "paused_until", "frequency", "confirmed", "gpc_since",
    "tracking", "nos",
)  # fmt: skip


def _mailbox_history(stand: FromClause, limits: Limits) -> FromClause:
    """What other promotional mailings have for the mailboxes of those with a limit, by person.

    A place names the batch that holds its person, so that no roster is read. Only those mailings
    are asked for that handed anything over as far back as the person's limits reach: a mailbox may
    have places of many years. Who had too few for any limit has no row, as most have.
    """
    sinces = {each: _SINCES[each] for each in _limited(limits)}
    if not sinces:
        return _nothing()
    lately = {each.value: _since(since) for each, since in sinces.items()}
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
    own = case({each.value: since for each, since in sinces.items()}, value=stand.c.frequency)
    handing = batch.c.state == "handing"
    gone = batch.c.state.in_(("settled", "unknown")) & (batch.c.handing_at > own)
    moments = func.array_agg(
        aggregate_order_by(batch.c.handing_at, batch.c.handing_at.desc()), type_=_MOMENTS
    )
    fewest = case((stand.c.frequency == "as_it_comes", _FEWEST), else_=1)
    return (
        select(
            stand.c.person_id,
            moments.filter(gone).label("hand_overs"),
            func.count().filter(handing & (place.c.mailing_id < _OTHER)).label("older_in_hand"),
            func.count().filter(handing & (place.c.mailing_id > _OTHER)).label("younger_in_hand"),
        )
        .select_from(stand.join(place, true()).join(batch, true()))
        .where(stand.c.frequency.in_([each.value for each in sinces]), handing | gone)
        .group_by(stand.c.person_id, stand.c.frequency)
        .having(func.count() >= fewest)
        .subquery("often")
    )


def _limited(limits: Limits) -> list[Frequency]:
    match limits:
        case Limits.NOBODYS:
            return []
        case Limits.OWN:
            return [each for each in Frequency if each.days]
        case Limits.EVERYBODYS:
            return list(Frequency)
        case _:
            assert_never(limits)


def _nothing() -> FromClause:
    """What is known of a mailbox where nobody asks."""
    return (
        select(
            literal(0, BigInteger).label("person_id"),
            cast(null(), _MOMENTS).label("hand_overs"),
            literal(0, BigInteger).label("older_in_hand"),
            literal(0, BigInteger).label("younger_in_hand"),
        )
        .where(false())
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


def facts_from(row: Any) -> Facts:
    """Read what a decision rests on from one row of `counts_select`."""
    zone = getattr(row, "zone", "")
    facts = permission.facts_from(row, gone=row.gone, moved=row.moved, zone=zone)
    return facts if row.older_in_hand is None else with_history(facts, row)


@lru_cache(maxsize=6)
def gate_select(*, zoned: bool, limits: Limits) -> CompoundSelect[Any]:
    """The gate: one statement that tells of nobody unless the batch is in hand under this token.

    Binds batch_id, token and `asked_about`. The row of part `batch` tells who is in it, and the
    mailing's state and use-by; without it, it is not in hand.
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
    batch = _part(Part.BATCH, select(held))
    return union_all(batch, *_parts(held, zoned=zoned, limits=limits))
