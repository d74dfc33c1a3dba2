"""Campaigns that start by themselves: scheduled, taken back, started when due, repeated."""

from datetime import datetime

from sqlalchemy import ColumnElement, func
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlmodel import Session, col, select

from mailer import delivery
from mailer.campaigns._rows import (
    CLOCK,
    CampaignError,
    campaign_from,
    locked,
    note,
    plan_from,
    said_why,
    split_from,
)
from mailer.campaigns._splitting import ChoiceTooLate, is_look_due, refuse_late_choice
from mailer.campaigns._starting import refuse_stopped, start_row
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.braking import stop_series
from mailer.campaigns.checks import DEFAULT_RULES, CannotSend, Rules, look_over
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.plans import Plan
from mailer.campaigns.revisions import has_hand_in, is_approved, revision_of
from mailer.campaigns.values import Campaign, CampaignId
from mailer.letters import Brand


class MomentPassed(CampaignError):
    """A campaign can be scheduled for a moment that is still to come, and for no other."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def schedule(
    session: Session,
    campaign_id: CampaignId,
    *,
    plan: Plan,
    brand: Brand,
    rules: Rules = DEFAULT_RULES,
    reason: str = "",
    by: str,
    now: datetime,
) -> Campaign:
    """Let a campaign start by itself by a plan, or change that plan.

    Raises CannotDo, MomentPassed, ChoiceTooLate, ReasonUnfit, and CannotSend where a check stops it (C27 among
    them).
    """
    why = said_why(reason)
    row = locked(session, campaign_id)
    target = after(State(row.state), Act.SCHEDULE)
    occurrence = first_to_come(plan, now)
    _take_plan(row, plan, occurrence, by)
    refuse_stopped(look_over(session, row, brand=brand, rules=rules, now=now))
    split = split_from(row)
    if split is not None:
        refuse_late_choice(session, row, split, plan.once(occurrence), now)
    row.state, row.taken_back, row.was_scheduled = target, None, True
    row.scheduled_for = max(plan.once(occurrence).begins(now), now)
    detail = {"for": row.scheduled_for.isoformat(), "plan": row.plan, **why}
    note(session, row, "scheduled", by=by, now=now, detail=detail)
    return campaign_from(row)


def _take_plan(row: CampaignRow, plan: Plan, occurrence: int, by: str) -> None:
    """Write a plan down; the first one after the approval of a draft is covered by it."""
    covered = row.plan is None and is_approved(row)
    row.plan = plan.stored()
    row.occurrence = occurrence if plan.repeat else None
    if covered:
        row.approved_revision = revision_of(row)
    has_hand_in(row, by)


def first_to_come(plan: Plan, now: datetime) -> int:
    """Return the first occurrence of a plan that is still to come; 1 for one without a repetition.

    Of a repetition it is one that has not begun anywhere on earth: whoever is past it would get
    it a day late, beside the next one. Raises MomentPassed.
    """
    is_past = plan.once(1).begins(now) <= now if plan.repeat else plan.is_past(now)
    first = plan.next_after(1, now) if is_past else 1
    if first is None:
        raise MomentPassed
    return first


def unschedule(
    session: Session, campaign_id: CampaignId, *, reason: str = "", by: str, now: datetime
) -> Campaign:
    """Take a campaign back to the drafts before it starts, and end a repetition.

    Raises CannotDo, ReasonUnfit.
    """
    why = said_why(reason)
    row = locked(session, campaign_id)
    before = State(row.state)
    take_back(row)
    if row.state != before:  # a second click takes nothing back, and the ledger tells of one
        note(session, row, "unscheduled", by=by, now=now, detail=why)
    return campaign_from(row)


def starts_due(session: Session, *, now: datetime) -> list[CampaignId]:
    """Return what is scheduled for now or earlier, the earliest first; nothing is locked."""
    due = select(CampaignRow.id).where(_is_start_due(now))
    rows = session.exec(due.order_by(col(CampaignRow.scheduled_for), col(CampaignRow.id)))
    return [CampaignId(each or 0) for each in rows]


def start_due(
    session: Session,
    *,
    brand: Brand,
    rules: Rules = DEFAULT_RULES,
    now: datetime,
    limit: int = 10,
    only: CampaignId | None = None,
) -> list[CampaignId]:
    """Start what is scheduled for now or earlier, or of it `only` one; return which were started.

    Two clocks at once do no harm: each locks different rows, and a started one is no longer due. Of
    a campaign that repeats a copy is started, and the campaign waits for its next occurrence; the
    last one it is itself. None is started where the safety brake fell on an earlier one. A campaign
    that has become unfit to send goes back to the drafts, with the reason in the ledger, instead of
    failing again at every tick. None starts while promotional mail is refused.
    """
    if delivery.halts(session):
        return []
    rows = session.exec(
        select(CampaignRow)
        .where(_is_start_due(now), only is None or col(CampaignRow.id) == only)
        .order_by(col(CampaignRow.scheduled_for))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    started = [_start_fit(session, row, brand, rules, now) for row in rows]
    return [each for each in started if each is not None]


def is_any_due(session: Session, *, now: datetime) -> bool:
    """Say whether a scheduled campaign's moment has come, or that of a split test's choice."""
    due = select(CampaignRow.id).where(_is_start_due(now) | is_look_due(now))
    return session.exec(due.limit(1)).first() is not None


def _is_start_due(now: datetime) -> ColumnElement[bool]:
    return (
        (col(CampaignRow.state) == State.SCHEDULED.value)
        & (col(CampaignRow.scheduled_for) <= now)
        & col(CampaignRow.braked).is_(None)
    )


UNFIT = (CampaignError, ValueError, RuntimeError, IntegrityError, DataError)
"""What is the campaign's own fault; ValueError: content that an older version took."""


