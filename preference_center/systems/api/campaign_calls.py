"""What the calls about campaigns have in common: who may call, the id, an act and its answer."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel
from sqlmodel import Session

from mailer import campaigns
from mailer.access import ApiScope
from mailer.campaigns import Campaign, CampaignId
from mailer.vocabulary import Lane
from preference_center.systems.api.calls import Call, Needs, Receipt
from preference_center.systems.api.campaign_answers import campaign_answers
from preference_center.systems.api.campaign_shapes import CampaignAnswer

Writes = Annotated[Call, Depends(Needs(ApiScope.CAMPAIGNS))]
Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.CAMPAIGNS))]
Approves = Annotated[Call, Depends(Needs(ApiScope.APPROVE))]
Looks = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.CAMPAIGNS, ApiScope.APPROVE))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The campaign's id.")]


def done(
    call: Call,
    act: Callable[[Session], Campaign],
    *,
    form: BaseModel | None = None,
    rings: tuple[Lane, ...] = (),
) -> CampaignAnswer:
    """Do the act once under the call's Idempotency-Key; return its campaign as it is then."""

    def work(session: Session) -> Receipt:
        return Receipt({"campaign": act(session).campaign_id}, rings=rings)

    return as_it_is(call, call.once(form, work)["campaign"])


def as_it_is(call: Call, campaign: int) -> CampaignAnswer:
    """Return a campaign as it is now, or raise CampaignNotFound."""
    with call.look() as session:
        found = campaigns.campaign_of(session, CampaignId(campaign))
        return campaign_answers(session, [found])[0]
