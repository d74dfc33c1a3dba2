"""What became of a campaign, and what would: books, figures, a dry run of the sender's decision."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlmodel import Session

from mailer import delivery
from mailer.campaigns._splitting import draw_of
from mailer.campaigns.audience import Audience, audience_select
from mailer.campaigns.counting import count_mailing, effect_of
from mailer.campaigns.desk import campaign_of
from mailer.campaigns.figures import NO_BOOKS, Figures, figures_of
from mailer.campaigns.series import By, zone_named
from mailer.campaigns.values import Campaign, CampaignId, Preview
from mailer.delivery import Books
from mailer.permission import Curfew
from mailer.vault import Vault
from mailer.vocabulary import Reason, Stream, Topic

NOT_STARTED = Books(0, 0, {}, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign and its books, which always balance."""

    campaign: Campaign
    books: Books


def report_of(session: Session, campaign_id: CampaignId) -> Report:
    """Return what became of everybody in the audience. Raises CampaignNotFound."""
    campaign = campaign_of(session, campaign_id)
    if campaign.mailing_id is None:
        return Report(campaign, NOT_STARTED)
    return Report(campaign, delivery.books(session, campaign.mailing_id))


@dataclass(frozen=True, slots=True)
class FullReport:
    """A campaign's books, and what people did with it as far as that may be shown (C15)."""

    campaign: Campaign
    books: Books
    figures: Figures | None
    """None before the campaign has started."""
    zone: str
    as_at: datetime


def full_report_of(
    session: Session,
    vault: Vault,
    campaign_id: CampaignId,
    *,
    by: By = By.DAY,
    zone: str = "UTC",
    now: datetime,
) -> FullReport:
    """Return the books of a campaign and all its figures, over time by the clock of a zone.

    What each figure means: docs/reports.md. Looks at everybody in the audience, so that it takes
    seconds for a million. Raises CampaignNotFound, ZoneUnknown.
    """
    clock = zone_named(zone)
    report = report_of(session, campaign_id)
    mailing_id, figures = report.campaign.mailing_id, None
    if mailing_id is not None:
        split, started = report.campaign.split, report.campaign.started_at or now
        counts = count_mailing(session, vault, mailing_id)
        if split is not None and split.holdout_percent:
            last = max(counts.handed_over_at, default=started)
            effect = effect_of(session, mailing_id, since=started, last=last)
            counts = replace(counts, effect=effect)
        parts = delivery.books_by_part(session, mailing_id) if split else NO_BOOKS
        figures = figures_of(counts, by=by, zone=clock, split=split, books=parts, now=now)
    return FullReport(report.campaign, report.books, figures, zone, now)


def preview(session: Session, campaign_id: CampaignId, *, now: datetime) -> Preview:
    """Count who would get a campaign now and who would not, for being held out too.

    Raises CampaignNotFound.
    """
    campaign = campaign_of(session, campaign_id)
    plan = campaign.plan
    hours = plan.hours if plan else None
    curfew = Curfew(hours, use_by=plan.deadline, now=now) if plan and hours else None
    held_out = round(campaign.split.holdout_percent * 100) if campaign.split else 0
    audience = audience_select(campaign.audience, now=now)
    if not held_out:
        return _count(session, audience, topic=campaign.topic, curfew=curfew, now=now)
    drawn = delivery.drawn(audience, draw_of(campaign_id), ends=[held_out])
    mailed, held = (
        _count(session, part, topic=campaign.topic, curfew=curfew, now=now)
        for part in (drawn[1], drawn[0])
    )
    return _with_held_out(mailed, held)


def _with_held_out(mailed: Preview, held: Preview) -> Preview:
    """Put the counts together: of the held-out, who would be mailed is refused."""
    refused = Counter(mailed.refused) + Counter(held.refused)
    refused[Reason.NOT_HOLDOUT] += held.allowed
    return replace(
        mailed,
        audience=mailed.audience + held.audience,
        refused={reason: number for reason, number in refused.items() if number},
        held=mailed.held + held.held,
    )


def count(
    session: Session,
    audience: Audience,
    *,
    topic: Topic,
    curfew: Curfew | None = None,
    now: datetime,
) -> Preview:
    """Decide for everybody in an audience as the sender would, and count by reason.

    The numbers are those of this moment: whoever opts out later is refused later.
    """
    chosen = audience_select(audience, now=now)
    return _count(session, chosen, topic=topic, curfew=curfew, now=now)


def _count(
    session: Session,
    audience: Select[Any],
    *,
    topic: Topic,
    curfew: Curfew | None,
    now: datetime,
) -> Preview:
    ran = delivery.dry_run(
        session,
        stream=Stream.PROMOTIONAL,
        topic=topic,
        audience=audience,
        curfew=curfew,
        now=now,
    )
    return Preview(
        audience=ran.audience, allowed=ran.allowed, refused=ran.refused, held=ran.held, as_at=now
    )
