"""Looking ahead at a schedule: who is due when, by zone, and where clocks change on that day."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice, pairwise
from typing import Any

from sqlalchemy import Select
from sqlmodel import Session

from mailer import delivery
from mailer.campaigns._rows import CampaignError
from mailer.campaigns._splitting import PartMoments
from mailer.campaigns.audience import audience_select
from mailer.campaigns.desk import campaign_of
from mailer.campaigns.gathering import gather
from mailer.campaigns.plans import Plan
from mailer.campaigns.splits import Cut, Split
from mailer.campaigns.timetable import first_to_come
from mailer.campaigns.values import Campaign, CampaignId
from mailer.delivery import HELD_OUT, WHOLE
from mailer.zones import ClockChange, change_on, is_zone, zone_of

OCCURRENCES = 12
"""How many occurrences of a repetition are told ahead."""
UNDIVIDED = Split.model_construct()
"""Of a campaign that tries nothing all are one part."""


class NotScheduled(CampaignError):
    """This campaign has no schedule to look at; send a plan."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


@dataclass(frozen=True, slots=True)
class ZoneAhead:
    """The people of one zone: when they are due, by the world's clock and by their own."""

    zone: str
    people: int
    at: datetime
    local: datetime
    """The same moment as their clocks show it, with the offset of that day."""
    last: datetime
    """When the last of them are due: of a split test, who waits for a variant's hour or the choice."""
    change: ClockChange | None
    """The clock change of that day there, if there is one."""
    is_late: bool
    """The deadline will have passed for some of them by then: they are refused."""
    late: int
    """How many, about: who is drawn for what is not known yet."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """How a schedule would go, as things stand: the audience and its zones may change before."""

    begins: datetime
    """When the audience is cut, or was."""
    first: datetime | None
    last: datetime | None
    audience: int
    without_zone: int
    """People of whom no zone is known; the plan's zone counts for them, and they are in its number."""
    late: int
    zones: tuple[ZoneAhead, ...]
    """By moment, the first ones first."""
    occurrences: tuple[datetime, ...]
    """When the next ones of a repetition begin, this one first."""
    choice: datetime | None = None
    """When the winner of a split test is chosen, for whom a remainder waits; None without one."""
    home: str = "UTC"
    """The plan's own zone, which counts for people of whom none is known."""
    occurrence: int = 1
    """Of a repetition, which one begins first, counted from 1: earlier ones are past."""


def foresee(
    session: Session, campaign_id: CampaignId, *, plan: Plan | None = None, now: datetime
) -> Foresight:
    """Tell when whom a campaign would reach by a plan, or reaches by its own; nothing is written.

    Raises CampaignNotFound, NotScheduled where there is no plan, MomentPassed for a plan that is
    given too late.
    """
    campaign = campaign_of(session, campaign_id)
    wanted = plan or campaign.plan
    if wanted is None:
        raise NotScheduled
    number = first_to_come(plan, now) if plan else campaign.occurrence or 1
    one = wanted.once(number)
    begun = None if plan else campaign.started_at
    begins = begun or max(one.begins(now), now)
    audience = _whom(session, campaign, begun, now)
    counts = delivery.count_by_zone(session, audience)
    repeats = wanted.repeat is not None or campaign.occurrence is not None
    people = _by_zone(one, counts)
    moments = PartMoments(one, begins, [*map(zone_of, people)], repeats=repeats)
    split = campaign.split or UNDIVIDED
    chosen = _chosen_at(campaign) if begun else None
    chosen = chosen or moments.latest_choice(split)
    ahead = [_zone(one, name, number, moments, split, chosen) for name, number in people.items()]
    zones = tuple(sorted(ahead, key=lambda each: (each.at, each.zone)))
    return Foresight(
        begins=begins,
        first=zones[0].at if zones else None,
        last=max((each.last for each in zones), default=None),
        audience=sum(counts.values()),
        without_zone=sum(people for zone, people in counts.items() if not is_zone(zone)),
        late=sum(each.late for each in zones),
        zones=zones,
        occurrences=_occurrences(wanted, number, begins),
        choice=campaign.choose_at if begun else chosen if split.sample and zones else None,
        home=one.home.key,
        occurrence=number,
    )


def _whom(
    session: Session, campaign: Campaign, begun: datetime | None, now: datetime
) -> Select[Any]:
    """Select whom a campaign reaches, or reached for: of a digest, who is told of something."""
    audience = audience_select(campaign.audience, now=begun or now)
    if campaign.digest is None:
        return audience
    if begun is not None and campaign.mailing_id is not None:
        return delivery.people_of(campaign.mailing_id)
    return gather(session, campaign, brand=None, now=now).of(audience)


def _chosen_at(campaign: Campaign) -> datetime | None:
    return campaign.choice.at if campaign.choice else campaign.choose_at


def _by_zone(plan: Plan, counts: dict[str, int]) -> dict[str, int]:
    people: dict[str, int] = {}
    for name, number in counts.items():
        zone = zone_of(name, plan.home.key).key
        people[zone] = people.get(zone, 0) + number
    return people


def _zone(
    plan: Plan, name: str, people: int, moments: PartMoments, split: Split, chosen: datetime
) -> ZoneAhead:
    zone = zone_of(name)
    parts = [
        (each.until - before.until, moments.leaves(zone, each, split, chosen))
        for before, each in pairwise([Cut(until=0, variant=0), *split.cuts()])
        if each.variant != HELD_OUT
    ]
    at = min(due for _, due in parts)
    late = [share for share, due in parts if plan.deadline is not None and plan.deadline < due]
    local = at.astimezone(zone)
    return ZoneAhead(
        zone=name,
        people=people,
        at=at,
        local=local,
        last=max(due for _, due in parts),
        change=change_on(local.date(), zone),
        is_late=bool(late),
        late=round(people * sum(late) / WHOLE),
    )


def _occurrences(plan: Plan, number: int, begins: datetime) -> tuple[datetime, ...]:
    return (begins, *islice(plan.beginnings(number), OCCURRENCES - 1)) if plan.repeat else ()
