"""A campaign as its makers see it: name, topic, content, for whom, when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NewType

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from mailer.campaigns.lifecycle import State
from mailer.campaigns.plans import Plan
from mailer.letters import PromotionalContent
from mailer.vocabulary import MailingId, Reason, Topic

CampaignId = NewType("CampaignId", int)

Language = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)
]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Audience(BaseModel):
    """Who a campaign is for; every rule that is set must hold, an empty one lets everybody pass.

    The topic is no rule of its own: who has it off, paused or never turned it on belongs to the
    audience and is refused with that reason, by the same decision as at the hand-over.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    languages: tuple[Language, ...] = Field(default=(), max_length=100)
    countries: tuple[Country, ...] = Field(default=(), max_length=300)
    ordered_since: AwareDatetime | None = None
    ordered_before: AwareDatetime | None = None
    product: str = Field(default="", max_length=64)
    """The SKU that an order must hold."""
    orders_at_least: int | None = Field(default=None, ge=1, le=10_000)

    @property
    def asks_for_orders(self) -> bool:
        """A rule about orders is set."""
        return bool(
            self.ordered_since or self.ordered_before or self.product or self.orders_at_least
        )


@dataclass(frozen=True)
class NewCampaign:
    """What a campaign is made from."""

    name: str
    topic: Topic
    content: PromotionalContent
    audience: Audience


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
    approved_by: str | None = None
    """Who approved it as it stands now: an edit takes the approval away."""
    approved_at: datetime | None = None
    copied_from: CampaignId | None = None


@dataclass(frozen=True)
class Preview:
    """How a campaign would fare now: audience = allowed + held + the refused of every reason."""

    audience: int
    allowed: int
    refused: Mapping[Reason, int]
    as_at: datetime
    held: int = 0
    """In their quiet hours at this moment: they would get it later."""
