"""What is done to campaigns: made, edited, scheduled, started, paused, resumed, cancelled, closed.

Every act locks the campaign's row, asks the lifecycle, and stands in the ledger with who did it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from mailer import delivery, ledger
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import audience_select
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.values import Audience, Campaign, CampaignId, NewCampaign
from mailer.delivery import MailingState
from mailer.letters import (
    Brand,
    ContentInvalid,
    Problem,
    PromotionalContent,
    check_content,
    compile_promotional,
)
from mailer.vocabulary import MailingId, Stream, Topic

CLOCK = "clock"
"""The actor of what a timetable did and no person."""


class CampaignError(Exception):
    """A campaign cannot be used as asked; the text says why."""


class CampaignNotFound(CampaignError):
    """There is no campaign with this number."""


class ContentRefused(CampaignError):
    """The content cannot be sent; `problems` names each field, what is wrong and the fix."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        named = "; ".join(f"{each.field}: {each.text}" for each in problems)
        super().__init__(f"The content cannot be sent: {named}")


class NoPostalAddress(CampaignError):
    """Promotional mail needs the company's postal address (C27): set MAILER_POSTAL_ADDRESS."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class MomentPassed(CampaignError):
    """A campaign can be scheduled for a moment that is still to come, and for no other."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def create(session: Session, new: NewCampaign, *, brand: Brand, by: str, now: datetime) -> Campaign:
    """Save a campaign as a draft. Raises ContentRefused."""
    _check(new.content, new.topic, brand)
    row = CampaignRow(
        name=new.name,
        topic=new.topic.value,
        content=new.content.model_dump(mode="json"),
        audience=new.audience.model_dump(mode="json"),
        state=State.DRAFT.value,
        created_at=now,
        created_by=by,
    )
    session.add(row)
    session.flush()
    _note(session, row, "created", by=by, now=now)
    return _campaign(row)


def edit(
    session: Session,
    campaign_id: CampaignId,
    new: NewCampaign,
    *,
    brand: Brand,
    by: str,
    now: datetime,
) -> Campaign:
    """Replace what a draft says. Raises CannotDo for anything but a draft, and ContentRefused."""
    row = _locked(session, campaign_id)
    row.state = after(State(row.state), Act.EDIT)
    _check(new.content, new.topic, brand)
    row.name, row.topic = new.name, new.topic.value
    row.content = new.content.model_dump(mode="json")
    row.audience = new.audience.model_dump(mode="json")
    return _saved(session, row, "edited", by=by, now=now)


def schedule(
    session: Session,
    campaign_id: CampaignId,
    *,
    at: datetime,
    brand: Brand,
    by: str,
    now: datetime,
) -> Campaign:
    """Let a campaign start by itself at a moment, or move that moment.

    Raises CannotDo, MomentPassed, NoPostalAddress (C27), ContentRefused where the content has
    become unfit since it was saved.
    """
    row = _locked(session, campaign_id)
    target = after(State(row.state), Act.SCHEDULE)
    if at <= now:
        raise MomentPassed
    _check_sendable(row, brand)
    row.state, row.scheduled_for = target, at
    return _saved(session, row, "scheduled", by=by, now=now, detail={"for": at.isoformat()})


def unschedule(session: Session, campaign_id: CampaignId, *, by: str, now: datetime) -> Campaign:
    """Take a campaign back to the drafts before it starts. Raises CannotDo."""
    row = _locked(session, campaign_id)
    row.state, row.scheduled_for = after(State(row.state), Act.UNSCHEDULE), None
    return _saved(session, row, "unscheduled", by=by, now=now)


def start(
    session: Session, campaign_id: CampaignId, *, brand: Brand, by: str, now: datetime
) -> Campaign:
    """Make the mailing and cut the audience into batches; sending begins with the commit.

    A campaign that is sending already is returned as it is. The caller rings the bell of the
    promotional lane after its commit. Raises CannotDo, NoPostalAddress, ContentRefused.
    """
    row = _locked(session, campaign_id)
    return _start(session, row, brand=brand, by=by, now=now)


