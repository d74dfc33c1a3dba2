"""A campaign's life: planned, started, paced, paused, resumed, chosen for, cancelled."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter
from sqlmodel import Session

from mailer import campaigns
from mailer.campaigns import Campaign, CampaignId, Plan
from mailer.vocabulary import Lane
from preference_center.systems.api.calls import Call
from preference_center.systems.api.campaign_calls import Id, Looks, Writes, done
from preference_center.systems.api.campaign_shapes import (
    BrakeForm,
    CampaignAnswer,
    ChoiceForm,
    ForesightAnswer,
    PaceForm,
    ReasonForm,
    ScheduleForm,
    zone_answer,
)
from preference_center.systems.api.errors import ApiRoute

routes = APIRouter(prefix="/campaigns", route_class=ApiRoute, tags=["Campaigns"])


@routes.post("/{campaign}/schedule", response_model=CampaignAnswer)
def schedule_a_campaign(campaign: Id, form: ScheduleForm, call: Writes) -> CampaignAnswer:
    """Let it start by itself by a plan, or change that plan. Needs the postal address (C27)."""

    def act(session: Session) -> Campaign:
        return campaigns.schedule(
            session,
            CampaignId(campaign),
            plan=form.plan,
            brand=call.parts.brand,
            rules=call.parts.rules,
            reason=form.reason,
            by=call.key.actor,
            now=call.now,
        )

    return done(call, act, form=form)


@routes.get("/{campaign}/schedule", response_model=ForesightAnswer)
def look_ahead(campaign: Id, call: Looks) -> ForesightAnswer:
    """Tell when whom its schedule reaches: the first, the last, every zone, clock changes."""
    return _foresee(call, campaign, None)


@routes.post("/{campaign}/schedule/preview", response_model=ForesightAnswer)
def look_ahead_by_a_plan(campaign: Id, plan: Plan, call: Looks) -> ForesightAnswer:
    """Tell when whom a plan would reach. Nothing is scheduled by asking."""
    return _foresee(call, campaign, plan)


@routes.post("/{campaign}/unschedule", response_model=CampaignAnswer)
def unschedule_a_campaign(
    campaign: Id, call: Writes, form: ReasonForm | None = None
) -> CampaignAnswer:
    """Take it back to the drafts before it starts."""
    return _steer(call, campaign, campaigns.unschedule, form)


@routes.post("/{campaign}/start", response_model=CampaignAnswer)
def start_a_campaign(campaign: Id, call: Writes, form: ReasonForm | None = None) -> CampaignAnswer:
    """Start it now: the audience is fixed and cut into batches before the answer leaves."""
    started = partial(campaigns.start, brand=call.parts.brand, rules=call.parts.rules)
    return _steer(call, campaign, started, form, rings=(Lane.PROMOTIONAL,))


@routes.post("/{campaign}/pause", response_model=CampaignAnswer)
def pause_a_campaign(campaign: Id, call: Writes, form: ReasonForm | None = None) -> CampaignAnswer:
    """Let no further batch leave until it is resumed."""
    return _steer(call, campaign, campaigns.pause, form)


@routes.post("/{campaign}/resume", response_model=CampaignAnswer)
def resume_a_campaign(campaign: Id, call: Writes, form: ReasonForm | None = None) -> CampaignAnswer:
    """Let a paused campaign go on, or a repetition; what the safety brake has stopped needs a reason."""
    return _steer(call, campaign, campaigns.resume, form, rings=(Lane.PROMOTIONAL,))


@routes.post("/{campaign}/cancel", response_model=CampaignAnswer)
def cancel_a_campaign(campaign: Id, call: Writes, form: ReasonForm | None = None) -> CampaignAnswer:
    """End it for good: what has not left never will."""
    return _steer(call, campaign, campaigns.cancel, form)


@routes.post("/{campaign}/pace", response_model=CampaignAnswer)
def pace_a_campaign(campaign: Id, form: PaceForm, call: Writes) -> CampaignAnswer:
    """Let it go slower or faster, also while it is under way; it holds from the next slice on."""
    paced = partial(campaigns.set_pace, pace=form.pace)
    return _steer(call, campaign, paced, form, rings=(Lane.PROMOTIONAL,))


@routes.post("/{campaign}/brake", response_model=CampaignAnswer)
def set_a_campaigns_brake(campaign: Id, form: BrakeForm, call: Writes) -> CampaignAnswer:
    """Change the limits that stop it, also while it is under way; past them already, it stops."""
    installation = call.parts.rules.brake
    braked = partial(campaigns.set_brake, own=form.brake, installation=installation)
    return _steer(call, campaign, braked, form)


@routes.post("/{campaign}/choose", response_model=CampaignAnswer)
def choose_a_variant(campaign: Id, form: ChoiceForm, call: Writes) -> CampaignAnswer:
    """Choose by hand what those get who wait for a split test's choice. It is made once."""
    chosen = partial(campaigns.choose, variant=form.variant)
    return _steer(call, campaign, chosen, form, rings=(Lane.PROMOTIONAL,))


def _foresee(call: Call, campaign: int, plan: Plan | None) -> ForesightAnswer:
    with call.look_long() as session:
        ahead = campaigns.foresee(session, CampaignId(campaign), plan=plan, now=call.now)
    shown = campaigns.published_foresight(ahead)
    return ForesightAnswer(
        id=campaign,
        as_at=call.now,
        begins=ahead.begins,
        first=shown.first,
        last=shown.last,
        audience=shown.audience,
        without_zone=shown.without_zone,
        late=shown.late,
        zones=[zone_answer(each, people) for each, people in shown.zones],
        occurrences=list(ahead.occurrences),
        choice=shown.choice,
    )


def _steer(
    call: Call,
    campaign: int,
    act: Callable[..., Campaign],
    form: ReasonForm | None,
    *,
    rings: tuple[Lane, ...] = (),
) -> CampaignAnswer:
    reason = form.reason if form is not None else ""
    number = CampaignId(campaign)
    return done(
        call,
        lambda session: act(session, number, reason=reason, by=call.key.actor, now=call.now),
        form=form,
        rings=rings,
    )
