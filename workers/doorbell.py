"""Ringing the workers: 'there is work in this lane', never the work itself."""

import structlog
from kombu.exceptions import OperationalError

from mailer.settings import Settings
from mailer.vocabulary import Lane
from workers.app import create_celery

log = structlog.get_logger()


class BrokerDoorbell:
    """Rings through the broker; a broker that is away costs seconds, never mail."""

    def __init__(self, settings: Settings) -> None:
        self._app = create_celery(settings)
        # One quick try: the answer to a customer never waits for a doorbell.
        self._app.conf.broker_transport_options = {
            **self._app.conf.broker_transport_options,
            "max_retries": 0,
            "socket_connect_timeout": 1,
            "socket_timeout": 2,
        }

    def __call__(self, lane: Lane) -> None:
        """Ring one lane. Never raises: the clock's tick finds what nobody rang for."""
        try:
            self._app.send_task(f"workers.deliver.{lane.value}", queue=lane.value, retry=False)
        except (OperationalError, OSError) as error:
            log.warning("doorbell.silent", lane=lane, why=type(error).__name__)
