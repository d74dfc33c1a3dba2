"""What is known of a mailing's people, counted in sets by the rooms that know it: raw figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from operator import add
from typing import Any, assert_never

from sqlalchemy import (
    Float,
    FromClause,
    Select,
    Subquery,
    cast,
    extract,
    func,
    select,
    text,
)
from sqlmodel import Session

from mailer import delivery, measure, orders, people, permission
from mailer.campaigns.choosing import Tried
from mailer.campaigns.splits import Measure, Split
from mailer.delivery import Mailing
from mailer.measure import QUARTER, Origin, Reactions
from mailer.orders import Turnover
from mailer.vault import Vault
from mailer.vocabulary import MailingId

Group = tuple[str, str]
"""A part of the split, empty without one, and a recipient domain."""
PART, DOMAIN = 0, 1
GATHERED = "campaigns_gathered"
"""The table of a report's people, while it is made."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How many people of one group the mail was handed over for, and what came of it."""

    handed_over: int
    measurable: int
    delivered: int
    bounced: int
    complained: int
    opted_out: int


NOBODY = Reached(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of the parts of a split test: each variant, and who waited for the choice."""

    reached: Mapping[str, Reached]
    """By part: the number of a variant as text, or delivery.REST."""
    opened: Counter[tuple[str, Origin]]
    clicked: Counter[tuple[str, Origin]]
    buyers: Mapping[str, int]
    turnover: Mapping[str, Sequence[Turnover]]


@dataclass(frozen=True, slots=True)
class Ordered:
    """What some people ordered within a span of time, whatever made them."""

    people: int
    buyers: int
    turnover: Sequence[Turnover]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a campaign brought: who was mailed beside who was held out, in the same span."""

    mailed: Ordered
    held_out: Ordered
    since: datetime
    before: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything that a report is made of, before anything is withheld: nothing to be shown."""

    groups: Mapping[str, Reached]
    """By recipient domain; a known provider's name, or people.OTHER_DOMAINS."""
    reactions: Reactions
    targets: Sequence[str]
    handed_over_at: Mapping[datetime, int]
    opted_out_at: Mapping[datetime, int]
    turnover: Sequence[Turnover]
    trial: Trial
    effect: Effect | None = None


def effect_of(
    session: Session, mailing_id: MailingId, *, since: datetime, last: datetime
) -> Effect:
    """Add up what the mailed and the held-out ordered from the start to a week after the last mail.

    Both in the same span, so that a season is in both; the held-out are those who would have been
    mailed.
    """
    before = last + orders.COUNTS_FOR

    def ordered(persons: Select[Any]) -> Ordered:
        count = session.execute(select(func.count()).select_from(persons.subquery()))
        buyers, turnover = orders.orders_within(
            session, people.with_survivors(persons), since=since, before=before
        )
        return Ordered(int(count.scalar_one()), buyers, turnover)

    handed = delivery.handed_over_of(mailing_id).subquery("handed")
    mailed = ordered(select(handed.c.person_id))
    return Effect(mailed, ordered(delivery.held_out_of(mailing_id)), since, before)


def count_mailing(session: Session, vault: Vault, mailing_id: MailingId) -> Counts:
    """Count everything about a mailing's people, in a handful of statements over all of them.

    They are gathered once, in a temporary table that is gone before the answer: to find who was
    handed a mail anew in each statement took most of the time. What grows with people
    stays in the database.
    """
    mailing = delivery.mailing_of(session, mailing_id)
    who = _gathered(session, vault, mailing)
    reached = _reached(session, who, mailing_id)
    reactions = measure.reactions_of(session, mailing_id, people=_looked_at(who))
    opted_out_at = _opted_out_at(session, who, mailing_id)
    session.execute(text(f"DROP TABLE {GATHERED}"))
    by_domain = replace(
        reactions,
        opened=_by(DOMAIN, reactions.opened),
        clicked=_by(DOMAIN, reactions.clicked),
    )
    counts = Counts(
        groups=_added(DOMAIN, reached),
        reactions=by_domain,
        targets=mailing.targets,
        handed_over_at=delivery.handed_over_when(session, mailing_id),
        opted_out_at=opted_out_at,
        turnover=orders.orders_after(session, _as_survivors(reactions.clicks)),
        trial=_trial(session, reached, reactions),
    )
    measure.forget_clicks(session)
    return counts


def tried_of(session: Session, vault: Vault, mailing_id: MailingId, split: Split) -> list[Tried]:
    """Count how each variant of a split test fared by its measure, of all who were handed the mail.

    Of what is bad, who did not do it counts as a success.
    """
    trial = count_mailing(session, vault, mailing_id).trial
    return [tried_in(trial, number, split.measure) for number in range(1, len(split.variants) + 1)]


def tried_in(trial: Trial, variant: int, by: Measure) -> Tried:
    """Return how a variant fared by a measure."""
    part = str(variant)
    reached = trial.reached.get(part, NOBODY)
    match by:
        case Measure.CLICKS:
            did = trial.clicked[part, Origin.PERSON]
        case Measure.OPENS:
            did = trial.opened[part, Origin.PERSON]
        case Measure.ORDERS:
            did = trial.buyers.get(part, 0)
        case Measure.OPT_OUTS:
            did = reached.handed_over - reached.opted_out
        case _:
            assert_never(by)
    return Tried(variant, reached.handed_over, did)


def _trial(session: Session, reached: Mapping[Group, Reached], reactions: Reactions) -> Trial:
    clicks = _as_survivors(reactions.clicks)
    clicked = _by(PART, reactions.clicked)
    parts = {
        part: select(clicks).where(clicks.c.part == part).subquery("click")
        for part, origin in sorted(clicked)
        if part and origin is Origin.PERSON
    }
    return Trial(
        reached=_added(PART, reached),
        opened=_by(PART, reactions.opened),
        clicked=clicked,
        buyers={part: orders.buyers_after(session, each) for part, each in parts.items()},
        turnover={part: orders.orders_after(session, each) for part, each in parts.items()},
    )


def _named(group: str) -> Group:
    """Take apart the name of a group of people: their part of the split, and their domain."""
    part, _, domain = group.partition("/")
    return part, domain


def _by(which: int, people: Counter[tuple[str, Origin]]) -> Counter[tuple[str, Origin]]:
    """Add up people by one of what their groups are named after."""
    added: Counter[tuple[str, Origin]] = Counter()
    for (group, origin), count in people.items():
        added[_named(group)[which], origin] += count
    return added


def _added(which: int, reached: Mapping[Group, Reached]) -> dict[str, Reached]:
    added: dict[str, Reached] = {}
    for group, more in reached.items():
        before = astuple(added.get(group[which], NOBODY))
        added[group[which]] = Reached(*map(add, before, astuple(more)))
    return added


def _gathered(session: Session, vault: Vault, mailing: Mailing) -> FromClause:
    """Gather who was handed a mailing, with their part, domain and whether they are measured."""
    handed = delivery.handed_over_of(mailing.id).subquery("handed")
    mailboxes = people.mailboxes_of(vault).subquery("mailboxes")
    measurable = permission.measurable().subquery("measurable")
    whole = (
        select(
            handed.c.person_id,
            handed.c.part,
            mailboxes.c.domain,
            measurable.c.person_id.is_not(None).label("measurable"),
        )
        .join(mailboxes, mailboxes.c.address_id == handed.c.address_id)
        .outerjoin(measurable, measurable.c.person_id == handed.c.person_id)
    )
    gathered = whole.into(GATHERED, temporary=True)
    session.execute(gathered)
    session.execute(text(f"ANALYZE {GATHERED}"))
    return gathered.table


def _as_survivors(clicks: FromClause) -> Subquery:
    """Select whose each click is today, its part, and when: a merged customer's is the survivor's."""
    merged = people.merged_customers().subquery("merged")
    whose = select(
        func.coalesce(merged.c.survivor, clicks.c.person_id).label("person_id"),
        func.split_part(clicks.c.group, "/", PART + 1).label("part"),
        clicks.c.at,
    )
    merged_or_not = clicks.outerjoin(merged, merged.c.person_id == clicks.c.person_id)
    return whose.select_from(merged_or_not).subquery("whose")


def _looked_at(who: FromClause) -> Select[Any]:
    """Select whose clicks and opens are counted: handed over, and not switched off (C17)."""
    group = func.concat(who.c.part, "/", who.c.domain).label("group")
    return select(who.c.person_id, group).where(who.c.measurable)


def _reached(session: Session, who: FromClause, mailing_id: MailingId) -> dict[Group, Reached]:
    """Count by part and domain whom the mail reached."""
    heard = delivery.heard_of(mailing_id).subquery("heard")
    opted_out = permission.opt_outs_by(mailing_id).subquery("opted_out")
    counts = (
        func.count(),
        func.count().filter(who.c.measurable),
        *(func.count().filter(heard.c[name]) for name in ("delivered", "bounced", "complained")),
        func.count(opted_out.c.person_id),
    )
    whole = who
    for more in (heard, opted_out):
        whole = whole.outerjoin(more, more.c.person_id == who.c.person_id)
    rows = session.execute(
        select(who.c.part, who.c.domain, *counts)
        .select_from(whole)
        .group_by(who.c.part, who.c.domain)
    )
    return {(part, domain): Reached(*counted) for part, domain, *counted in rows}


def _opted_out_at(session: Session, who: FromClause, mailing_id: MailingId) -> dict[datetime, int]:
    """Count the opt-outs of people who were handed the mail, by quarter of an hour."""
    opted_out = permission.opt_outs_by(mailing_id).subquery("opted_out")
    quarter = func.floor(cast(extract("epoch", opted_out.c.at), Float) / QUARTER)
    rows = session.execute(
        select(quarter, func.count())
        .join(who, who.c.person_id == opted_out.c.person_id)
        .group_by(quarter)
    )
    return {datetime.fromtimestamp(each * QUARTER, UTC): count for each, count in rows}
