"""Campaigns: drafted, checked, approved, scheduled, started, paused, resumed, cancelled."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel
from sqlmodel import Session

from mailer import campaigns
from mailer.access import ApiScope
from mailer.campaigns import Campaign, CampaignId, Finding, NewCampaign, Plan
from mailer.measure import published
from mailer.vocabulary import Lane
from preference_center.systems.api.calls import Call, Needs, Receipt
from preference_center.systems.api.campaign_answers import campaign_answer, status_answer
from preference_center.systems.api.campaign_shapes import (
    ApproveForm,
    BrakeForm,
    CampaignAnswer,
    CampaignForm,
    CampaignPage,
    ChecksAnswer,
    ChoiceForm,
    CloneForm,
    FindingAnswer,
    ForesightAnswer,
    PaceForm,
    PreviewAnswer,
    ReasonForm,
    StatusAnswer,
    TestAnswer,
    TestForm,
    zone_answer,
)
from preference_center.systems.api.counting import counted_in_time
from preference_center.systems.api.errors import ApiRoute
from preference_center.systems.api.pages import PlaceOf

routes = APIRouter(prefix="/campaigns", route_class=ApiRoute, tags=["Campaigns"])

Writes = Annotated[Call, Depends(Needs(ApiScope.CAMPAIGNS))]
Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.CAMPAIGNS))]
Approves = Annotated[Call, Depends(Needs(ApiScope.APPROVE))]
Looks = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.CAMPAIGNS, ApiScope.APPROVE))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The campaign's id.")]


@routes.post("", status_code=201, response_model=CampaignAnswer)
def draft_a_campaign(form: CampaignForm, call: Writes) -> CampaignAnswer:
    """Save a campaign as a draft. Its content is checked now, and again before it starts."""

    def work(session: Session) -> Receipt:
        made = campaigns.create(
            session, _new(form), brand=call.parts.brand, by=call.key.actor, now=call.now
        )
        return Receipt({"campaign": made.campaign_id})

    return _look(call, call.once(form, work)["campaign"])


@routes.get("", response_model=CampaignPage)
def list_campaigns(place: PlaceOf, call: Reads) -> CampaignPage:
    """List campaigns by id."""
    with call.look() as session:
        page = campaigns.campaigns_page(session, after=CampaignId(place.after), limit=place.limit)
    return CampaignPage(
        campaigns=[campaign_answer(each) for each in page],
        next_cursor=place.next_cursor([each.campaign_id for each in page]),
    )


@routes.get("/{campaign}", response_model=CampaignAnswer)
def get_a_campaign(campaign: Id, call: Looks) -> CampaignAnswer:
    """Get one campaign, with what may be done to it now."""
    return _look(call, campaign)


@routes.get("/{campaign}/status", response_model=StatusAnswer)
def get_a_campaigns_status(campaign: Id, call: Looks) -> StatusAnswer:
    """Tell when its next mail may go, who waits until when, and how near its limits it is."""
    with call.look() as session:
        status = campaigns.status_of(
            session, CampaignId(campaign), pace=call.parts.pace, now=call.now
        )
    return status_answer(status, now=call.now)


@routes.put("/{campaign}", response_model=CampaignAnswer)
def edit_a_campaign(campaign: Id, form: CampaignForm, call: Writes) -> CampaignAnswer:
    """Replace what a draft says; a scheduled campaign goes back to the drafts first."""

    def work(session: Session) -> Receipt:
        campaigns.edit(
            session,
            CampaignId(campaign),
            _new(form),
            brand=call.parts.brand,
            by=call.key.actor,
            now=call.now,
        )
        return Receipt({"campaign": campaign})

    return _look(call, call.once(form, work)["campaign"])


@routes.post("/{campaign}/schedule", response_model=CampaignAnswer)
def schedule_a_campaign(campaign: Id, plan: Plan, call: Writes) -> CampaignAnswer:
    """Let it start by itself by a plan, or change that plan. Needs the postal address (C27)."""

    def act(session: Session) -> Campaign:
        return campaigns.schedule(
            session,
            CampaignId(campaign),
            plan=plan,
            brand=call.parts.brand,
            rules=call.parts.rules,
            by=call.key.actor,
            now=call.now,
        )

    return _do(call, act, form=plan)


@routes.get("/{campaign}/schedule", response_model=ForesightAnswer)
def look_ahead(campaign: Id, call: Reads) -> ForesightAnswer:
    """Tell when whom its schedule reaches: the first, the last, every zone, clock changes."""
    return _foresee(call, campaign, None)


@routes.post("/{campaign}/schedule/preview", response_model=ForesightAnswer)
def look_ahead_by_a_plan(campaign: Id, plan: Plan, call: Reads) -> ForesightAnswer:
    """Tell when whom a plan would reach. Nothing is scheduled by asking."""
    return _foresee(call, campaign, plan)


@routes.post("/{campaign}/unschedule", response_model=CampaignAnswer)
def unschedule_a_campaign(campaign: Id, call: Writes) -> CampaignAnswer:
    """Take it back to the drafts before it starts."""
    return _do(
        call,
        lambda session: campaigns.unschedule(
            session, CampaignId(campaign), by=call.key.actor, now=call.now
        ),
    )


@routes.post("/{campaign}/start", response_model=CampaignAnswer)
def start_a_campaign(campaign: Id, call: Writes) -> CampaignAnswer:
    """Start it now: the audience is fixed and cut into batches before the answer leaves."""
    return _do(
        call,
        lambda session: campaigns.start(
            session,
            CampaignId(campaign),
            brand=call.parts.brand,
            rules=call.parts.rules,
            by=call.key.actor,
            now=call.now,
        ),
        rings=(Lane.PROMOTIONAL,),
    )


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
    return _do(
        call,
        lambda session: campaigns.set_pace(
            session,
            CampaignId(campaign),
            form.pace,
            reason=form.reason,
            by=call.key.actor,
            now=call.now,
        ),
        form=form,
        rings=(Lane.PROMOTIONAL,),
    )


@routes.post("/{campaign}/brake", response_model=CampaignAnswer)
def set_a_campaigns_brake(campaign: Id, form: BrakeForm, call: Writes) -> CampaignAnswer:
    """Change the limits that stop it, also while it is under way; past them already, it stops."""
    return _do(
        call,
        lambda session: campaigns.set_brake(
            session,
            CampaignId(campaign),
            form.brake,
            installation=call.parts.rules.brake,
            reason=form.reason,
            by=call.key.actor,
            now=call.now,
        ),
        form=form,
    )


@routes.post("/{campaign}/choose", response_model=CampaignAnswer)
def choose_a_variant(campaign: Id, form: ChoiceForm, call: Writes) -> CampaignAnswer:
    """Choose by hand what those get who wait for a split test's choice. It is made once."""
    return _do(
        call,
        lambda session: campaigns.choose(
            session,
            CampaignId(campaign),
            variant=form.variant,
            reason=form.reason,
            by=call.key.actor,
            now=call.now,
        ),
        form=form,
        rings=(Lane.PROMOTIONAL,),
    )


