"""From a rule to one SELECT, built from those that each room offers at its door; all is bound.

What another room knows is joined from the left, one row a person, and asked for with IS NOT NULL:
PostgreSQL makes a plain join of it under `all`, an anti-join under `not`, and hashes it under
`any`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    FromClause,
    LargeBinary,
    Select,
    Text,
    and_,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from mailer import delivery, measure, orders, people, permission
from mailer.campaigns._tables import CampaignRow, ListMemberRow
from mailer.campaigns.audience.rules import (
    UNKNOWN,
    All,
    AnyOf,
    Audience,
    CameFrom,
    CustomerSince,
    Engaged,
    Everybody,
    HasAttribute,
    HasTag,
    HasTopic,
    InZone,
    LivesIn,
    Not,
    OnList,
    Ordered,
    Reads,
    Rule,
    Share,
    rules_in,
)

Condition = ColumnElement[bool]
Known = HasTopic | Ordered | Engaged | OnList
"""Rules about what another room, or a list, knows: each is a join."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The customers from one number to before another: an audience can be counted in parts."""

    first: int
    end: int


@dataclass(slots=True)
class _Builder:
    """One audience in the making: living customers, and what is joined to them."""

    who: FromClause
    now: datetime
    within: Numbers | None
    joined: FromClause = field(init=False)
    sides: dict[Rule | None, Condition] = field(default_factory=dict)
    """What was joined for each rule; None is who may be measured."""

    def __post_init__(self) -> None:
        self.joined = self.who

    def knows(self, rule: Known) -> Condition:
        """Join whom a rule means, and return that somebody is one of them."""
        if rule not in self.sides:
            self.sides[rule] = self._is_among(_persons(rule, self.now, self.within))
        return self.sides[rule]

    def may_measure(self) -> Condition:
        """Join who may be measured, and return that somebody is one of them."""
        if None not in self.sides:
            self.sides[None] = self._is_among(permission.measurable())
        return self.sides[None]

    def _is_among(self, persons: Select[Any]) -> Condition:
        """Join a SELECT of person_id, once each, and return that somebody is in it."""
        name = len(self.sides) + 1
        side = persons.subquery(f"side_{name}")
        if self.within is not None:
            number = side.c.person_id
            side = (
                select(number)
                .where(number >= self.within.first, number < self.within.end)
                .subquery(f"part_{name}")
            )
        self.joined = self.joined.outerjoin(side, side.c.person_id == self.who.c.person_id)
        return side.c.person_id.is_not(None)


