"""How fast a campaign leaves and what stops it: changed also while it is under way."""

from datetime import datetime

from sqlmodel import Session

from mailer import delivery
from mailer.campaigns._rows import (
    campaign_from,
    locked,
    note,
    refuse_unfit_reason,
    stored_brake,
    stored_pace,
)
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.braking import bring_along
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.revisions import has_hand_in, is_approved, revision_of
from mailer.campaigns.values import Campaign, CampaignId
from mailer.delivery import Brake, Limits
from mailer.vocabulary import MailingId


def set_pace(
    session: Session,
    campaign_id: CampaignId,
    pace: Limits | None,
    *,
    reason: str = "",
    by: str,
    now: datetime,
) -> Campaign:
    """Give a campaign another pace, or none; it holds from the next slice on.

    What has begun stays counted, so that a change never doubles a minute's or a day's messages.
    Raises CannotDo, ReasonUnfit.
    """
    refuse_unfit_reason(reason)
    row = locked(session, campaign_id)
    row.state = after(State(row.state), Act.PACE)
    row.pace = stored_pace(pace)
    if row.mailing_id is not None:
        delivery.set_pace(session, MailingId(row.mailing_id), pace)
    detail = {"pace": row.pace, **({"why": reason} if reason else {})}
    note(session, row, "paced", by=by, now=now, detail=detail)
    return campaign_from(row)


def set_brake(
    session: Session,
    campaign_id: CampaignId,
    own: Brake | None,
    *,
    installation: Brake,
    reason: str = "",
    by: str,
    now: datetime,
) -> Campaign:
    """Give a campaign's safety brake other limits of its own, or the installation's alone.

    They hold from now on, for what was counted before, too: one that is past them stops. One that
    the brake has stopped stays so until it is resumed. Before the start an approval ends with
    another limit. Raises CannotDo, ReasonUnfit.
    """
    refuse_unfit_reason(reason)
    row = locked(session, campaign_id)
    bring_along(session, row, now=now)
    row.state = after(State(row.state), Act.BRAKE)
    _take_brake(row, own, by)
    detail = {"brake": row.brake, **({"why": reason} if reason else {})}
    note(session, row, "brake_set", by=by, now=now, detail=detail)
    if row.mailing_id is not None:
        mailing_id = MailingId(row.mailing_id)
        delivery.set_brake(session, mailing_id, installation.but_for(own), now=now)
        bring_along(session, row, now=now)
    return campaign_from(row)


def _take_brake(row: CampaignRow, own: Brake | None, by: str) -> None:
    """Write limits down: before the start they are approved too, under way they are steering."""
    covered, before = is_approved(row), row.brake
    row.brake = stored_brake(own)
    if row.mailing_id is None and row.brake != before:
        has_hand_in(row, by)
    elif covered:
        row.approved_revision = revision_of(row)
