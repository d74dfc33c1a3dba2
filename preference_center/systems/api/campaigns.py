"""Campaigns: drafted, read, edited, copied, tested, checked, counted, approved."""

from fastapi import APIRouter, Response
from sqlmodel import Session

from mailer import campaigns
from mailer.campaigns import CampaignId, Finding, NewCampaign
from mailer.campaigns.audience import published_count
from mailer.measure import published
from mailer.vocabulary import Lane
from preference_center.systems.api.calls import Receipt
from preference_center.systems.api.campaign_answers import (
    approval_answer,
    campaign_answers,
    status_answer,
)
from preference_center.systems.api.campaign_calls import (
    Approves,
    Id,
    Looks,
    Reads,
    Writes,
    as_it_is,
    done,
)
from preference_center.systems.api.campaign_shapes import (
    ApprovalAnswer,
    ApproveForm,
    CampaignAnswer,
    CampaignForm,
    CampaignPage,
    ChecksAnswer,
    CloneForm,
    EditForm,
    FindingAnswer,
    PreviewAnswer,
    ReasonForm,
    StatusAnswer,
    TestAnswer,
    TestForm,
)
from preference_center.systems.api.counting import counted_in_time
from preference_center.systems.api.errors import ApiRoute
from preference_center.systems.api.pages import PlaceOf

routes = APIRouter(prefix="/campaigns", route_class=ApiRoute, tags=["Campaigns"])


@routes.post("", status_code=201, response_model=CampaignAnswer)
def draft_a_campaign(form: CampaignForm, call: Writes) -> CampaignAnswer:
    """Save a campaign as a draft. Its content is checked now, and again before it starts."""
    return done(
        call,
        lambda session: campaigns.create(
            session, _new(form), brand=call.parts.brand, by=call.key.actor, now=call.now
        ),
        form=form,
    )


@routes.get("", response_model=CampaignPage)
def list_campaigns(place: PlaceOf, call: Reads) -> CampaignPage:
    """List campaigns by id."""
    with call.look() as session:
        page = campaigns.campaigns_page(session, after=CampaignId(place.after), limit=place.limit)
        answers = campaign_answers(session, page)
    return CampaignPage(
        campaigns=answers,
        next_cursor=place.next_cursor([each.campaign_id for each in page]),
    )


@routes.get("/{campaign}", response_model=CampaignAnswer)
def get_a_campaign(campaign: Id, call: Looks) -> CampaignAnswer:
    """Get one campaign, with what may be done to it now."""
    return as_it_is(call, campaign)


@routes.get("/{campaign}/status", response_model=StatusAnswer)
def get_a_campaigns_status(campaign: Id, call: Looks) -> StatusAnswer:
    """Tell when its next mail may go, who waits until when, and how near its limits it is."""
    with call.look() as session:
        status = campaigns.status_of(
            session, CampaignId(campaign), pace=call.parts.pace, now=call.now
        )
    return status_answer(status, now=call.now)


@routes.put("/{campaign}", response_model=CampaignAnswer)
def edit_a_campaign(campaign: Id, form: EditForm, call: Writes) -> CampaignAnswer:
    """Replace what a draft says; a scheduled campaign goes back to the drafts first."""
    return done(
        call,
        lambda session: campaigns.edit(
            session,
            CampaignId(campaign),
            _new(form),
            brand=call.parts.brand,
            reason=form.reason,
            by=call.key.actor,
            now=call.now,
        ),
        form=form,
    )


@routes.delete("/{campaign}", status_code=204)
def delete_a_campaign(campaign: Id, call: Writes, form: ReasonForm | None = None) -> None:
    """Delete a draft that was never scheduled and that no rule names; the ledger keeps by whom and why."""
    with call.parts.database.transaction() as session:
        campaigns.delete(
            session,
            CampaignId(campaign),
            reason=form.reason if form is not None else "",
            by=call.key.actor,
            now=call.now,
        )


@routes.post("/{campaign}/clone", status_code=201, response_model=CampaignAnswer)
def clone_a_campaign(campaign: Id, call: Writes, form: CloneForm | None = None) -> CampaignAnswer:
    """Copy it, in whatever state it is, into a new draft without a past."""
    said = form or CloneForm()
    return done(
        call,
        lambda session: campaigns.clone(
            session,
            CampaignId(campaign),
            name=said.name,
            reason=said.reason,
            by=call.key.actor,
            now=call.now,
        ),
        form=form,
    )


@routes.post("/{campaign}/approve", response_model=ApprovalAnswer)
def approve_a_campaign(
    campaign: Id, call: Approves, form: ApproveForm | None = None
) -> ApprovalAnswer:
    """Approve it as it stands now: by another key than those that had a hand in it."""
    approved = done(
        call,
        lambda session: campaigns.approve(
            session,
            CampaignId(campaign),
            revision=form.revision if form is not None else None,
            reason=form.reason if form is not None else "",
            brand=call.parts.brand,
            rules=call.parts.rules,
            by=call.key.actor,
            now=call.now,
        ),
        form=form,
    )
    return approval_answer(approved, by=call.key.actor)


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
            reason=form.reason,
            brand=call.parts.brand,
            rules=call.parts.rules,
            by=call.key.actor,
            now=call.now,
        )
        return Receipt({"mailings": list(made)}, rings=(Lane.ORDERS,))

    return TestAnswer(id=campaign, mailings=call.once(form, work)["mailings"])


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
        audience=published(checked.audience),
        stops=list(map(_finding, checked.stops)),
        warnings=list(map(_finding, checked.warnings)),
    )


def _finding(found: Finding) -> FindingAnswer:
    return FindingAnswer(
        check=found.check, field=found.field, text=found.text, fix=found.fix, clause=found.clause
    )


@routes.get("/{campaign}/preview", response_model=PreviewAnswer)
def preview_a_campaign(campaign: Id, call: Looks, response: Response) -> PreviewAnswer:
    """Count who would get it now and who would not, by reason, with the sender's own decision.

    What concerns fewer than ten people is withheld, and what would give it away (C15). Answered with 202 while it is still counting.
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
    shown = published_count(counted)
    return PreviewAnswer(
        id=campaign,
        state="counted" if counted.is_whole else "counting",
        progress=round(counted.progress, 4),
        as_at=counted.as_at,
        audience=shown.audience,
        allowed=shown.allowed,
        held=shown.held,
        refused={reason.value: count for reason, count in shown.refused.items()},
    )


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
