"""How a campaign stands while it is under way: what holds its mail back, and its brake's figures."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import delivery
from mailer.campaigns.desk import campaign_of
from mailer.campaigns.values import Campaign, CampaignId
from mailer.delivery import Brake, Cause, Pace, Share, Standing, Tally
from mailer.measure import FEWEST, Published, Sum, publish, published


@dataclass(frozen=True, slots=True)
class BrakeFigure:
    """What the brake counts for one cause, as far as it may be shown, and its limit in per cent."""

    cause: Cause
    count: Published
    of: int
    limit: float


@dataclass(frozen=True, slots=True)
class Status:
    """A campaign and how it stands; nothing of the latter before its start."""

    campaign: Campaign
    standing: Standing | None
    brake: tuple[BrakeFigure, ...]


def status_of(session: Session, campaign_id: CampaignId, *, pace: Pace, now: datetime) -> Status:
    """Tell when a campaign's next mail may go, who waits until when, and how near its limits it is.

    Raises CampaignNotFound.
    """
    campaign = campaign_of(session, campaign_id)
    if campaign.mailing_id is None:
        return Status(campaign, None, ())
    standing = delivery.standing_of(session, campaign.mailing_id, pace=pace, now=now)
    figures = brake_figures(standing.brake, standing.tally) if standing.brake else ()
    return Status(campaign, standing, figures)


def brake_figures(brake: Brake, tally: Tally) -> tuple[BrakeFigure, ...]:
    """Return what the brake counts: what the books tell, exactly; else from ten people on (C15).

    The books say exactly of how many the fate is unknown, and how many were rejected at the
    hand-over: a sum of these with those refused later gives a small number of the latter away,
    and is withheld, too.
    """
    shares = list(delivery.shares(brake, tally))
    counts = {each.cause.value: each.count for each in shares}
    told = publish(
        counts | {"at once": tally.rejected, "later": tally.refused_later},
        [Sum(Cause.REJECTED.value, ("at once", "later"))],
        exact={"at once", Cause.UNKNOWN.value},
        unsaid={"later"},
    )
    return tuple(
        BrakeFigure(each.cause, _shown(each, told[each.cause.value]), each.of, each.limit)
        for each in shares
    )


def _shown(share: Share, told: Published) -> Published:
    """Return a figure as it was decided, but of few people only where the books tell it, too."""
    if share.of < FEWEST and share.cause is not Cause.UNKNOWN:
        return published(share.count, among=share.of)
    return told