def _is_unfit(error: Exception) -> bool:
    """Say whether a campaign, and not the database, is why it could not be started."""
    # Without PostgreSQL's own words, a StatementError is a value that could not even be sent to it.
    is_never_sent = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    return is_never_sent or isinstance(error, UNFIT)


def _start_fit(
    session: Session, row: CampaignRow, brand: Brand, rules: Rules, now: datetime
) -> CampaignId | None:
    if stop_series(session, row, now=now):
        return None
    try:
        with session.begin_nested():
            return _start(session, row, brand, rules, now)
    except Exception as error:
        if not _is_unfit(error):
            raise
        take_back(row)
        row.taken_back = _why(error)
        detail: dict[str, object] = {"why": row.taken_back, "fault": type(error).__name__}
        if isinstance(error, CannotSend):
            detail["checks"] = sorted({each.check.value for each in error.findings})
        note(session, row, "start_refused", by=CLOCK, now=now, detail=detail)
        return None


def _why(error: Exception) -> str:
    """Say in a sentence why a campaign was not started, without anything that somebody wrote."""
    if isinstance(error, ChoiceTooLate):
        return str(error)
    if not isinstance(error, CannotSend):
        return "It cannot be started as it is on file. See what its checks say, or copy it."
    said = " ".join(f"{each.text} {each.fix}" for each in error.findings)
    # A finding may repeat a letter's words, and the ledger keeps no address.
    return said if "@" not in said else "Checks stop it. See what they say now."


def _start(
    session: Session, row: CampaignRow, brand: Brand, rules: Rules, now: datetime
) -> CampaignId:
    plan, occurrence = plan_from(row), row.occurrence or 1
    following = plan.next_after(occurrence, now) if plan else None
    own = plan.once(occurrence) if plan else None
    begun = row
    if plan and own and following is not None:
        begun = _copy(session, row, own, now)
        _wait_for(session, row, plan, following, now)
    elif plan:
        _note_skipped(session, row, sum(1 for _ in plan.beginnings(occurrence)), now)
    started = start_row(session, begun, plan=own, brand=brand, rules=rules, by=CLOCK, now=now)
    return started.campaign_id


def _copy(session: Session, row: CampaignRow, plan: Plan, now: datetime) -> CampaignRow:
    """Make the campaign of one occurrence: with its own mailing, books, pause and end."""
    # Over all plans that it ever had, so that a new plan's first one is another one again.
    before = select(func.max(CampaignRow.occurrence)).where(CampaignRow.series_id == row.id)
    number = max(row.occurrence or 1, (session.execute(before).scalar_one() or 0) + 1)
    copy = CampaignRow(
        name=f"{row.name}, {plan.wall.day} {plan.wall:%B %Y}",
        topic=row.topic,
        content=row.content,
        audience=row.audience,
        split=row.split,
        state=State.SCHEDULED.value,
        plan=plan.stored(),
        scheduled_for=row.scheduled_for,
        was_scheduled=True,
        series_id=row.id,
        occurrence=number,
        created_at=now,
        created_by=row.created_by,
        authors=row.authors,
        list_changes=row.list_changes,
        pace=row.pace,
        brake=row.brake,
        digest=row.digest,
    )
    _hand_on_approval(row, copy)
    note(session, copy, "created", by=CLOCK, now=now, detail={"series": row.id})
    return copy


def _hand_on_approval(series: CampaignRow, copy: CampaignRow) -> None:
    """Let the approval of a repetition hold for one of its times, too."""
    if is_approved(series):
        copy.approved_by, copy.approved_at = series.approved_by, series.approved_at
        copy.approved_size, copy.approved_revision = series.approved_size, revision_of(copy)
        copy.counted = series.counted


def _wait_for(
    session: Session, row: CampaignRow, plan: Plan, occurrence: int, now: datetime
) -> None:
    """Let a campaign wait for its next occurrence; those that nobody could begin are passed over."""
    _note_skipped(session, row, occurrence - (row.occurrence or 1) - 1, now)
    row.occurrence = occurrence
    row.scheduled_for = plan.once(occurrence).begins(now)
    session.add(row)


def _note_skipped(session: Session, row: CampaignRow, missed: int, now: datetime) -> None:
    if missed:
        note(session, row, "skipped", by=CLOCK, now=now, detail={"occurrences": missed})


def take_back(row: CampaignRow) -> None:
    """Make a draft of a scheduled campaign. Raises CannotDo."""
    row.state = after(State(row.state), Act.UNSCHEDULE)
    row.scheduled_for = row.plan = row.occurrence = row.braked = None
