"""What is done to campaigns: made, edited, scheduled, started, paused, resumed, cancelled, closed.

Every act locks the campaign's row, asks the lifecycle, and stands in the ledger with who did it.
"""

from datetime import datetime
from types import MappingProxyType

from sqlmodel import Session, col, select

from mailer import delivery
from mailer.campaigns._rows import CampaignError, campaign_from, found, locked, note, noted, saved
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import audience_select
from mailer.campaigns.checks import (
    DEFAULT_RULES,
    CannotSend,
    Rules,
    look_over,
    refuse_unfit,
)
from mailer.campaigns.findings import Checked
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.values import Audience, Campaign, CampaignId, NewCampaign
from mailer.delivery import MailingState
from mailer.letters import Brand, PromotionalContent, compile_promotional
from mailer.vocabulary import MailingId, Stream, Topic

CLOCK = "clock"
"""The actor of what a timetable did and no person."""


class MomentPassed(CampaignError):
    """A campaign can be scheduled for a moment that is still to come, and for no other."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class ReasonUnfit(CampaignError):
    """A reason is one line without an address: the ledger keeps it for ever."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


STEERED = MappingProxyType(
    {
        Act.PAUSE: MailingState.PAUSED,
        Act.RESUME: MailingState.SENDING,
        Act.CANCEL: MailingState.CANCELLED,
    }
)
"""What becomes of the mailing of a campaign that is steered."""


def create(session: Session, new: NewCampaign, *, brand: Brand, by: str, now: datetime) -> Campaign:
    """Save a campaign as a draft. Raises ContentRefused."""
    refuse_unfit(new.content, new.topic, brand)
    row = CampaignRow(
        name=new.name,
        topic=new.topic.value,
        content=new.content.model_dump(mode="json"),
        audience=new.audience.model_dump(mode="json"),
        state=State.DRAFT.value,
        created_at=now,
        created_by=by,
        authors=[by],
    )
    session.add(row)
    session.flush()
    note(session, row, "created", by=by, now=now)
    return campaign_from(row)


def edit(
    session: Session,
    campaign_id: CampaignId,
    new: NewCampaign,
    *,
    brand: Brand,
    by: str,
    now: datetime,
) -> Campaign:
    """Replace what a draft says; an approval ends with it.

    Raises CannotDo for anything but a draft, and ContentRefused.
    """
    row = locked(session, campaign_id)
    row.state = after(State(row.state), Act.EDIT)
    refuse_unfit(new.content, new.topic, brand)
    row.approved_by = row.approved_at = None
    row.authors = [*dict.fromkeys([*row.authors, by])]
    row.name, row.topic = new.name, new.topic.value
    row.content = new.content.model_dump(mode="json")
    row.audience = new.audience.model_dump(mode="json")
    return saved(session, row, "edited", by=by, now=now)


def schedule(
    session: Session,
    campaign_id: CampaignId,
    *,
    at: datetime,
    brand: Brand,
    rules: Rules = DEFAULT_RULES,
    by: str,
    now: datetime,
) -> Campaign:
    """Let a campaign start by itself at a moment, or move that moment.

    Raises CannotDo, MomentPassed, and CannotSend where a check stops it (C27 among them).
    """
    row = locked(session, campaign_id)
    target = after(State(row.state), Act.SCHEDULE)
    if at <= now:
        raise MomentPassed
    _refuse_stopped(look_over(session, row, brand=brand, rules=rules, now=now))
    row.state, row.scheduled_for = target, at
    return saved(session, row, "scheduled", by=by, now=now, detail={"for": at.isoformat()})


def unschedule(session: Session, campaign_id: CampaignId, *, by: str, now: datetime) -> Campaign:
    """Take a campaign back to the drafts before it starts. Raises CannotDo."""
    row = locked(session, campaign_id)
    row.state, row.scheduled_for = after(State(row.state), Act.UNSCHEDULE), None
    return saved(session, row, "unscheduled", by=by, now=now)


