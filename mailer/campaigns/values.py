"""A campaign as its makers see it: name, topic, content, for whom, when."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from mailer.campaigns.audience import Audience, Count
from mailer.campaigns.digests import Digest
from mailer.campaigns.lifecycle import State
from mailer.campaigns.plans import Plan
from mailer.campaigns.splits import Split
from mailer.delivery import Brake, Braked, Limits
from mailer.letters import PromotionalContent
from mailer.vocabulary import MailingId, Topic

CampaignId = NewType("CampaignId", int)


@dataclass(frozen=True)
class NewCampaign:
    """What a campaign is made from."""

    name: str
    topic: Topic
    content: PromotionalContent
    audience: Audience
    pace: Limits | None = None
    """How fast it may leave; None: as fast as the installation does."""
    split: Split | None = None
    brake: Brake | None = None
    """Limits of the safety brake of its own, beside the installation's."""
    digest: Digest | None = None
    """What it collects; None for a campaign that tells its own news alone."""


class How(StrEnum):
    """How it came about what the remainder of a split test gets."""

    WINNER = "winner"
    TOO_FEW = "too_few"
    BY_HAND = "by_hand"
    TOO_LATE = "too_late"


@dataclass(frozen=True)
class Choice:
    """What the remainder of a split test got, decided once."""

    variant: str | None
    """The name of a variant; None where all go on, each with what they were drawn for."""
    how: How
    at: datetime
    by: str
    why: str = ""
    people: int = 0
    """How many had waited for it."""


@dataclass(frozen=True)
class Campaign:
    """A campaign on file."""

    campaign_id: CampaignId
    name: str
    topic: Topic
    content: PromotionalContent
    audience: Audience
    state: State
    mailing_id: MailingId | None
    """The mailing that carries it, once it has started."""
    plan: Plan | None
    """By what plan it is scheduled, or was."""
    scheduled_for: datetime | None
    """When its audience is cut: for everybody's own time, before the first clock shows it."""
    series_id: CampaignId | None
    """The campaign that repeats, of which this one is an occurrence."""
    occurrence: int | None
    """Which occurrence it is; of a campaign that repeats, the next one."""
    created_at: datetime
    created_by: str
    started_at: datetime | None
    ended_at: datetime | None
    revision: str = ""
    """A digest of what it says, to whom and when: what an approval is given for."""
    approved_by: str | None = None
    """Who approved it as it stands now: a change of its revision takes the approval away."""
    approved_at: datetime | None = None
    approved_size: int | None = None
    """People, counted at the approval."""
    taken_back: str | None = None
    """Why the clock took it back to the drafts instead of starting it; none once it is scheduled."""
    copied_from: CampaignId | None = None
    pace: Limits | None = None
    split: Split | None = None
    choose_at: datetime | None = None
    """When the sample of a split test is looked at next, for whose choice a remainder waits."""
    choice: Choice | None = None
    brake: Brake | None = None
    digest: Digest | None = None
    braked: Braked | None = None
    """Why the safety brake has stopped it, until it is resumed."""
    was_planned: bool = False
    """Whether it was ever scheduled, or begun, even if it is a draft now."""
    counted: Count | None = None
    """How it would have fared, counted at its approval, or at its start where it had none."""
