"""A copy of any campaign as a new draft: its letter, topic, audience and pace, and nothing of its past."""

from datetime import datetime

from sqlmodel import Session

from mailer.campaigns._rows import campaign_from, found, note, said_why
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.values import Campaign, CampaignId


def clone(
    session: Session,
    campaign_id: CampaignId,
    *,
    name: str = "",
    reason: str = "",
    by: str,
    now: datetime,
) -> Campaign:
    """Copy a campaign into a new draft, under a name of its own or the same one.

    What the copied one was approved for, sent or scheduled stays behind. Its content is not
    checked anew: `check` and the start do that. Raises CampaignNotFound, ReasonUnfit.
    """
    why = said_why(reason)
    source = found(session, campaign_id)
    after(State(source.state), Act.CLONE)
    row = CampaignRow(
        name=name or source.name,
        topic=source.topic,
        content=source.content,
        audience=source.audience,
        split=source.split,
        state=State.DRAFT.value,
        created_at=now,
        created_by=by,
        authors=[by],
        copied_from=campaign_id,
        pace=source.pace,
        brake=source.brake,
        digest=source.digest,
    )
    note(session, row, "created", by=by, now=now, detail={"copied_from": campaign_id, **why})
    return campaign_from(row)
