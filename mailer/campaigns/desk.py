"""What is done to campaigns: made, edited, started, paused, resumed, cancelled, closed.

Every act locks the campaign's row, asks the lifecycle, and stands in the ledger with who did it.
"""

from collections.abc import Collection
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlmodel import Session, col, select

from mailer import delivery
from mailer.campaigns._rows import (
    CLOCK,
    campaign_from,
    found,
    locked,
    locked_under_way,
    note,
    plan_from,
    refuse_unfit_reason,
    said_why,
    stored_brake,
    stored_pace,
    under_way,
)
from mailer.campaigns._starting import Progress, in_silence, start_row
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import settled
from mailer.campaigns.braking import (
    bring_along,
    is_stopped_series,
    refuse_without_reason,
    release,
    resume_series,
)
from mailer.campaigns.checks import DEFAULT_RULES, Rules, refuse_unfit
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.restoring import refuse_while_halted
from mailer.campaigns.revisions import has_hand_in
from mailer.campaigns.values import Campaign, CampaignId, NewCampaign
from mailer.delivery import MailingState
from mailer.failpoints import Failpoint, reached
from mailer.letters import Brand
from mailer.vocabulary import MailingId

STEERED = MappingProxyType(
    {
        Act.PAUSE: MailingState.PAUSED,
        Act.RESUME: MailingState.SENDING,
        Act.CANCEL: MailingState.CANCELLED,
    }
)
"""What becomes of the mailing of a campaign that is steered."""


def create(session: Session, new: NewCampaign, *, brand: Brand, by: str, now: datetime) -> Campaign:
    """Save a campaign as a draft; of a saved audience it takes the rule as it is now.

    Raises ContentRefused, AudienceNotFound, ReferenceUnknown.
    """
    refuse_unfit(new, brand)
    row = CampaignRow(
        name=new.name,
        topic=new.topic.value,
        content=new.content.model_dump(mode="json"),
        audience=_audience(session, new),
        pace=stored_pace(new.pace),
        split=new.split.stored() if new.split else None,
        brake=stored_brake(new.brake),
        digest=new.digest.stored() if new.digest is not None else None,
        state=State.DRAFT.value,
        created_at=now,
        created_by=by,
        authors=[by],
    )
    note(session, row, "created", by=by, now=now)
    return campaign_from(row)


def edit(
    session: Session,
    campaign_id: CampaignId,
    new: NewCampaign,
    *,
    brand: Brand,
    reason: str = "",
    by: str,
    now: datetime,
) -> Campaign:
    """Replace what a draft says; an approval ends with it.

    Raises CannotDo for anything but a draft, ContentRefused, and ReasonUnfit.
    """
    why = said_why(reason)
    row = locked(session, campaign_id)
    row.state = after(State(row.state), Act.EDIT)
    refuse_unfit(new, brand)
    row.approved_by = row.approved_at = row.approved_revision = row.approved_size = None
    row.counted = None
    has_hand_in(row, by)
    row.name, row.topic = new.name, new.topic.value
    row.content = new.content.model_dump(mode="json")
    row.audience, row.pace = _audience(session, new), stored_pace(new.pace)
    row.split = new.split.stored() if new.split else None
    row.brake = stored_brake(new.brake)
    row.digest = new.digest.stored() if new.digest is not None else None
    note(session, row, "edited", by=by, now=now, detail=why)
    return campaign_from(row)


def start(
    session: Session,
    campaign_id: CampaignId,
    *,
    brand: Brand,
    rules: Rules = DEFAULT_RULES,
    reason: str = "",
    by: str,
    progress: Progress = in_silence,
    now: datetime,
) -> Campaign:
    """Make the mailing and cut the audience into batches; sending begins with the commit.

    A campaign that is sending already is returned as it is. Of a plan by which it was scheduled
    the quiet hours and the deadline go on to hold; a repetition ends. The caller rings the bell
    of the promotional lane after its commit; `progress` is told how far the cutting is, which
    takes a second for each million customers. Raises CannotDo, CannotSend where a check stops
    it, after which the caller rolls back: the audience may be cut by then; ReasonNeeded for a
    repetition that the brake stopped: it is resumed first; and Halted.
    """
    refuse_while_halted(session)
    why = said_why(reason)
    row = locked(session, campaign_id)
    if is_stopped_series(session, row, now=now):
        refuse_without_reason(row)
    plan = plan_from(row)
    at_once = plan.once(row.occurrence or 1).at_once() if plan else None
    if at_once is not None and State(row.state) is State.SCHEDULED:
        row.plan, row.occurrence = at_once.stored(), None
    return start_row(
        session,
        row,
        plan=at_once,
        brand=brand,
        rules=rules,
        by=by,
        why=why,
        progress=progress,
        now=now,
    )


