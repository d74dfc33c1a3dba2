"""Deciding a split test: its sample is looked at, and the remainder gets what did best, once.

Looking counts clicks and takes its time, so it is done without a lock and before the transaction
that decides; whoever chose by hand meanwhile has chosen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from mailer import delivery
from mailer.campaigns._rows import (
    CLOCK,
    CampaignError,
    campaign_from,
    found,
    locked,
    note,
    own_plan_from,
    plan_from,
    refuse_unfit_reason,
    split_from,
)
from mailer.campaigns._splitting import is_look_due
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.choosing import Tried, judge_split
from mailer.campaigns.counting import tried_of
from mailer.campaigns.lifecycle import State
from mailer.campaigns.splits import Otherwise, Sample, Split
from mailer.campaigns.values import Campaign, CampaignId, How
from mailer.measure import published
from mailer.vault import Vault
from mailer.vocabulary import MailingId

AGAIN = timedelta(minutes=1)
"""When a sample is looked after again that has not left yet."""


class NothingToChoose(CampaignError):
    """Nobody of this campaign waits for a choice."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Nobody of this campaign waits for a choice: {why}.")


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a sample: how each variant fared, or that it is not time yet."""

    campaign_id: CampaignId
    tried: tuple[Tried, ...] = ()
    not_before: datetime | None = None
    is_late: bool = False
    before: int = 0
    """How many looks were written down before this one."""


def looks_due(session: Session, *, now: datetime, limit: int = 10) -> list[CampaignId]:
    """Return the campaigns whose sample is to be looked at."""
    due = select(CampaignRow.id).where(is_look_due(now)).order_by(col(CampaignRow.choose_at))
    return [CampaignId(each or 0) for each in session.exec(due.limit(limit))]


def look_at(session: Session, vault: Vault, campaign_id: CampaignId, *, now: datetime) -> Look:
    """Look at the sample of a campaign, without a lock; `decide` writes down what follows.

    A sample of which somebody still waits for their first try, since it was paused or the pace is
    slow, is not looked at; nor one before its wait is over, from the last hand-over on.
    """
    row = found(session, campaign_id)
    split, plan = split_from(row), own_plan_from(row)
    if split is None or split.sample is None or row.mailing_id is None:
        return Look(campaign_id)
    use_by = plan.deadline if plan else None
    if use_by is not None and use_by <= now:
        return Look(campaign_id, is_late=True)
    mailing_id, before = MailingId(row.mailing_id), row.looks or 0
    ready = _ready_at(delivery.stands_of(session, mailing_id), split.sample, before, now)
    if ready > now:
        return Look(campaign_id, not_before=min(ready, use_by or ready), before=before)
    return Look(campaign_id, tuple(tried_of(session, vault, mailing_id, split)), before=before)


def _ready_at(stands: delivery.Stands, sample: Sample, looks: int, now: datetime) -> datetime:
    if stands.to_go:
        return now + AGAIN
    if stands.last_handed is None:
        return now
    wait = sample.wait_minutes + (sample.again_minutes or 0 if looks else 0)
    return stands.last_handed + timedelta(minutes=wait)


def decide(session: Session, look: Look, *, now: datetime) -> Campaign | None:
    """Choose by what was seen, or look again later; None where it was decided meanwhile.

    The remainder goes on with the winner; where there are too few to tell, as was set before. Of
    two workers that looked at once the second has seen nothing new and is not heard, nor is one
    whose campaign was paused meanwhile. The caller rings the bell of the promotional lane after
    its commit.
    """
    row = locked(session, look.campaign_id)
    split = split_from(row)
    if split is None or split.sample is None or not _is_heard(row, look):
        return None
    if look.not_before is not None:
        row.choose_at = look.not_before
        session.add(row)
        return None
    if look.is_late:
        return _chosen(session, row, None, How.TOO_LATE, by=CLOCK, now=now)
    return _judge(session, row, split, split.sample, look.tried, now)


def _is_heard(row: CampaignRow, look: Look) -> bool:
    is_new = look.is_late or look.before == (row.looks or 0)
    return is_new and _is_waiting(row) and State(row.state) is State.SENDING


def _judge(
    session: Session,
    row: CampaignRow,
    split: Split,
    sample: Sample,
    tried: Sequence[Tried],
    now: datetime,
) -> Campaign | None:
    judged = judge_split(tried, looks=sample.looks)
    figures = {"measure": split.measure.value, "figures": _told(split, tried)}
    row.looks = (row.looks or 0) + 1
    if judged.winner is not None:
        winner = judged.winner
        return _chosen(session, row, winner, How.WINNER, by=CLOCK, figures=figures, now=now)
    if row.looks < sample.looks:
        row.choose_at = now + timedelta(minutes=sample.again_minutes or 0)
        session.add(row)
        note(session, row, "looked", by=CLOCK, now=now, detail=figures)
        return None
    first = 1 if sample.otherwise is Otherwise.FIRST else None
    return _chosen(session, row, first, How.TOO_FEW, by=CLOCK, figures=figures, now=now)


def choose(
    session: Session,
    campaign_id: CampaignId,
    *,
    variant: str | None,
    reason: str = "",
    by: str,
    now: datetime,
) -> Campaign:
    """Choose by hand what the remainder gets, before the clock does; None lets all go on as drawn.

    Choosing the same again changes nothing. The caller rings the bell of the promotional lane
    after its commit. Raises CampaignNotFound, NothingToChoose, VariantUnknown, ReasonUnfit.
    """
    refuse_unfit_reason(reason)
    row = locked(session, campaign_id)
    split = split_from(row)
    if split is None or split.sample is None:
        raise NothingToChoose("it tries nothing on a sample")
    number = split.number_of(variant) if variant is not None else None
    if row.choice is not None and row.choice["variant"] == _name(split, number):
        return campaign_from(row)
    if not _is_waiting(row):
        raise NothingToChoose(_why_nobody_waits(row))
    return _chosen(session, row, number, How.BY_HAND, by=by, why=reason, now=now)


def _why_nobody_waits(row: CampaignRow) -> str:
    if row.choice is not None:
        return "it was made"
    return "it has not started" if row.mailing_id is None else "it is over"


def _is_waiting(row: CampaignRow) -> bool:
    is_under_way = State(row.state) in {State.SENDING, State.PAUSED}
    return is_under_way and row.mailing_id is not None and row.choice is None


def _chosen(
    session: Session,
    row: CampaignRow,
    variant: int | None,
    how: How,
    *,
    by: str,
    why: str = "",
    figures: Mapping[str, object] | None = None,
    now: datetime,
) -> Campaign:
    split, plan = split_from(row), plan_from(row)
    if split is None:
        raise RuntimeError("a choice was made where there is none")
    mailing_id = MailingId(row.mailing_id or 0)
    by_day = plan is not None and plan.local
    people = delivery.release(
        session, mailing_id, variant=variant, moved=split.moved_to(variant), by_day=by_day, now=now
    )
    name = _name(split, variant)
    row.choice = {
        "variant": name,
        "how": how.value,
        "at": now.isoformat(),
        "by": by,
        "why": why,
        "people": people,
    }
    row.choose_at = None
    detail = {"variant": name, "how": how.value, "people": people, **(figures or {})}
    detail |= {"why": why} if why else {}
    note(session, row, "chosen", by=by, now=now, detail=detail)
    return campaign_from(row)


def _name(split: Split, variant: int | None) -> str | None:
    return None if variant is None else split.name_of(variant)


def _told(split: Split, tried: Sequence[Tried]) -> list[dict[str, object]]:
    """Tell what was seen for the ledger, which is read by others than the report is (C15)."""
    return [
        {
            "variant": split.name_of(each.variant),
            "people": each.people,
            "successes": published(each.successes, among=each.people),
        }
        for each in tried
    ]