def pause(session: Session, campaign_id: CampaignId, *, by: str, now: datetime) -> Campaign:
    """Let no further batch leave until it is resumed. Raises CannotDo."""
    return _steer(session, campaign_id, Act.PAUSE, MailingState.PAUSED, by=by, now=now)


def resume(session: Session, campaign_id: CampaignId, *, by: str, now: datetime) -> Campaign:
    """Let a paused campaign go on; the caller rings the bell after its commit. Raises CannotDo."""
    return _steer(session, campaign_id, Act.RESUME, MailingState.SENDING, by=by, now=now)


def cancel(session: Session, campaign_id: CampaignId, *, by: str, now: datetime) -> Campaign:
    """End a campaign for good: what has not left never will. Raises CannotDo."""
    return _steer(session, campaign_id, Act.CANCEL, MailingState.CANCELLED, by=by, now=now)


def start_due(
    session: Session, *, brand: Brand, now: datetime, limit: int = 10
) -> list[CampaignId]:
    """Start what is scheduled for now or earlier; return which were started.

    Two clocks at once do no harm: each locks different rows, and a started one is no longer due.
    A campaign that has become unfit to send goes back to the drafts, with the reason in the
    ledger, instead of failing again at every tick.
    """
    rows = session.exec(
        select(CampaignRow)
        .where(CampaignRow.state == State.SCHEDULED.value, col(CampaignRow.scheduled_for) <= now)
        .order_by(col(CampaignRow.scheduled_for))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    return [CampaignId(row.id or 0) for row in rows if _started(session, row, brand, now)]


def is_any_due(session: Session, *, now: datetime) -> bool:
    """Say whether a scheduled campaign's moment has come."""
    due = select(CampaignRow.id).where(
        CampaignRow.state == State.SCHEDULED.value, col(CampaignRow.scheduled_for) <= now
    )
    return session.exec(due.limit(1)).first() is not None


def finish_done(session: Session, *, now: datetime) -> list[CampaignId]:
    """Close the campaigns of which nothing is to go any more; return which were closed."""
    rows = session.exec(
        select(CampaignRow)
        .where(col(CampaignRow.state).in_((State.SENDING.value, State.PAUSED.value)))
        .order_by(col(CampaignRow.id))
        .with_for_update(skip_locked=True)
    ).all()
    return [_finish(session, row, now) for row in rows if _is_done(session, row)]


def campaign_of(session: Session, campaign_id: CampaignId) -> Campaign:
    """Return a campaign. Raises CampaignNotFound."""
    row = session.get(CampaignRow, campaign_id, populate_existing=True)
    if row is None:
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    return _campaign(row)


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
    return [_campaign(row) for row in rows]


def _started(session: Session, row: CampaignRow, brand: Brand, now: datetime) -> bool:
    try:
        with session.begin_nested():
            _start(session, row, brand=brand, by=CLOCK, now=now)
        return True
    except (CampaignError, ValueError) as error:  # ValueError: content that an older version took
        row.state, row.scheduled_for = after(State(row.state), Act.UNSCHEDULE), None
        why = {"why": type(error).__name__}
        _noted(session, row, "start_refused", by=CLOCK, now=now, detail=why)
        return False


def _start(session: Session, row: CampaignRow, *, brand: Brand, by: str, now: datetime) -> Campaign:
    before = State(row.state)
    target = after(before, Act.START)
    if before is target:
        return _campaign(row)
    content = _check_sendable(row, brand)
    row.mailing_id, audience = _make_mailing(session, row, content, brand, now)
    row.state, row.started_at = target, now
    return _saved(session, row, "started", by=by, now=now, detail={"audience": audience})


def _make_mailing(
    session: Session, row: CampaignRow, content: PromotionalContent, brand: Brand, now: datetime
) -> tuple[MailingId, int]:
    topic = Topic(row.topic)
    mailing_id = delivery.create_mailing(
        session,
        delivery.NewMailing(
            key=f"campaign:{row.id}",
            letter="promotional",
            stream=Stream.PROMOTIONAL,
            topic=topic,
            content=row.content,
            targets=compile_promotional(content, topic=topic, brand=brand).targets,
        ),
        now=now,
    )
    if mailing_id is None:
        raise RuntimeError("a campaign that never started met the mailing of its own name")
    wanted = Audience.model_validate(row.audience)
    return mailing_id, delivery.prepare_audience(
        session, mailing_id, audience_select(wanted), now=now
    )


def _steer(
    session: Session,
    campaign_id: CampaignId,
    act: Act,
    mailing_state: MailingState,
    *,
    by: str,
    now: datetime,
) -> Campaign:
    row = _locked(session, campaign_id)
    before = State(row.state)
    row.state = after(before, act)
    if row.state == before:
        return _campaign(row)
    if row.mailing_id is not None:
        delivery.set_mailing_state(session, MailingId(row.mailing_id), mailing_state)
    if State(row.state).is_final:
        row.ended_at = now
    return _saved(session, row, row.state, by=by, now=now)


def _is_done(session: Session, row: CampaignRow) -> bool:
    if row.mailing_id is None:
        return False
    return not delivery.unfinished(session, MailingId(row.mailing_id))


def _finish(session: Session, row: CampaignRow, now: datetime) -> CampaignId:
    row.state, row.ended_at = after(State(row.state), Act.FINISH), now
    _noted(session, row, "finished", by=CLOCK, now=now)
    return CampaignId(row.id or 0)


def _check(content: PromotionalContent, topic: Topic, brand: Brand) -> None:
    """Refuse what can never be sent; a missing postal address only stops what would leave."""
    try:
        if _has_postal_address(brand):
            compile_promotional(content, topic=topic, brand=brand)
            return
        problems = check_content(content, brand=brand)
    except ContentInvalid as error:
        problems = error.problems
    problems = [each for each in problems if each.field != "postal_address"]
    if problems:
        raise ContentRefused(problems)


def _has_postal_address(brand: Brand) -> bool:
    return bool(brand.postal_address.strip())


def _check_sendable(row: CampaignRow, brand: Brand) -> PromotionalContent:
    if not _has_postal_address(brand):
        raise NoPostalAddress
    content = PromotionalContent.model_validate(row.content)
    _check(content, Topic(row.topic), brand)
    return content


def _locked(session: Session, campaign_id: CampaignId) -> CampaignRow:
    row = session.exec(
        select(CampaignRow)
        .where(CampaignRow.id == campaign_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    return row


def _saved(
    session: Session,
    row: CampaignRow,
    what: str,
    *,
    by: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> Campaign:
    _noted(session, row, what, by=by, now=now, detail=detail)
    return _campaign(row)


def _noted(
    session: Session,
    row: CampaignRow,
    what: str,
    *,
    by: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write a change without reading the content anew: an older version's may not validate."""
    session.add(row)
    session.flush()
    _note(session, row, what, by=by, now=now, detail=detail)


def _note(
    session: Session,
    row: CampaignRow,
    what: str,
    *,
    by: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    ledger.record(
        session,
        f"campaign.{what}",
        at=now,
        actor=by,
        mailing_id=MailingId(row.mailing_id) if row.mailing_id is not None else None,
        detail={"campaign": row.id, **(detail or {})},
    )


def _campaign(row: CampaignRow) -> Campaign:
    return Campaign(
        campaign_id=CampaignId(row.id or 0),
        name=row.name,
        topic=Topic(row.topic),
        content=PromotionalContent.model_validate(row.content),
        audience=Audience.model_validate(row.audience),
        state=State(row.state),
        mailing_id=MailingId(row.mailing_id) if row.mailing_id is not None else None,
        scheduled_for=row.scheduled_for,
        created_at=row.created_at,
        created_by=row.created_by,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
