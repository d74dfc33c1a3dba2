"""A second pair of eyes: whoever had no hand in a campaign says that it may leave."""

from datetime import datetime

from sqlmodel import Session

from mailer.campaigns import drift
from mailer.campaigns._rows import (
    CampaignError,
    campaign_from,
    locked,
    note,
    own_plan_from,
    said_why,
)
from mailer.campaigns.checks import DEFAULT_RULES, CannotSend, Rules, look_over
from mailer.campaigns.findings import Check
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.previews import count_of
from mailer.campaigns.revisions import has_outgrown, is_approved, may_approve, revision_of
from mailer.campaigns.values import Campaign, CampaignId
from mailer.failpoints import Failpoint, reached
from mailer.letters import Brand


class RevisionStale(CampaignError):
    """The campaign was changed since it was looked at; look again, and name its revision of now."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class OwnApproval(CampaignError):
    """Whoever wrote, edited or planned a campaign cannot approve it; ask somebody else."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def approve(
    session: Session,
    campaign_id: CampaignId,
    *,
    revision: str | None = None,
    brand: Brand,
    rules: Rules = DEFAULT_RULES,
    reason: str = "",
    by: str,
    now: datetime,
) -> Campaign:
    """Approve a campaign as it stands now, on record with its revision and its audience's size.

    `revision` is what the approver looked at, where they say. The approval holds until the letter,
    the rule, a list behind it or the plan changes, or the audience outgrows it; one that is given
    to a draft leaves the moment to its first schedule. Two approvals agree: the first one stands.
    Raises CannotDo, RevisionStale, OwnApproval, ReasonUnfit, and CannotSend where a check stops it that no
    approval mends.
    """
    why = said_why(reason)
    row = locked(session, campaign_id)
    row.state = after(State(row.state), Act.APPROVE)
    if revision is not None and revision != revision_of(row):
        raise RevisionStale
    if not may_approve(row, by):
        raise OwnApproval
    checked = look_over(session, row, brand=brand, rules=rules, now=now)
    stops = [each for each in checked.stops if each.check is not Check.APPROVAL]
    if stops:
        raise CannotSend(stops)
    if not is_approved(row) or has_outgrown(row, checked.audience):
        row.approved_by, row.approved_at = by, now
        row.approved_revision, row.approved_size = revision_of(row), checked.audience
        counted = count_of(session, row, own_plan_from(row), cap=rules.cap, brand=brand, now=now)
        row.counted = drift.stored(counted)
    detail = {"audience": checked.audience, "revision": revision_of(row), **why}
    note(session, row, "approved", by=by, now=now, detail=detail)
    reached(Failpoint.APPROVED)
    return campaign_from(row)