def pause(
    session: Session, campaign_id: CampaignId, *, reason: str = "", by: str, now: datetime
) -> Campaign:
    """Let no further batch leave until it is resumed. Raises CannotDo, ReasonUnfit."""
    return _steer(session, campaign_id, Act.PAUSE, reason=reason, by=by, now=now)


def resume(
    session: Session, campaign_id: CampaignId, *, reason: str = "", by: str, now: datetime
) -> Campaign:
    """Let a paused campaign go on; the caller rings the bell after its commit.

    One that the safety brake has stopped needs a reason; from then on only what comes after it is
    judged. So does one that repeats and that it stopped after one of its times. Raises CannotDo,
    ReasonUnfit, ReasonNeeded.
    """
    row = locked(session, campaign_id)
    if is_stopped_series(session, row, now=now):
        refuse_unfit_reason(reason)
        resume_series(session, row, reason=reason, by=by, now=now)
        return campaign_from(row)
    return _steer(session, campaign_id, Act.RESUME, reason=reason, by=by, now=now)


def cancel(
    session: Session, campaign_id: CampaignId, *, reason: str = "", by: str, now: datetime
) -> Campaign:
    """End a campaign for good: what has not left never will. Raises CannotDo, ReasonUnfit."""
    return _steer(session, campaign_id, Act.CANCEL, reason=reason, by=by, now=now)


def finish_done(session: Session, *, now: datetime) -> list[CampaignId]:
    """Close the campaigns of which nothing is to go any more; return which were closed.

    Only theirs are locked, and looked at again under the lock: nobody who sends or steers another
    waits for the clock.
    """
    running = under_way(session)
    done = delivery.finished_among(session, running)
    rows = locked_under_way(session, [running[each] for each in done])
    return [_finish(session, row, now) for row in rows if _is_done(session, row)]


def campaign_of(session: Session, campaign_id: CampaignId) -> Campaign:
    """Return a campaign. Raises CampaignNotFound."""
    return campaign_from(found(session, campaign_id))


def campaigns_page(
    session: Session, *, after: CampaignId | None = None, limit: int = 50
) -> list[Campaign]:
    """Return campaigns by id, from after one on."""
    rows = session.exec(
        select(CampaignRow)
        .where(col(CampaignRow.id) > (after or 0))
        .order_by(col(CampaignRow.id))
        .limit(limit)
    ).all()
    return [campaign_from(row) for row in rows]


def _steer(
    session: Session,
    campaign_id: CampaignId,
    act: Act,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> Campaign:
    why = said_why(reason)
    row = locked(session, campaign_id)
    bring_along(session, row, now=now)
    before = State(row.state)
    row.state = after(before, act)
    if row.state == before:
        return campaign_from(row)
    if act is Act.RESUME:
        release(session, row, reason=reason)
        row.taken_back = None
    if row.mailing_id is not None:
        delivery.set_mailing_state(session, MailingId(row.mailing_id), STEERED[act])
    if State(row.state).is_final:
        row.ended_at = now
    note(session, row, row.state, by=by, now=now, detail=why)
    reached(Failpoint.STEERED)
    return campaign_from(row)


def cancelled_at(session: Session, mailing_ids: Collection[MailingId]) -> dict[MailingId, datetime]:
    """Return when the campaigns behind mailings were cancelled; those that were not are left out."""
    rows = session.exec(
        select(CampaignRow.mailing_id, CampaignRow.ended_at).where(
            col(CampaignRow.mailing_id).in_(mailing_ids),
            CampaignRow.state == State.CANCELLED.value,
        )
    ).all()
    return {MailingId(each): ended for each, ended in rows if each is not None and ended}


def _is_done(session: Session, row: CampaignRow) -> bool:
    if row.mailing_id is None:
        return False
    return not delivery.unfinished(session, MailingId(row.mailing_id))


def _finish(session: Session, row: CampaignRow, now: datetime) -> CampaignId:
    row.state, row.ended_at = after(State(row.state), Act.FINISH), now
    note(session, row, "finished", by=CLOCK, now=now)
    return CampaignId(row.id or 0)


def _audience(session: Session, new: NewCampaign) -> dict[str, Any]:
    return settled(session, new.audience).model_dump(mode="json", exclude_none=True)