@routes.post("/{campaign}/approve", response_model=CampaignAnswer)
def approve_a_campaign(
    campaign: Id, call: Approves, form: ApproveForm | None = None
) -> CampaignAnswer:
    """Approve it as it stands now: by another key than those that wrote or edited it."""
    return _do(
        call,
        lambda session: campaigns.approve(
            session,
            CampaignId(campaign),
            revision=form.revision if form is not None else None,
            brand=call.parts.brand,
            rules=call.parts.rules,
            by=call.key.actor,
            now=call.now,
        ),
        form=form,
    )


@routes.post("/{campaign}/test", status_code=202, response_model=TestAnswer)
def test_a_campaign(campaign: Id, form: TestForm, call: Writes) -> TestAnswer:
    """Send it to addresses of staff, marked as a test, filled for an invented reader."""

    def work(session: Session) -> Receipt:
        made = campaigns.send_test(
            session,
            call.parts.vault,
            CampaignId(campaign),
            to=form.to,
            reader=form.reader,
            variant=form.variant,
            brand=call.parts.brand,
            rules=call.parts.rules,
            by=call.key.actor,
            now=call.now,
        )
        return Receipt({"mailings": list(made)}, rings=(Lane.ORDERS,))

    return TestAnswer(id=campaign, mailings=call.once(form, work)["mailings"])


