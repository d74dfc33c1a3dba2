"""Reading where a person stands, and how it came about."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, case, func, literal, or_
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from mailer import people
from mailer.permission._tables import ConsentRow, StandingRow, SuppressionRow
from mailer.vocabulary import (
    AddressId,
    Door,
    Frequency,
    PersonId,
    Scope,
    SuppressionReason,
    Topic,
)


@dataclass(frozen=True, slots=True)
class TopicStanding:
    """One topic: on or off, since when, through which door, under which words."""

    on: bool
    answered: bool
    since: datetime | None = None
    door: Door | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's present wishes, as a page shows them."""

    person_id: PersonId
    version: int
    topics: Mapping[Topic, TopicStanding]
    stopped_since: datetime | None
    stopped_door: Door | None
    paused_until: datetime | None
    frequency: Frequency
    tracking: bool
    gpc_since: datetime | None

    @property
    def topics_on(self) -> frozenset[Topic]:
        """The topics that are switched on, whether or not all mail is stopped."""
        return frozenset(topic for topic, each in self.topics.items() if each.on)


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One line of the consent ledger: who wanted what, when, how, and under which words (C26)."""

    id: int
    person_id: PersonId
    at: datetime
    act: str
    topic: Topic | None
    value: str | None
    door: Door
    words: str
    policy_version: str
    version: int
    reference: str


@dataclass(frozen=True, slots=True)
class SuppressionRecord:
    """One suppression, standing or lifted."""

    id: int
    person_id: PersonId | None
    address_id: AddressId | None
    scope: Scope
    topic: Topic | None
    reason: SuppressionReason
    door: Door
    since: datetime
    until: datetime | None
    lifted_at: datetime | None


def standing_of(session: Session, person_id: PersonId) -> Standing | None:
    """Return a person's present wishes, or None where they were never admitted."""
    row = session.get(StandingRow, person_id, populate_existing=True)
    if row is None:
        return None
    nos = _nos_of(session, person_id)
    stop = next((no for no in nos if no.scope == Scope.PROMOTIONAL.value), None)
    off = {no.topic: no for no in reversed(nos) if no.scope == Scope.TOPIC.value}
    answers = _answers_of(session, person_id)
    return Standing(
        person_id=person_id,
        version=row.version,
        topics={
            topic: _topic_standing(row, topic, answers.get(topic), off.get(topic))
            for topic in Topic
        },
        stopped_since=stop.since if stop else None,
        stopped_door=Door(stop.door) if stop else None,
        paused_until=row.paused_until,
        frequency=Frequency(row.frequency),
        tracking=row.tracking,
        gpc_since=row.gpc_since,
    )


def _nos_of(session: Session, person_id: PersonId) -> list[SuppressionRow]:
    """Return what stands against promotional mail to a person or to their address, oldest first.

    Without bounces, which are about the mailbox, and without what ends by itself.
    """
    address_id = None
    with suppress(people.PersonGone):
        address_id = people.address_of(session, person_id)
    query = select(SuppressionRow).where(
        or_(
            col(SuppressionRow.person_id) == person_id, col(SuppressionRow.address_id) == address_id
        )
        if address_id is not None
        else col(SuppressionRow.person_id) == person_id,
        col(SuppressionRow.scope).in_((Scope.PROMOTIONAL.value, Scope.TOPIC.value)),
        SuppressionRow.reason != SuppressionReason.HARD_BOUNCE.value,
        col(SuppressionRow.until).is_(None),
        col(SuppressionRow.lifted_at).is_(None),
    )
    order = (col(SuppressionRow.since), col(SuppressionRow.id))
    return list(session.exec(query.order_by(*order)).all())


def _answers_of(session: Session, person_id: PersonId) -> dict[Topic, ConsentRow]:
    rows = session.exec(
        select(ConsentRow)
        .where(
            ConsentRow.person_id == person_id,
            col(ConsentRow.topic).is_not(None),
            col(ConsentRow.act).in_(("yes", "no")),
        )
        .order_by(col(ConsentRow.id))
    ).all()
    return {Topic(row.topic): row for row in rows if row.topic}


def _topic_standing(
    row: StandingRow, topic: Topic, answer: ConsentRow | None, no: SuppressionRow | None
) -> TopicStanding:
    """Tell one topic; a no that the person's own answers do not know of, by address, is off too."""
    known = answer is not None and answer.act == "no"
    if no is not None and not known:
        return TopicStanding(on=False, answered=True, since=no.since, door=Door(no.door))
    return TopicStanding(
        on=bool(row.topics_on & topic.bit) and no is None,
        answered=bool(row.topics_answered & topic.bit),
        since=answer.at if answer else None,
        door=Door(answer.door) if answer else None,
        words=answer.words if answer else "",
    )


def consents_of(
    session: Session, person_id: PersonId, *, after: int = 0, limit: int = 200
) -> list[ConsentRecord]:
    """Return a person's wishes, oldest first, from after a line's number on."""
    rows = session.exec(
        select(ConsentRow)
        .where(ConsentRow.person_id == person_id, col(ConsentRow.id) > after)
        .order_by(col(ConsentRow.id))
        .limit(limit)
    ).all()
    return [_consent_record(row) for row in rows]