def start(
    session: Session,
    campaign_id: CampaignId,
    *,
    brand: Brand,
    rules: Rules = DEFAULT_RULES,
    by: str,
    now: datetime,
) -> Campaign:
    """Make the mailing and cut the audience into batches; sending begins with the commit.

    A campaign that is sending already is returned as it is. The caller rings the bell of the
    promotional lane after its commit. Raises CannotDo, and CannotSend where a check stops it.
    """
    row = locked(session, campaign_id)
    return _start(session, row, brand=brand, rules=rules, by=by, now=now)


def pause(
    session: Session, campaign_id: CampaignId, *, reason: str = "", by: str, now: datetime
) -> Campaign:
    """Let no further batch leave until it is resumed. Raises CannotDo, ReasonUnfit."""
    return _steer(session, campaign_id, Act.PAUSE, reason=reason, by=by, now=now)


def resume(
    session: Session, campaign_id: CampaignId, *, reason: str = "", by: str, now: datetime
) -> Campaign:
    """Let a paused campaign go on; the caller rings the bell after its commit.

    Raises CannotDo, ReasonUnfit.
    """
    return _steer(session, campaign_id, Act.RESUME, reason=reason, by=by, now=now)


def cancel(
    session: Session, campaign_id: CampaignId, *, reason: str = "", by: str, now: datetime
) -> Campaign:
    """End a campaign for good: what has not left never will. Raises CannotDo, ReasonUnfit."""
    return _steer(session, campaign_id, Act.CANCEL, reason=reason, by=by, now=now)


def start_due(
    session: Session,
    *,
    brand: Brand,
    rules: Rules = DEFAULT_RULES,
    now: datetime,
    limit: int = 10,
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
    return [CampaignId(row.id or 0) for row in rows if _started(session, row, brand, rules, now)]


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


def _started(session: Session, row: CampaignRow, brand: Brand, rules: Rules, now: datetime) -> bool:
    try:
        with session.begin_nested():
            _start(session, row, brand=brand, rules=rules, by=CLOCK, now=now)
        return True
    except (CampaignError, ValueError) as error:  # ValueError: content that an older version took
        row.state, row.scheduled_for = after(State(row.state), Act.UNSCHEDULE), None
        why: dict[str, object] = {"why": type(error).__name__}
        if isinstance(error, CannotSend):
            why["checks"] = sorted({each.check.value for each in error.findings})
        noted(session, row, "start_refused", by=CLOCK, now=now, detail=why)
        return False


def _start(
    session: Session, row: CampaignRow, *, brand: Brand, rules: Rules, by: str, now: datetime
) -> Campaign:
    before = State(row.state)
    target = after(before, Act.START)
    if before is target:
        return campaign_from(row)
    checked = look_over(session, row, brand=brand, rules=rules, now=now)
    _refuse_stopped(checked)
    content = PromotionalContent.model_validate(row.content)
    row.mailing_id, row.audience_size = _make_mailing(session, row, content, brand, now)
    row.state, row.started_at = target, now
    detail: dict[str, object] = {"audience": row.audience_size}
    if checked.warnings:
        detail["warnings"] = [f"{each.check}: {each.field}" for each in checked.warnings]
    return saved(session, row, "started", by=by, now=now, detail=detail)


def _refuse_stopped(checked: Checked) -> None:
    if checked.stops:
        raise CannotSend(checked.stops)


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
    *,
    reason: str,
    by: str,
    now: datetime,
) -> Campaign:
    if "@" in reason or not reason.isprintable():
        raise ReasonUnfit
    row = locked(session, campaign_id)
    before = State(row.state)
    row.state = after(before, act)
    if row.state == before:
        return campaign_from(row)
    if row.mailing_id is not None:
        delivery.set_mailing_state(session, MailingId(row.mailing_id), STEERED[act])
    if State(row.state).is_final:
        row.ended_at = now
    why = {"why": reason} if reason else None
    return saved(session, row, row.state, by=by, now=now, detail=why)


def _is_done(session: Session, row: CampaignRow) -> bool:
    if row.mailing_id is None:
        return False
    return not delivery.unfinished(session, MailingId(row.mailing_id))


def _finish(session: Session, row: CampaignRow, now: datetime) -> CampaignId:
    row.state, row.ended_at = after(State(row.state), Act.FINISH), now
    noted(session, row, "finished", by=CLOCK, now=now)
    return CampaignId(row.id or 0)
