"""Looking ahead at a schedule: who is due when, by zone, and where clocks change on that day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Select
from sqlmodel import Session

from mailer import delivery
from mailer.campaigns._rows import CampaignError
from mailer.campaigns.audience import audience_select
from mailer.campaigns.desk import campaign_of
from mailer.campaigns.gathering import gather
from mailer.campaigns.plans import Plan
from mailer.campaigns.splits import Split
from mailer.campaigns.timetable import first_to_come
from mailer.campaigns.values import Campaign, CampaignId
from mailer.zones import ClockChange, change_on, is_zone, zone_of

OCCURRENCES = 12
"""How many occurrences of a repetition are told ahead."""


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
    change: ClockChange | None
    """The clock change of that day there, if there is one."""
    is_late: bool
    """The deadline will have passed by then: they are refused."""


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
    zones = _zones(one, counts, begins)
    return Foresight(
        begins=begins,
        first=zones[0].at if zones else None,
        last=zones[-1].at if zones else None,
        audience=sum(counts.values()),
        without_zone=sum(people for zone, people in counts.items() if not is_zone(zone)),
        late=sum(each.people for each in zones if each.is_late),
        zones=zones,
        occurrences=_occurrences(wanted, number, begins),
        choice=campaign.choose_at if begun else _choice(campaign.split, zones),
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


def _zones(plan: Plan, counts: dict[str, int], begins: datetime) -> tuple[ZoneAhead, ...]:
    people: dict[str, int] = {}
    for name, number in counts.items():
        zone = zone_of(name, plan.home.key).key
        people[zone] = people.get(zone, 0) + number
    ahead = [_zone(plan, name, number, begins) for name, number in people.items()]
    return tuple(sorted(ahead, key=lambda each: (each.at, each.zone)))


def _zone(plan: Plan, name: str, people: int, begins: datetime) -> ZoneAhead:
    zone = zone_of(name)
    at = plan.due_in(zone, begins)
    local = at.astimezone(zone)
    return ZoneAhead(
        zone=name,
        people=people,
        at=at,
        local=local,
        change=change_on(local.date(), zone),
        is_late=plan.deadline is not None and plan.deadline < at,
    )


def _choice(split: Split | None, zones: Sequence[ZoneAhead]) -> datetime | None:
    if split is None or split.sample is None or not zones:
        return None
    later = max(each.later for each in split.variants)
    return zones[-1].at + later + timedelta(minutes=split.sample.wait_minutes)


def _occurrences(plan: Plan, number: int, begins: datetime) -> tuple[datetime, ...]:
    return (begins, *islice(plan.beginnings(number), OCCURRENCES - 1)) if plan.repeat else ()
