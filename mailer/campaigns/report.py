"""What became of a campaign: its books, the figures, and what changed since it was counted."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from mailer import delivery
from mailer.campaigns.counting import count_mailing, effect_of
from mailer.campaigns.desk import campaign_of
from mailer.campaigns.drift import Drift, drift_of
from mailer.campaigns.figures import NO_BOOKS, Figures, figures_of
from mailer.campaigns.series import By, zone_named
from mailer.campaigns.values import Campaign, CampaignId
from mailer.delivery import Books
from mailer.vault import Vault

NOT_STARTED = Books(0, 0, {}, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign and its books, which always balance."""

    campaign: Campaign
    books: Books

    @property
    def drift(self) -> Drift | None:
        """What changed since the campaign was counted; None before it has started."""
        return _drift(self.campaign, self.books)


def report_of(session: Session, campaign_id: CampaignId) -> Report:
    """Return what became of everybody in the audience. Raises CampaignNotFound."""
    campaign = campaign_of(session, campaign_id)
    if campaign.mailing_id is None:
        return Report(campaign, NOT_STARTED)
    return Report(campaign, delivery.books(session, campaign.mailing_id))


@dataclass(frozen=True, slots=True)
class FullReport:
    """A campaign's books, and what people did with it as far as that may be shown (C15)."""

    campaign: Campaign
    books: Books | None
    """None before the campaign has started: a zero would read as if nobody had been reached."""
    figures: Figures | None
    """None before the campaign has started."""
    zone: str
    as_at: datetime

    @property
    def drift(self) -> Drift | None:
        """What changed since the campaign was counted; None before it has started."""
        return _drift(self.campaign, self.books)

    @property
    def why_empty(self) -> str | None:
        """Say why there is nothing to report; None once there is."""
        if self.books is not None:
            return None
        if self.campaign.state.is_final:
            return "It was cancelled before it started."
        return "It has not started, so that there is nothing to report."


def _drift(campaign: Campaign, books: Books | None) -> Drift | None:
    if campaign.counted is None or campaign.mailing_id is None or books is None:
        return None
    return drift_of(campaign.counted, books)


def full_report_of(
    session: Session,
    vault: Vault,
    campaign_id: CampaignId,
    *,
    by: By = By.DAY,
    zone: str = "UTC",
    now: datetime,
) -> FullReport:
    """Return the books of a campaign and all its figures, over time by the clock of a zone.

    What each figure means: docs/reports.md. Looks at everybody in the audience, so that it takes
    seconds for a million. Raises CampaignNotFound, ZoneUnknown.
    """
    clock = zone_named(zone)
    report = report_of(session, campaign_id)
    mailing_id = report.campaign.mailing_id
    figures, books = None, None
    if mailing_id is not None:
        books = report.books
        split, started = report.campaign.split, report.campaign.started_at or now
        counts = count_mailing(session, vault, mailing_id)
        if split is not None and split.holdout_percent:
            last = max(counts.handed_over_at, default=started)
            effect = effect_of(session, mailing_id, since=started, last=last)
            counts = replace(counts, effect=effect)
        parts = delivery.books_by_part(session, mailing_id) if split else NO_BOOKS
        figures = figures_of(counts, by=by, zone=clock, split=split, books=parts, now=now)
    return FullReport(report.campaign, books, figures, zone, now)
