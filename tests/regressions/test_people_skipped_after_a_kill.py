"""Elsewhere the place in the list moved on when people were fetched, so that a kill lost those who
were fetched and not sent (https://github.com/knadh/listmonk/issues/3022).

Here there is no place in a list: everybody stands in a batch until what became of them is written
down, so that another worker takes up whom a killed one had claimed, and whom it had in hand is
counted as unknown.
"""

import signal
from pathlib import Path

import pytest

from mailer.failpoints import Failpoint
from tests.campaigns.conftest import Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture
from tests.regressions.worker import a_worker, sweep_an_hour_apart


@pytest.mark.parametrize(
    ("point", "sent", "unknown"), [(Failpoint.TURN_TAKEN, 3, 0), (Failpoint.IN_HAND, 0, 3)]
)
def test_whoever_a_killed_worker_had_fetched_is_sent_their_mail_or_accounted_for(
    desk: Desk, database_url: str, tmp_path: Path, point: Failpoint, sent: int, unknown: int
) -> None:
    everybody = [desk.customer(f"{name} Example").email for name in ("Anna", "Ben", "Cleo")]
    campaign_id = desk.draft()
    desk.do("start", campaign_id)
    with a_worker(database_url, tmp_path / "worker", desk.now, point, "kill") as killed:
        assert killed.process.wait(60) == -signal.SIGKILL
        assert killed.taken() == []
    desk.later(hours=1)
    sweep_an_hour_apart(desk)
    desk.send_all()
    got = [each.recipient for each in desk.provider.accepted]
    assert got == (everybody if sent else [])
    books = desk.report(campaign_id).books
    assert books.balance
    assert (books.accepted, books.unknown, books.to_go) == (sent, unknown, 0)
