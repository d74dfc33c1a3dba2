"""During a deploy a newer beat may ring for what an older worker does not know."""

import logging
from pathlib import Path
from time import monotonic, sleep

import pytest
from celery.contrib.testing.worker import start_worker
from structlog.testing import capture_logs

from tests.web.house import settings_for
from workers.app import CHORES, create_celery, pass_over_unknown_doorbells


def test_a_doorbell_that_nobody_knows_is_one_line_and_the_next_one_is_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for("postgresql://nobody@nowhere/none", tmp_path, broker_url="memory://")
    app, heard = create_celery(settings), []
    pass_over_unknown_doorbells()

    @app.task(name="workers.known")  # type: ignore[untyped-decorator]
    def known() -> None:
        heard.append("known")

    with capture_logs() as lines, start_worker(app, pool="solo", perform_ping_check=False):
        app.send_task("workers.of_tomorrow", queue=CHORES)
        app.send_task("workers.known", queue=CHORES)
        end = monotonic() + 20
        while not heard and monotonic() < end:
            sleep(0.02)
    assert heard == ["known"]
    assert [(each["event"], each["name"]) for each in lines] == [
        ("doorbell.unknown", "workers.of_tomorrow")
    ]
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
