"""ONE LETTER TO MANY: lifecycle (pure), audience, schedule, report."""

from mailer.campaigns._rows import CampaignError, CampaignNotFound
from mailer.campaigns.approval import OwnApproval, approve
from mailer.campaigns.audience import audience_select
from mailer.campaigns.checks import DEFAULT_RULES, CannotSend, ContentRefused, Rules, check
from mailer.campaigns.copying import clone
from mailer.campaigns.desk import (
    MomentPassed,
    ReasonUnfit,
    campaign_of,
    campaigns_page,
    cancel,
    create,
    edit,
    finish_done,
    is_any_due,
    pause,
    resume,
    schedule,
    start,
    start_due,
    unschedule,
)
from mailer.campaigns.findings import Check, Checked, Finding, Weight
from mailer.campaigns.lifecycle import Act, CannotDo, State, possible
from mailer.campaigns.report import Report, count, preview, report_of
from mailer.campaigns.values import Audience, Campaign, CampaignId, NewCampaign, Preview

__all__ = [
    "DEFAULT_RULES",
    "Act",
    "Audience",
    "Campaign",
    "CampaignError",
    "CampaignId",
    "CampaignNotFound",
    "CannotDo",
    "CannotSend",
    "Check",
    "Checked",
    "ContentRefused",
    "Finding",
    "MomentPassed",
    "NewCampaign",
    "OwnApproval",
    "Preview",
    "ReasonUnfit",
    "Report",
    "Rules",
    "State",
    "Weight",
    "approve",
    "audience_select",
    "campaign_of",
    "campaigns_page",
    "cancel",
    "check",
    "clone",
    "count",
    "create",
    "edit",
    "finish_done",
    "is_any_due",
    "pause",
    "possible",
    "preview",
    "report_of",
    "resume",
    "schedule",
    "start",
    "start_due",
    "unschedule",
]