def yes_before(
    session: Session, person_id: PersonId, topic: Topic, *, at: datetime
) -> TopicStanding:
    """Tell the yes to a topic that held at a moment: the last one that was said up to it.

    Without moment, door and words where this record knows of none, as after a merge.
    """
    row = session.exec(
        select(ConsentRow)
        .where(
            ConsentRow.person_id == person_id,
            ConsentRow.topic == topic.value,
            ConsentRow.act == "yes",
            col(ConsentRow.at) <= at,
        )
        .order_by(col(ConsentRow.id).desc())
        .limit(1)
    ).first()
    if row is None:
        return TopicStanding(on=True, answered=True)
    return TopicStanding(on=True, answered=True, since=row.at, door=Door(row.door), words=row.words)


def receipt_of(session: Session, person_id: PersonId, reference: str) -> list[ConsentRecord]:
    """Return what one acknowledgement wrote, for the receipt that reopens; empty if not theirs."""
    rows = session.exec(
        select(ConsentRow)
        .where(ConsentRow.person_id == person_id, ConsentRow.reference == reference)
        .order_by(col(ConsentRow.id))
    ).all()
    return [_consent_record(row) for row in rows]


def acknowledged_by(session: Session, reference: str) -> list[ConsentRecord]:
    """Return what was written under a reference, whoever's it is; empty for none, or a repeat."""
    rows = session.exec(
        select(ConsentRow).where(ConsentRow.reference == reference).order_by(col(ConsentRow.id))
    ).all()
    return [_consent_record(row) for row in rows]


def _consent_record(row: ConsentRow) -> ConsentRecord:
    return ConsentRecord(
        id=row.id or 0,
        person_id=PersonId(row.person_id),
        at=row.at,
        act=row.act,
        topic=Topic(row.topic) if row.topic else None,
        value=row.value,
        door=Door(row.door),
        words=row.words,
        policy_version=row.policy_version,
        version=row.version,
        reference=row.reference,
    )


def suppressions_page(
    session: Session,
    *,
    after: int = 0,
    limit: int = 100,
    address_ids: Sequence[AddressId] | None = None,
) -> list[SuppressionRecord]:
    """Return standing suppressions by number, from after one on; of given addresses only if named."""
    query = select(SuppressionRow).where(
        col(SuppressionRow.id) > after, col(SuppressionRow.lifted_at).is_(None)
    )
    if address_ids is not None:
        query = query.where(col(SuppressionRow.address_id).in_(address_ids))
    rows = session.exec(query.order_by(col(SuppressionRow.id)).limit(limit)).all()
    return [suppression_record(row) for row in rows]


def suppression_record(row: SuppressionRow) -> SuppressionRecord:
    """Read a row as the value that other rooms see."""
    return SuppressionRecord(
        id=row.id or 0,
        person_id=PersonId(row.person_id) if row.person_id is not None else None,
        address_id=AddressId(row.address_id) if row.address_id is not None else None,
        scope=Scope(row.scope),
        topic=Topic(row.topic) if row.topic else None,
        reason=SuppressionReason(row.reason),
        door=Door(row.door),
        since=row.since,
        until=row.until,
        lifted_at=row.lifted_at,
    )


def topic_on(topic: Topic) -> Select[Any]:
    """Select who has a topic on (person_id), whatever else stands in the way; for audiences."""
    has = col(StandingRow.topics_on).op("&")(topic.bit) != 0
    return sql_select(col(StandingRow.person_id)).where(has)


def topics_open(*, now: datetime) -> Select[Any]:
    """Select person_id and `topics`, the bits of those that are on and that nothing else of theirs
    stands against, before any decision.

    Mail about several topics leaves out those that would refuse the whole. What stands against
    the mailbox is in `topics_closed_at`.
    """
    nos = _nos_by(col(SuppressionRow.person_id), now).subquery("nos_of_persons")
    said = func.coalesce(nos.c.topics, 0)
    partners = Topic.PARTNER_OFFERS.bit
    objected = case((col(StandingRow.gpc_since).is_not(None), partners), else_=0)
    wanted = col(StandingRow.topics_on).op("&")(literal(-1) - said).op("&")(literal(-1) - objected)
    return sql_select(col(StandingRow.person_id), wanted.label("topics")).outerjoin(
        nos, nos.c.whose == col(StandingRow.person_id)
    )


def topics_closed_at(*, now: datetime) -> Select[Any]:
    """Select address_id and `topics`, the bits of those to which somebody said no at a mailbox."""
    nos = _nos_by(col(SuppressionRow.address_id), now).subquery("nos_of_mailboxes")
    return sql_select(nos.c.whose.label("address_id"), nos.c.topics)


def _nos_by(whose: Any, now: datetime) -> Select[Any]:
    """Put the topics together to which somebody's nos stand now, as bits."""
    bit = case({each.value: each.bit for each in Topic}, value=col(SuppressionRow.topic), else_=0)
    until = col(SuppressionRow.until)
    return (
        sql_select(whose.label("whose"), func.bit_or(bit, type_=Integer).label("topics"))
        .where(
            whose.is_not(None),
            col(SuppressionRow.scope) == Scope.TOPIC.value,
            col(SuppressionRow.lifted_at).is_(None),
            until.is_(None) | (until > now),
        )
        .group_by(whose)
    )