def audience_select(
    audience: Audience,
    *,
    now: datetime,
    within: Numbers | None = None,
    said: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    """Select the audience (person_id, address_id), a person once, in the order of their numbers.

    `said` are columns of `people.said` that are wanted as well. `now` is what 'within n days'
    counts back from. Whoever may not be mailed belongs to it all the same: who they are and why
    they are refused is decided per person at the hand-over, and for the preview, by one function.
    """
    who = people.living(*said).subquery("living")
    builder = _Builder(who, now, within)
    condition = _condition(builder, audience.rule)
    wanted = [who.c.person_id, who.c.address_id, *(who.c[each.key or ""] for each in said)]
    chosen = select(*wanted).select_from(builder.joined).where(condition)
    if within is not None:
        chosen = chosen.where(who.c.person_id >= within.first, who.c.person_id < within.end)
    return chosen.order_by(who.c.person_id)


def joins_of(rule: Rule) -> int:
    """Count what is joined for a rule: by that a count of it grows dearer."""
    return len({each for each in rules_in(rule) if isinstance(each, Known)})


def _condition(builder: _Builder, rule: Rule) -> Condition:
    match rule:
        case Everybody():
            return true()
        case All():
            return and_(*(_condition(builder, each) for each in rule.of))
        case AnyOf():
            return or_(*(_condition(builder, each) for each in rule.of))
        case Not():
            return not_(_condition(builder, rule.of))
        case HasTopic() | Ordered() | Engaged() | OnList():
            known = builder.knows(rule)
            # What somebody did before they switched measuring off is not held against them (C17).
            return and_(known, builder.may_measure()) if isinstance(rule, Engaged) else known
        case _:
            return _told_by_profile(builder.who, rule, builder.now)


def _persons(rule: Known, now: datetime, within: Numbers | None) -> Select[Any]:
    """Select the people that another room, or a list, knows of; each once."""
    match rule:
        case HasTopic():
            return permission.topic_on(rule.on)
        case Ordered():
            return orders.buyers_of(_order_facts(rule, now))
        case Engaged():
            engaged = _engagement(rule, now)
            return _alive(lambda of: measure.engaged_people(replace(engaged, of=of)), within)
        case OnList():
            return _alive(lambda of: _members(rule, of), within)
        case _:
            assert_never(rule)


def _alive(
    persons: Callable[[people.OfWhom | None], Select[Any]], within: Numbers | None
) -> Select[Any]:
    """Select people by whoever they are now; of a part, no more than the part is read."""
    if within is None:
        return people.with_survivors(persons(None))
    return people.with_survivors_within(persons, within.first, within.end)


def _members(rule: OnList, of: people.OfWhom | None) -> Select[Any]:
    number = col(ListMemberRow.person_id)
    members: Select[Any] = select(number.label("person_id"))
    members = members.where(col(ListMemberRow.list_id) == rule.id)
    return members if of is None else members.where(of(number))


def _order_facts(rule: Ordered, now: datetime) -> orders.OrderFacts:
    worth = rule.worth_at_least
    return orders.OrderFacts(
        since=_from(rule, now),
        before=rule.before,
        sku=rule.product or "",
        at_least=rule.orders_at_least,
        worth=worth.amount if worth else 0,
        currency=worth.currency if worth else "",
    )


def _engagement(rule: Engaged, now: datetime) -> measure.Engagement:
    return measure.Engagement(
        clicks=rule.by != "open",
        opens=rule.by != "click",
        since=_from(rule, now),
        mailings=_mailings_of(rule.campaign) if rule.campaign is not None else None,
    )


def _mailings_of(campaign: int) -> Select[Any]:
    """Select what a campaign mailed: of one that repeats, what each of its times mailed."""
    is_of_it = or_(col(CampaignRow.id) == campaign, col(CampaignRow.series_id) == campaign)
    mailing = col(CampaignRow.mailing_id)
    return select(mailing).where(is_of_it, mailing.is_not(None))


def _from(rule: CustomerSince | Ordered | Engaged, now: datetime) -> datetime | None:
    if rule.within_days is not None:
        return now - timedelta(days=rule.within_days)
    return None if isinstance(rule, Engaged) else rule.since


Profiled = Reads | LivesIn | InZone | CustomerSince | CameFrom | HasAttribute | HasTag | Share


def _told_by_profile(who: FromClause, rule: Profiled, now: datetime) -> Condition:
    match rule:
        case Reads() | LivesIn() | InZone() | CameFrom():
            return _one_of(who, rule)
        case CustomerSince():
            return _since(who, rule, now)
        case HasAttribute() | HasTag():
            return _attributed(who, rule)
        case Share():
            return _drawn(who, rule)
        case _:
            assert_never(rule)


def _one_of(who: FromClause, rule: Reads | LivesIn | InZone | CameFrom) -> Condition:
    names = sorted(rule.any_of)
    if isinstance(rule, LivesIn | InZone):
        names = ["" if name == UNKNOWN else name for name in names]
    spoken: ColumnElement[str] = who.c[rule.kind]
    if isinstance(rule, Reads):
        return or_(spoken.in_(names), func.split_part(spoken, "-", 1).in_(names))
    return spoken.in_(names)


def _since(who: FromClause, rule: CustomerSince, now: datetime) -> Condition:
    bounds: list[Condition] = []
    since = _from(rule, now)
    if since is not None:
        bounds.append(who.c.created_at >= since)
    if rule.before is not None:
        bounds.append(who.c.created_at < rule.before)
    return and_(*bounds)


def _attributed(who: FromClause, rule: HasAttribute | HasTag) -> Condition:
    """Say what stands in the shop's own fields; none at all is an empty text, so that NOT holds."""
    if isinstance(rule, HasAttribute):
        value = func.coalesce(who.c.attributes[rule.name].astext, "")
        return value.in_(sorted(rule.any_of)) if rule.any_of else value != ""
    text = func.lower(func.coalesce(who.c.attributes["tags"].astext, ""))
    words = func.string_to_array(func.replace(text, ",", " "), " ", type_=ARRAY(Text))
    told: Condition = words.overlap(literal(sorted(rule.any_of), ARRAY(Text)))
    return told


def _drawn(who: FromClause, rule: Share) -> Condition:
    """Draw by the first bytes of a digest: the same in every version of every database."""
    digest = delivery.digest_of(rule.draw, who.c.person_id)
    mark = delivery.mark_at(round(rule.percent * 100))
    below: Condition = digest < literal(mark, LargeBinary)
    return below
