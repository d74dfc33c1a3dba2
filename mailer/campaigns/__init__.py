"""ONE LETTER TO MANY: lifecycle (pure), audience, schedule, report."""

from mailer.campaigns import audience
from mailer.campaigns._rows import CampaignError, CampaignNotFound, ReasonUnfit
from mailer.campaigns._splitting import ChoiceTooLate
from mailer.campaigns.approval import OwnApproval, RevisionStale, approve
from mailer.campaigns.audience import Audience, Count, audience_select
from mailer.campaigns.braking import ReasonNeeded, brake_sentence, brake_stopped, shown_count
from mailer.campaigns.checks import DEFAULT_RULES, CannotSend, ContentRefused, Rules, check
from mailer.campaigns.choosing import Interval, Judgement
from mailer.campaigns.copying import clone
from mailer.campaigns.deciding import (
    Look,
    NothingToChoose,
    choose,
    decide,
    look_at,
    looks_due,
)
from mailer.campaigns.deleting import CannotDelete, delete
from mailer.campaigns.desk import (
    campaign_of,
    campaigns_page,
    cancel,
    cancelled_at,
    create,
    edit,
    finish_done,
    pause,
    resume,
    start,
)
from mailer.campaigns.digests import Digest
from mailer.campaigns.draft import FIGURES, OVER_TIME
from mailer.campaigns.drift import Drift, PublishedDrift, published_drift
from mailer.campaigns.figures import Figures
from mailer.campaigns.findings import Check, Checked, Finding, Weight
from mailer.campaigns.foresight import Foresight, NotScheduled, ZoneAhead, foresee
from mailer.campaigns.foresight_shown import PublishedForesight, published_foresight
from mailer.campaigns.gathering import (
    DigestAhead,
    NoDigest,
    PublishedAhead,
    ToldOf,
    digest_ahead,
    published_ahead,
)
from mailer.campaigns.lifecycle import Act, CannotDo, State, possible
from mailer.campaigns.pacing import set_brake, set_pace
from mailer.campaigns.plans import Hours, Plan
from mailer.campaigns.previews import count, preview, preview_step
from mailer.campaigns.repeats import Every, Repeat, Weekday
from mailer.campaigns.report import (
    FullReport,
    Report,
    full_report_of,
    report_of,
)
from mailer.campaigns.report_csv import csv_of
from mailer.campaigns.restoring import (
    Halted,
    campaign_of_key,
    number_campaigns_beyond,
    stop_begun_again,
    stop_half_sent,
    take_back_begun,
)
from mailer.campaigns.series import By, ZoneUnknown
from mailer.campaigns.splits import (
    Measure,
    Otherwise,
    Sample,
    Split,
    SplitVariant,
    VariantUnknown,
)
from mailer.campaigns.standing import BrakeFigure, Status, status_of
from mailer.campaigns.testing import TestRefused, forget_tests, send_test
from mailer.campaigns.timetable import (
    MomentPassed,
    is_any_due,
    schedule,
    start_due,
    starts_due,
    unschedule,
)
from mailer.campaigns.values import Campaign, CampaignId, Choice, How, NewCampaign

__all__ = [
    "DEFAULT_RULES",
    "FIGURES",
    "OVER_TIME",
    "Act",
    "Audience",
    "BrakeFigure",
    "By",
    "Campaign",
    "CampaignError",
    "CampaignId",
    "CampaignNotFound",
    "CannotDelete",
    "CannotDo",
    "CannotSend",
    "Check",
    "Checked",
    "Choice",
    "ChoiceTooLate",
    "ContentRefused",
    "Count",
    "Digest",
    "DigestAhead",
    "Drift",
    "Every",
    "Figures",
    "Finding",
    "Foresight",
    "FullReport",
    "Halted",
    "Hours",
    "How",
    "Interval",
    "Judgement",
    "Look",
    "Measure",
    "MomentPassed",
    "NewCampaign",
    "NoDigest",
    "NotScheduled",
    "NothingToChoose",
    "Otherwise",
    "OwnApproval",
    "Plan",
    "PublishedAhead",
    "PublishedDrift",
    "PublishedForesight",
    "ReasonNeeded",
    "ReasonUnfit",
    "Repeat",
    "Report",
    "RevisionStale",
    "Rules",
    "Sample",
    "Split",
    "SplitVariant",
    "State",
    "Status",
    "TestRefused",
    "ToldOf",
    "VariantUnknown",
    "Weekday",
    "Weight",
    "ZoneAhead",
    "ZoneUnknown",
    "approve",
    "audience",
    "audience_select",
    "brake_sentence",
    "brake_stopped",
    "campaign_of",
    "campaign_of_key",
    "campaigns_page",
    "cancel",
    "cancelled_at",
    "check",
    "choose",
    "clone",
    "count",
    "create",
    "csv_of",
    "decide",
    "delete",
    "digest_ahead",
    "edit",
    "finish_done",
    "foresee",
    "forget_tests",
    "full_report_of",
    "is_any_due",
    "look_at",
    "looks_due",
    "number_campaigns_beyond",
    "pause",
    "possible",
    "preview",
    "preview_step",
    "published_ahead",
    "published_drift",
    "published_foresight",
    "report_of",
    "resume",
    "schedule",
    "send_test",
    "set_brake",
    "set_pace",
    "shown_count",
    "start",
    "start_due",
    "starts_due",
    "status_of",
    "stop_begun_again",
    "stop_half_sent",
    "take_back_begun",
    "unschedule",
]
