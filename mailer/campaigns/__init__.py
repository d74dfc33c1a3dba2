"""ONE LETTER TO MANY: lifecycle (pure), audience, schedule, report."""

from mailer.campaigns.audience import audience_select
from mailer.campaigns.desk import (
    CampaignError,
    CampaignNotFound,
    ContentRefused,
    MomentPassed,
    NoPostalAddress,
    campaign_of,
    campaigns_page,
    cancel,
    create,
    edit,
    finish_done,
    pause,
    resume,
    schedule,
    start,
    start_due,
    unschedule,
)
from mailer.campaigns.lifecycle import Act, CannotDo, State, possible
from mailer.campaigns.report import Report, count, preview, report_of
from mailer.campaigns.values import Audience, Campaign, CampaignId, NewCampaign, Preview

__all__ = [
    "Act",
    "Audience",
    "Campaign",
    "CampaignError",
    "CampaignId",
    "CampaignNotFound",
    "CannotDo",
    "ContentRefused",
    "MomentPassed",
    "NewCampaign",
    "NoPostalAddress",
    "Preview",
    "Report",
    "State",
    "audience_select",
    "campaign_of",
    "campaigns_page",
    "cancel",
    "count",
    "create",
    "edit",
    "finish_done",
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
