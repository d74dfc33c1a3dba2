"""What the next digest would tell, and how many people."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from mailer import campaigns
from mailer.campaigns import CampaignId
from mailer.measure import Published
from mailer.vocabulary import Topic
from preference_center.systems.api.campaign_calls import Id, Reads
from preference_center.systems.api.errors import ApiRoute
from preference_center.systems.api.forms import Answer

routes = APIRouter(prefix="/campaigns", route_class=ApiRoute, tags=["Campaigns"])


class ToldOfAnswer(Answer):
    """A campaign that the digest would tell of."""

    campaign: int | None
    subject: str = Field(description="As it reads for somebody of whom nothing is known.")
    topic: Topic
    people: Published


class DigestAnswer(Answer):
    """What a digest would be if it were cut now; what concerns fewer than ten people is withheld.

    Of fewer than ten in all nothing is named that it would tell them of (C15).
    """

    id: int
    as_at: datetime
    audience: Published = Field(
        description="People with anything to be told; whom the cap will refuse is among them."
    )
    letters: Published = Field(
        description="Different letters: one for each set of campaigns that somebody is told of."
    )
    told_of: list[ToldOfAnswer] = Field(description="The newest first, six at most.")


@routes.get("/{campaign}/digest", response_model=DigestAnswer)
def look_at_a_digest(campaign: Id, call: Reads) -> DigestAnswer:
    """Tell what a digest would hold if it were cut now, and for how many."""
    with call.look_long() as session:
        ahead = campaigns.digest_ahead(
            session, CampaignId(campaign), brand=call.parts.brand, now=call.now
        )
    shown = campaigns.published_ahead(ahead)
    return DigestAnswer(
        id=campaign,
        as_at=ahead.as_at,
        audience=shown.audience,
        letters=shown.letters,
        told_of=[
            ToldOfAnswer(
                campaign=each.campaign_id, subject=each.subject, topic=each.topic, people=people
            )
            for each, people in shown.told_of
        ],
    )
