"""A campaign as the API tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlmodel import Session

from mailer import access, campaigns
from mailer.campaigns import Act, Campaign, State, Status, possible
from mailer.delivery import Braked
from mailer.measure import Published, published
from preference_center.systems.api.campaign_shapes import (
    ApprovalAnswer,
    BrakedAnswer,
    BrakeFigureAnswer,
    CampaignAnswer,
    ChoiceAnswer,
    StatusAnswer,
)


def _braked(braked: Braked) -> BrakedAnswer:
    return BrakedAnswer(
        at=braked.at,
        cause=braked.cause,
        count=campaigns.shown_count(braked),
        of=braked.of,
        limit=braked.limit,
        sentence=campaigns.brake_sentence(braked),
    )


def status_answer(status: Status, *, now: datetime) -> StatusAnswer:
    """Tell how a campaign stands."""
    campaign, standing = status.campaign, status.standing
    return StatusAnswer(
        id=campaign.campaign_id,
        state=campaign.state,
        as_at=now,
        next_turn=standing.next_turn if standing else None,
        slowed=dict(standing.slowed) if standing else {},
        waiting=standing.waiting if standing else 0,
        waiting_from=standing.waiting_from if standing else None,
        waiting_until=standing.waiting_until if standing else None,
        halted=standing.halted if standing else None,
        brake=[BrakeFigureAnswer(**asdict(each)) for each in status.brake],
        braked=_braked(campaign.braked) if campaign.braked else None,
    )


def _possible(campaign: Campaign) -> list[Act]:
    """Tell what may be done now.

    A repetition that the brake stopped is resumed before it starts; what was ever planned is not
    deleted.
    """
    kept = {Act.DELETE} if campaign.was_planned else set()
    acts = [each for each in possible(campaign.state) if each not in kept]
    if campaign.state is State.SCHEDULED and campaign.braked:
        return [Act.RESUME, *(each for each in acts if each is not Act.START)]
    return acts


def campaign_answers(session: Session, found: Sequence[Campaign]) -> list[CampaignAnswer]:
    """Tell campaigns, whoever approved them by the name of their key."""
    names = access.names_of(session, [each.approved_by for each in found])
    return [_campaign_answer(each, names) for each in found]


def approval_answer(approved: CampaignAnswer, *, by: str) -> ApprovalAnswer:
    """Tell a campaign that somebody has approved; of two approvals the first one stands."""
    first = approved.approved_by
    told = None
    if first not in {None, by}:
        name = approved.approved_by_name
        who = f"{name} ({first})" if name != first else first
        told = f"It was already approved by {who}; that approval stands."
    return ApprovalAnswer(**dict(approved), already_approved=told)


def _approved_size(campaign: Campaign) -> Published | None:
    return None if campaign.approved_size is None else published(campaign.approved_size)


def _campaign_answer(campaign: Campaign, names: Mapping[str, str]) -> CampaignAnswer:
    return CampaignAnswer(
        id=campaign.campaign_id,
        name=campaign.name,
        topic=campaign.topic,
        content=campaign.content,
        audience=campaign.audience,
        state=campaign.state,
        possible=_possible(campaign),
        mailing=campaign.mailing_id,
        plan=campaign.plan.stored() if campaign.plan else None,
        scheduled_for=campaign.scheduled_for,
        series=campaign.series_id,
        occurrence=campaign.occurrence,
        created_at=campaign.created_at,
        created_by=campaign.created_by,
        started_at=campaign.started_at,
        ended_at=campaign.ended_at,
        revision=campaign.revision,
        approved_by=campaign.approved_by,
        approved_by_name=names.get(campaign.approved_by or "", campaign.approved_by),
        approved_at=campaign.approved_at,
        approved_size=_approved_size(campaign),
        taken_back=campaign.taken_back,
        copied_from=campaign.copied_from,
        pace=campaign.pace.stored() if campaign.pace else None,
        split=campaign.split,
        choose_at=campaign.choose_at,
        choice=ChoiceAnswer(**asdict(campaign.choice)) if campaign.choice else None,
        brake=campaign.brake.stored() if campaign.brake else None,
        braked=_braked(campaign.braked) if campaign.braked else None,
        digest=campaign.digest,
    )
