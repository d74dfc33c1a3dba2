"""Elsewhere a lock ran out under a worker that was slow and not dead, a second one took it, and both
sent (https://github.com/makeplane/plane/issues/9602).

Here a lease that is over lets another worker claim the batch under a token of its own, and whoever
comes back with the old one takes nothing in hand and passes no gate; what is in hand is claimed by
nobody, however long it takes.
"""

from pathlib import Path

import pytest

from mailer.failpoints import Failpoint
from tests.campaigns.conftest import Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture
from tests.regressions.worker import a_worker, sweep_an_hour_apart


@pytest.mark.parametrize("point", [Failpoint.PRINTED, Failpoint.IN_HAND])
def test_a_worker_that_was_held_up_sends_nothing_that_another_one_sent(
    desk: Desk, database_url: str, tmp_path: Path, point: Failpoint
) -> None:
    everybody = [desk.customer(f"{name} Example").email for name in ("Anna", "Ben", "Cleo")]
    campaign_id = desk.draft()
    desk.do("start", campaign_id)
    with a_worker(database_url, tmp_path / "worker", desk.now, point, "hold") as slow:
        slow.is_held()
        desk.later(hours=1)  # its lease is over by far
        sweep_an_hour_apart(desk)
        desk.send_all()
        got = [each.recipient for each in desk.provider.accepted]
        assert got == (everybody if point is Failpoint.PRINTED else [])
        assert slow.goes_on() == 0
        desk.later(hours=1)
        desk.send_all()
        got = [each.recipient for each in desk.provider.accepted] + slow.taken()
    assert sorted(got) == sorted(everybody)
    books = desk.report(campaign_id).books
    assert books.balance
    assert (books.accepted, books.unknown) == (3, 0)
