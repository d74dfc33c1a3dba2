"""Starting a worker or the beat in this process."""

import os
import time

import structlog

from mailer.database import CommitInDoubt, DatabaseAway
from mailer.settings import Settings
from mailer.wiring import (
    build,
    build_sender,
    log_as_json,
    look_at_journal,
    refuse_lost_keys,
    refuse_unusable,
)
from workers.app import QUEUES, create_celery, create_worker_app
from workers.doorbell import BrokerDoorbell
from workers.shift import Shift

RETRY_SECONDS = 1.0
TRIES_TO_HEAR = 15
"""How often a new process of the pool asks a database that is away for the time; a pool that is to
leave waits for its newest process, too."""


def run_worker(settings: Settings) -> int:
    """Work at every lane until SIGTERM, then finish what is in hand and leave.

    A database that is away is waited for; one that is older than this host's journal is told of
    in the log. Raises SettingsInvalid, also where a key is missing that protects what is stored.
    """
    log_as_json()
    _wait_for_keys(settings)
    _look_at_journal(settings)

    def open_shift() -> Shift:
        parts = build(settings, process="worker", ring=BrokerDoorbell(settings))
        for _ in range(TRIES_TO_HEAR):  # its clock hears the time before anybody asks it
            if parts.database.is_ready():
                break
            time.sleep(RETRY_SECONDS)
        return Shift(parts, build_sender(parts))

    app = create_worker_app(settings, open_shift)
    app.worker_main(
        [
            "--quiet",
            "worker",
            "--pool=prefork",
            f"--concurrency={settings.worker_processes}",
            f"--queues={','.join(QUEUES)}",
            f"--hostname=fpmail-{os.getpid()}@%h",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            # Nobody listens to them, and a beat that waits for a broker which is gone held up who left.
            "--without-heartbeat",
            "--optimization=fair",
        ]
    )
    return 0


def _wait_for_keys(settings: Settings) -> None:
    while True:
        try:
            refuse_lost_keys(settings)
        except DatabaseAway:
            structlog.get_logger().warning("worker.waiting", why="DatabaseAway")
            time.sleep(RETRY_SECONDS)
        else:
            return


def _look_at_journal(settings: Settings) -> None:
    """Say at once where promotional mail is refused: it may be hours until some is due, and until
    then whoever restored the database would read nothing of it here."""
    try:
        look_at_journal(settings)
    except (DatabaseAway, CommitInDoubt) as error:  # each sender looks for itself before it claims
        structlog.get_logger().warning("journal.waiting", why=type(error).__name__)


def run_beat(settings: Settings) -> int:
    """Ring the clock's ticks until SIGTERM; a second beat does no harm, since ticks may repeat.

    Raises SettingsInvalid.
    """
    log_as_json()
    refuse_unusable(settings)
    app = create_celery(settings)
    # It remembers nothing from one start to the next, and may ring once more than it should.
    app.Beat(scheduler="celery.beat:Scheduler", loglevel="WARNING", quiet=True).run()
    return 0
