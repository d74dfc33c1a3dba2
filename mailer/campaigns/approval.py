"""A second pair of eyes: whoever neither wrote nor edited a campaign says that it may leave."""

from datetime import datetime

from sqlmodel import Session

from mailer.campaigns._rows import CampaignError, campaign_from, locked, note
from mailer.campaigns.checks import DEFAULT_RULES, CannotSend, Rules, look_over
from mailer.campaigns.findings import Check
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.values import Campaign, CampaignId
from mailer.letters import Brand


class OwnApproval(CampaignError):
    """Whoever wrote or edited a campaign cannot approve it; ask somebody else."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def approve(
    session: Session,
    campaign_id: CampaignId,
    *,
    brand: Brand,
    rules: Rules = DEFAULT_RULES,
    by: str,
    now: datetime,
) -> Campaign:
    """Approve a campaign as it stands now, on record with the size that its audience has.

    An edit takes the approval away. Two approvals agree: the first one stands. Raises CannotDo,
    OwnApproval, and CannotSend where a check stops it that no approval mends.
    """
    row = locked(session, campaign_id)
    row.state = after(State(row.state), Act.APPROVE)
    if by in row.authors:
        raise OwnApproval
    checked = look_over(session, row, brand=brand, rules=rules, now=now)
    stops = [each for each in checked.stops if each.check is not Check.APPROVAL]
    if stops:
        raise CannotSend(stops)
    if row.approved_by is None:
        row.approved_by, row.approved_at = by, now
    detail = {"audience": checked.audience}
    note(session, row, "approved", by=by, now=now, detail=detail)
    return campaign_from(row)
