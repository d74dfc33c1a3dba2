"""Elsewhere two runs of the scheduler overlapped, saw the same campaign due, and each sent it
(https://github.com/mautic/mautic/issues/3669, https://github.com/ui/django-post_office/issues/326).

Here whoever starts a campaign holds its row until the mailing and all its batches are there in one
commit, under a key that no second mailing can have; the other scheduler finds nothing to start.
"""

import threading
from datetime import timedelta

from sqlalchemy import text

from mailer.campaigns import CampaignId, State
from mailer.failpoints import Failpoint, acting
from mailer.wiring import build_sender
from tests.campaigns.conftest import Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture
from workers.shift import Shift


def test_a_campaign_that_two_schedulers_find_due_is_started_once(desk: Desk) -> None:
    everybody = [desk.customer(f"{name} Example").email for name in ("Anna", "Ben", "Cleo")]
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, at=desk.now + timedelta(hours=1))
    desk.later(hours=2)
    schedulers = [Shift(desk.parts, build_sender(desk.parts, provider=desk.provider))] * 2
    slow = threading.Thread(target=schedulers[0].start_campaigns)
    is_cut, may_commit = threading.Event(), threading.Event()

    def hold(point: Failpoint) -> None:
        if point is Failpoint.CUT and threading.current_thread() is slow:
            is_cut.set()
            assert may_commit.wait(20)

    with acting(hold):
        slow.start()
        assert is_cut.wait(20)
        schedulers[1].start_campaigns()
        assert desk.look(campaign_id).state is State.SCHEDULED
        may_commit.set()
        slow.join(20)
        schedulers[1].start_campaigns()
    assert desk.look(campaign_id).state is State.SENDING
    assert starts_of(desk, campaign_id) == 1
    for _ in schedulers:
        desk.send_all()
    assert [each.recipient for each in desk.provider.accepted] == everybody


def starts_of(desk: Desk, campaign_id: CampaignId) -> int:
    with desk.database.reading() as session:
        query = text(
            "SELECT count(*) FROM ledger_entry WHERE kind = 'campaign.started'"
            " AND detail @> jsonb_build_object('campaign', CAST(:id AS bigint))"
        )
        return int(session.execute(query, {"id": campaign_id}).scalar_one())
