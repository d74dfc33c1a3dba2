"""How a campaign would fare if it left now: a dry run of the sender's own decision."""

from datetime import datetime

from sqlmodel import Session

from mailer.campaigns._rows import campaign_from, found, own_plan_from, split_from
from mailer.campaigns._splitting import draw_of
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import Audience, Count, Terms, count_now, count_step, kept_audience
from mailer.campaigns.gathering import count_gathered, count_gathered_step, gather
from mailer.campaigns.plans import Plan
from mailer.campaigns.values import CampaignId
from mailer.letters import Brand
from mailer.permission import NO_CAP, Cap
from mailer.vocabulary import Topic


def preview(
    session: Session,
    campaign_id: CampaignId,
    *,
    cap: Cap = NO_CAP,
    brand: Brand | None = None,
    now: datetime,
) -> Count:
    """Count in one go who would get a campaign now and who would not, for being held out too.

    Of a digest those are counted whom it would tell of something; a letter that `brand` could not
    write is left out of it. Raises CampaignNotFound.
    """
    row = found(session, campaign_id)
    return count_of(session, row, own_plan_from(row), cap=cap, brand=brand, now=now)


def preview_step(
    session: Session,
    campaign_id: CampaignId,
    *,
    cap: Cap = NO_CAP,
    brand: Brand | None = None,
    now: datetime,
) -> Count:
    """Go on counting what `preview` counts, as `count_step` does.

    Raises CampaignNotFound.
    """
    row = found(session, campaign_id)
    terms = _terms(row, own_plan_from(row), cap)
    if row.digest is not None:
        return count_gathered_step(session, row, brand=brand, terms=terms, now=now)
    return count_step(session, _rule(row).rule, topic=Topic(row.topic), terms=terms, now=now)


def count_of(
    session: Session,
    row: CampaignRow,
    plan: Plan | None,
    *,
    cap: Cap,
    brand: Brand | None,
    now: datetime,
) -> Count:
    """Count how a campaign, or a digest, would fare if it left now by a plan."""
    terms = _terms(row, plan, cap)
    if row.digest is not None:
        gathered = gather(session, campaign_from(row), brand=brand, now=now)
        return count_gathered(session, row, gathered, terms=terms, now=now)
    return count_now(session, _rule(row).rule, topic=Topic(row.topic), terms=terms, now=now)


def count(session: Session, audience: Audience, *, topic: Topic, now: datetime) -> Count:
    """Decide for everybody in an audience as the sender would, and count by reason."""
    return count_now(session, audience.rule, topic=topic, now=now)


def _rule(row: CampaignRow) -> Audience:
    return kept_audience(row.audience)


def _terms(row: CampaignRow, plan: Plan | None, cap: Cap) -> Terms:
    split = split_from(row)
    return Terms(
        hours=plan.hours if plan else None,
        use_by=plan.deadline if plan else None,
        draw=draw_of(row.id or 0),
        held_out=round(split.holdout_percent * 100) if split else 0,
        cap=cap,
    )
