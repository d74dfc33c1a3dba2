"""The Celery app: lanes as queues, doorbells as tasks, a tick that finds what nobody rang for."""

import gc
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from celery import Celery
from celery.schedules import schedule
from celery.signals import (
    task_unknown,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)
from kombu.entity import Queue

from mailer.settings import Settings
from mailer.vocabulary import Lane
from workers.chores import Chores
from workers.leaving import leave_within
from workers.seats import Seats
from workers.shift import STINT, Shift

CHORES = "chores"
QUEUES = (*(lane.value for lane in Lane), CHORES)
TICK_SECONDS = 2.0
SWEEP_SECONDS = 10.0
JUDGE_SECONDS = 2.0
CHORES_AT_MOST = {"tick": TICK_SECONDS / 4, "sweep": SWEEP_SECONDS / 4, "judge": JUDGE_SECONDS / 4}
"""Seconds between two of a kind in one process."""
LEAVING_SECONDS = 10.0
"""How long a process may take to leave beside its stint and the last answer that it waits for."""
PROCESS_STARTS_WITHIN = 60.0
"""Seconds until a new process that says nothing is replaced; with Celery's four, a machine that is
busy enough replaces its processes for ever."""
CHORE_SECONDS = 120
"""A chore that takes longer hangs, and its process is replaced."""


def create_celery(settings: Settings) -> Celery:
    """Build the app for a broker URL (Redis, Valkey or RabbitMQ); connects to nothing yet.

    Tasks acknowledge early: a lost doorbell costs a tick, while a late acknowledgement costs the
    worker when the broker dies with a task in hand (docs/decisions/doorbells.md). No task has an
    hour at which it expires: that would compare the clocks of two hosts.
    """
    app = Celery("fpmail", broker=settings.broker_url)
    app.conf.update(
        task_acks_late=False,
        task_ignore_result=True,
        task_default_queue=CHORES,
        task_queues=[Queue(name, routing_key=name) for name in QUEUES],  # type: ignore[no-untyped-call]
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        worker_max_tasks_per_child=None,
        worker_proc_alive_timeout=PROCESS_STARTS_WITHIN,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport_options(settings.broker_url),
        event_queue_expires=60,
        beat_schedule={
            "tick": {
                "task": "workers.tick",
                "schedule": every(TICK_SECONDS),
                "options": {"queue": CHORES},
            },
            "sweep": {
                "task": "workers.sweep",
                "schedule": every(SWEEP_SECONDS),
                "options": {"queue": CHORES},
            },
            "judge": {
                "task": "workers.judge",
                "schedule": every(JUDGE_SECONDS),
                "options": {"queue": CHORES},
            },
        },
        beat_max_loop_interval=TICK_SECONDS,
    )
    return app


def every(seconds: float) -> schedule:
    """Return when the beat rings: by its running clock, whatever its host's time of day does.

    By the time of day, a host set back an hour would ring nobody for an hour.
    """
    began, ran = datetime.now(UTC), time.monotonic()

    def steady() -> datetime:
        return began + timedelta(seconds=time.monotonic() - ran)

    return schedule(timedelta(seconds=seconds), nowfun=steady)


def _transport_options(broker_url: str) -> dict[str, object]:
    if broker_url.startswith(("redis", "rediss")):
        return {"socket_keepalive": True, "socket_timeout": 30, "visibility_timeout": 3600}
    return {"confirm_publish": True}


def create_worker_app(settings: Settings, open_shift: Callable[[], Shift]) -> Celery:
    """Build the app with its tasks; each pool process opens its own shift of parts after the fork.

    One promotional hand-over fewer than there are processes runs at a time, so that a process is
    always free for order updates.
    """
    app = create_celery(settings)
    seats = Seats(max(1, settings.worker_processes - 1))
    shifts: list[Shift] = []
    chores: list[Chores] = []

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def _open(**_: Any) -> None:
        quiet_logs()
        shift = open_shift()
        shifts.append(shift)
        chores.append(Chores(shift, CHORES_AT_MOST))
        collect_garbage_seldom()

    @worker_process_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
    def _close(**_: Any) -> None:
        chores.clear()
        while shifts:
            shifts.pop().close()

    @worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]
    def _ready(**_: Any) -> None:
        structlog.get_logger().info("worker.ready")

    @worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
    def _say(**_: Any) -> None:
        structlog.get_logger().info("worker.draining")
        leave_within(STINT + settings.reply_timeout + LEAVING_SECONDS)

    pass_over_unknown_doorbells()
    register(app, lambda: shifts[0], lambda: chores[0], seats)
    return app


def pass_over_unknown_doorbells() -> None:
    """Say in one line that a doorbell is from a newer version, and let it go; Celery's own words
    are a traceback. This version has nothing that it could do for it."""
    logging.getLogger("celery.worker.consumer.consumer").addFilter(_is_something_else)
    task_unknown.connect(_pass_over, weak=False)


def _is_something_else(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Received unregistered task")


def _pass_over(*, name: str, **_: Any) -> None:
    structlog.get_logger().warning("doorbell.unknown", name=name)


def register(
    app: Celery, shift: Callable[[], Shift], chores: Callable[[], Chores], seats: Seats
) -> None:
    """Give the app its tasks; each is a doorbell that names no mail, no person and no batch."""

    @app.task(name="workers.deliver.orders")  # type: ignore[untyped-decorator]
    def deliver_orders(**_later: object) -> None:
        shift().deliver(Lane.ORDERS)

    @app.task(name="workers.deliver.promotional")  # type: ignore[untyped-decorator]
    def deliver_promotional(**_later: object) -> None:
        shift().deliver_campaigns(seats)

    @app.task(name="workers.tick", time_limit=CHORE_SECONDS)  # type: ignore[untyped-decorator]
    def tick(**_later: object) -> None:
        chores().tick()

    @app.task(name="workers.sweep", time_limit=CHORE_SECONDS)  # type: ignore[untyped-decorator]
    def sweep(**_later: object) -> None:
        chores().sweep()

    @app.task(name="workers.judge", time_limit=CHORE_SECONDS)  # type: ignore[untyped-decorator]
    def judge(**_later: object) -> None:
        chores().judge()


def collect_garbage_seldom() -> None:
    """Leave what was made at the start out of collections, and collect after more new objects.

    A batch is thousands of small objects that no cycle holds: looking for cycles among them took
    an eighth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def quiet_logs() -> None:
    """Keep libraries that print keys, addresses or whole messages at WARNING and above."""
    for name in ("celery", "kombu", "amqp", "python_http_client", "sqlalchemy", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