@routes.post("/{campaign}/clone", status_code=201, response_model=CampaignAnswer)
def clone_a_campaign(campaign: Id, call: Writes, form: CloneForm | None = None) -> CampaignAnswer:
    """Copy it, in whatever state it is, into a new draft without a past."""
    name = form.name if form is not None else ""
    return _do(
        call,
        lambda session: campaigns.clone(
            session, CampaignId(campaign), name=name, by=call.key.actor, now=call.now
        ),
        form=form,
    )


@routes.get("/{campaign}/checks", response_model=ChecksAnswer)
def check_a_campaign(campaign: Id, call: Looks) -> ChecksAnswer:
    """Say everything that keeps it from leaving now, and what is worth a look before; no change."""
    with call.look_long() as session:
        checked = campaigns.check(
            session,
            CampaignId(campaign),
            brand=call.parts.brand,
            rules=call.parts.rules,
            now=call.now,
        )
    return ChecksAnswer(
        id=campaign,
        as_at=checked.as_at,
        audience=checked.audience,
        stops=list(map(_finding, checked.stops)),
        warnings=list(map(_finding, checked.warnings)),
    )


def _finding(found: Finding) -> FindingAnswer:
    return FindingAnswer(
        check=found.check, field=found.field, text=found.text, fix=found.fix, clause=found.clause
    )


@routes.get("/{campaign}/preview", response_model=PreviewAnswer)
def preview_a_campaign(campaign: Id, call: Reads, response: Response) -> PreviewAnswer:
    """Count who would get it now and who would not, by reason, with the sender's own decision.

    Answered with 202 while it is still counting.
    """
    counted = counted_in_time(
        call,
        response,
        lambda session: campaigns.preview_step(
            session,
            CampaignId(campaign),
            cap=call.parts.cap,
            brand=call.parts.brand,
            now=call.now,
        ),
    )
    return PreviewAnswer(
        id=campaign,
        state="counted" if counted.is_whole else "counting",
        progress=round(counted.progress, 4),
        as_at=counted.as_at,
        audience=counted.audience,
        allowed=counted.allowed,
        held=counted.held,
        refused={reason.value: count for reason, count in sorted(counted.refused.items())},
    )


def _foresee(call: Call, campaign: int, plan: Plan | None) -> ForesightAnswer:
    with call.look_long() as session:
        ahead = campaigns.foresee(session, CampaignId(campaign), plan=plan, now=call.now)
    return ForesightAnswer(
        id=campaign,
        as_at=call.now,
        begins=ahead.begins,
        first=ahead.first,
        last=ahead.last,
        audience=ahead.audience,
        without_zone=published(ahead.without_zone, among=ahead.audience),
        late=published(ahead.late, among=ahead.audience),
        zones=[zone_answer(each) for each in ahead.zones],
        occurrences=list(ahead.occurrences),
        choice=ahead.choice,
    )


def _do(
    call: Call,
    act: Callable[[Session], Campaign],
    *,
    form: BaseModel | None = None,
    rings: tuple[Lane, ...] = (),
) -> CampaignAnswer:
    def work(session: Session) -> Receipt:
        return Receipt({"campaign": act(session).campaign_id}, rings=rings)

    return _look(call, call.once(form, work)["campaign"])


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
    return _do(
        call,
        lambda session: act(session, number, reason=reason, by=call.key.actor, now=call.now),
        form=form,
        rings=rings,
    )


def _look(call: Call, campaign: int) -> CampaignAnswer:
    with call.look() as session:
        return campaign_answer(campaigns.campaign_of(session, CampaignId(campaign)))


def _new(form: CampaignForm) -> NewCampaign:
    return NewCampaign(
        name=form.name,
        topic=form.topic,
        content=form.content,
        audience=form.audience,
        pace=form.pace,
        split=form.split,
        brake=form.brake,
        digest=form.digest,
    )
