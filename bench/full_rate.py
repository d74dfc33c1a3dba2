"""A campaign that is being sent as fast as it goes, while something else is measured."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bench import campaign
from bench.stage import House, wait_for
from bench.values import CheckFailed
from mailer import campaigns
from mailer.campaigns import CampaignId

RUNNING_BEFORE = 500
"""Mails that have left before anything is measured."""


class FullRate:
    """Campaigns under way, and what they have done so far."""

    def __init__(self, house: House, ids: list[CampaignId]) -> None:
        self._house = house
        self._ids = ids
        self._began = 0.0
        self._accepted = 0

    @property
    def accepted(self) -> int:
        """How many mails the provider has taken."""
        return sum(campaign.report_of(self._house, each).books.accepted for each in self._ids)

    def begin(self) -> None:
        """Wait until mail is flowing, and note where it stands."""
        wait_for(lambda: self.accepted >= RUNNING_BEFORE, 60, "the campaign to be under way")
        self._began, self._accepted = time.perf_counter(), self.accepted

    def end(self) -> float:
        """Return the mails a second since the beginning. Raises CheckFailed if it was over."""
        per_second = (self.accepted - self._accepted) / (time.perf_counter() - self._began)
        if all(campaign.is_over(self._house, each) for each in self._ids):
            raise CheckFailed("the campaigns were over before the measurement was")
        return per_second


@contextmanager
def full_rate(house: House, count: int) -> Iterator[FullRate]:
    """Start `count` campaigns to the whole crowd, one behind the other; cancel what is left."""
    ids = [campaign.create(house) for _ in range(count)]
    for campaign_id in ids:
        campaign.start(house, campaign_id)
    running = FullRate(house, ids)
    running.begin()
    yield running
    now = datetime.now(UTC)
    for campaign_id in ids:
        if not campaign.is_over(house, campaign_id):
            with house.parts.database.transaction() as session:
                campaigns.cancel(session, campaign_id, by="bench", now=now)
    for campaign_id in ids:
        _wait_for_its_end(house, campaign_id)


def _wait_for_its_end(house: House, campaign_id: CampaignId) -> None:
    wait_for(lambda: campaign.is_over(house, campaign_id), 60, "a cancelled campaign to end")
    if not campaign.report_of(house, campaign_id).books.balance:
        raise CheckFailed("the books of a campaign do not balance")
