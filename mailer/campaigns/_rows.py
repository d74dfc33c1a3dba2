"""A campaign's row: found, locked, read as others see it, and written with its line in the ledger."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from mailer import ledger
from mailer.campaigns import drift
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import kept_audience
from mailer.campaigns.digests import Digest
from mailer.campaigns.lifecycle import State
from mailer.campaigns.plans import Plan
from mailer.campaigns.revisions import is_approved, revision_of
from mailer.campaigns.splits import Split
from mailer.campaigns.taken_back import told_in
from mailer.campaigns.values import Campaign, CampaignId, Choice
from mailer.delivery import Brake, Braked, Limits
from mailer.letters import PromotionalContent
from mailer.vocabulary import MailingId, Topic

_choice = TypeAdapter(Choice)

CLOCK = "clock"
"""The actor of what a timetable did and no person."""


class CampaignError(Exception):
    """A campaign cannot be used as asked; the text says why."""


class CampaignNotFound(CampaignError):
    """There is no campaign with this number."""


class ReasonUnfit(CampaignError):
    """A reason is one line without an address: the ledger keeps it for ever."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def refuse_unfit_reason(reason: str) -> None:
    """Let pass what the ledger may keep. Raises ReasonUnfit."""
    if "@" in reason or not reason.isprintable():
        raise ReasonUnfit


def said_why(reason: str) -> dict[str, str]:
    """Return a reason as the ledger's line keeps it, and nothing for none. Raises ReasonUnfit."""
    refuse_unfit_reason(reason)
    return {"why": reason} if reason else {}


def found(session: Session, campaign_id: CampaignId) -> CampaignRow:
    """Return the row of a campaign. Raises CampaignNotFound."""
    row = session.get(CampaignRow, campaign_id, populate_existing=True)
    if row is None:
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    return row


def locked(session: Session, campaign_id: CampaignId) -> CampaignRow:
    """Return the row of a campaign, held until the commit. Raises CampaignNotFound."""
    row = session.exec(
        select(CampaignRow)
        .where(CampaignRow.id == campaign_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    return row


def under_way(session: Session, *which: ColumnElement[bool]) -> dict[MailingId, CampaignId]:
    """Return the campaigns that have left and are not over, by mailing; without a lock."""
    rows = session.execute(
        select(col(CampaignRow.mailing_id), col(CampaignRow.id)).where(
            col(CampaignRow.state).in_(UNDER_WAY),
            col(CampaignRow.mailing_id).is_not(None),
            *which,
        )
    )
    return {MailingId(mailing_id): CampaignId(number) for mailing_id, number in rows}


def locked_under_way(session: Session, campaigns: Collection[CampaignId]) -> Sequence[CampaignRow]:
    """Return those of some campaigns that are still under way, held until the commit.

    Whose row somebody else holds is left out: the next tick finds it.
    """
    if not campaigns:
        return ()
    return session.exec(
        select(CampaignRow)
        .where(col(CampaignRow.id).in_(campaigns), col(CampaignRow.state).in_(UNDER_WAY))
        .order_by(col(CampaignRow.id))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


UNDER_WAY = (State.SENDING.value, State.PAUSED.value)


def note(
    session: Session,
    row: CampaignRow,
    what: str,
    *,
    by: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write a campaign's row with its line in the ledger: what was done, by whom, when, why."""
    session.add(row)
    session.flush()
    ledger.record(
        session,
        f"campaign.{what}",
        at=now,
        actor=by,
        mailing_id=MailingId(row.mailing_id) if row.mailing_id is not None else None,
        detail={"campaign": row.id, **(detail or {})},
    )


def campaign_from(row: CampaignRow) -> Campaign:
    """Read a row as the value that others see. Raises ValueError for an older version's content."""
    approved = is_approved(row)
    return Campaign(
        campaign_id=CampaignId(row.id or 0),
        name=row.name,
        topic=Topic(row.topic),
        content=PromotionalContent.model_validate(row.content),
        audience=kept_audience(row.audience),
        state=State(row.state),
        mailing_id=MailingId(row.mailing_id) if row.mailing_id is not None else None,
        plan=plan_from(row),
        scheduled_for=row.scheduled_for,
        series_id=CampaignId(row.series_id) if row.series_id is not None else None,
        occurrence=row.occurrence,
        created_at=row.created_at,
        created_by=row.created_by,
        started_at=row.started_at,
        ended_at=row.ended_at,
        revision=revision_of(row),
        approved_by=row.approved_by if approved else None,
        approved_at=row.approved_at if approved else None,
        approved_size=row.approved_size if approved else None,
        taken_back=told_in(State(row.state), row.taken_back),
        copied_from=CampaignId(row.copied_from) if row.copied_from is not None else None,
        pace=pace_from(row),
        split=split_from(row),
        choose_at=row.choose_at,
        choice=_choice.validate_python(row.choice) if row.choice is not None else None,
        brake=brake_from(row),
        braked=Braked.read(row.braked) if row.braked is not None else None,
        counted=drift.read(row),
        digest=digest_from(row),
        was_planned=was_planned(row),
    )


def was_planned(row: CampaignRow) -> bool:
    """Say whether a campaign was ever scheduled or begun: then others may know of it."""
    # What a journal or the clock has taken back may have reached people, whatever is on file here.
    return row.was_scheduled or row.mailing_id is not None or row.taken_back is not None


def pace_from(row: CampaignRow) -> Limits | None:
    """Read how fast a campaign may leave."""
    return None if row.pace is None else Limits.model_validate(row.pace)


def brake_from(row: CampaignRow) -> Brake | None:
    """Read the limits that a campaign sets its brake itself."""
    return None if row.brake is None else Brake.model_validate(row.brake)


def stored_brake(brake: Brake | None) -> dict[str, Any] | None:
    """Return what a campaign says of its brake as the row keeps it."""
    return None if brake is None else brake.stored()


def stored_pace(pace: Limits | None) -> dict[str, Any] | None:
    """Return a pace as it is kept; one that limits nothing is none."""
    return pace.stored() if pace is not None and pace.is_any else None


def split_from(row: CampaignRow) -> Split | None:
    """Read what a campaign tries against what."""
    return None if row.split is None else Split.model_validate(row.split)


def digest_from(row: CampaignRow) -> Digest | None:
    """Read what a campaign collects, where it is a digest."""
    return None if row.digest is None else Digest.model_validate(row.digest)


def plan_from(row: CampaignRow) -> Plan | None:
    """Read the plan by which a campaign was scheduled."""
    return None if row.plan is None else Plan.model_validate(row.plan)


def own_plan_from(row: CampaignRow) -> Plan | None:
    """Read the plan of one moment: of a repetition, that of the time which it waits for or was."""
    plan = plan_from(row)
    return plan.once(row.occurrence or 1) if plan else None
