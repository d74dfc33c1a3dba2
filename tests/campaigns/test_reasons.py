"""Why something was done to a campaign stands in the ledger's line of it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mailer import campaigns
from mailer.campaigns import CampaignId, ReasonUnfit
from tests.campaigns.conftest import BY, Desk, new_campaign

WHY = "The fair was moved."
STAFF = "anna@focalpointsystem.com"


def act(desk: Desk, what: str, campaign_id: CampaignId, reason: str) -> None:
    parts, at = desk.parts, desk.now + timedelta(hours=1)
    if what == "edit":
        with desk.database.transaction() as session:
            campaigns.edit(
                session,
                campaign_id,
                new_campaign(),
                brand=parts.brand,
                reason=reason,
                by=BY,
                now=desk.now,
            )
        return
    if what == "send_test":
        with desk.database.transaction() as session:
            campaigns.send_test(
                session,
                parts.vault,
                campaign_id,
                to=[STAFF],
                brand=parts.brand,
                rules=parts.rules,
                reason=reason,
                by=BY,
                now=desk.now,
            )
        return
    more: dict[str, dict[str, Any]] = {
        "schedule": {"at": at},
        "approve": {"by": "api_key:7"},
    }
    desk.do(what, campaign_id, reason=reason, **more.get(what, {}))


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("schedule", "scheduled"),
        ("unschedule", "unscheduled"),
        ("start", "started"),
        ("approve", "approved"),
        ("edit", "edited"),
        ("clone", "created"),
        ("send_test", "tested"),
    ],
)
def test_a_reason_stands_in_the_ledger_and_holds_no_address(
    desk: Desk, what: str, line: str
) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    if what == "unschedule":
        act(desk, "schedule", campaign_id, "")
    with pytest.raises(ReasonUnfit):
        act(desk, what, campaign_id, f"{STAFF} wants it.")
    act(desk, what, campaign_id, WHY)
    with desk.database.reading() as session:
        newest = session.execute(
            text(
                "SELECT kind, detail ->> 'why' FROM ledger_entry WHERE kind LIKE 'campaign.%'"
                " ORDER BY id DESC LIMIT 1"
            )
        ).one()
    assert tuple(newest) == (f"campaign.{line}", WHY)
