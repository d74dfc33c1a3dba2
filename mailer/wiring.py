"""`build(settings)`: the one place that picks concrete parts and puts them together."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from mailer.database import Database
from mailer.delivery import (
    Clocks,
    Gate,
    LettersPress,
    OptOuts,
    Pace,
    Sender,
    SenderClock,
    Senders,
    SenderSettings,
    read_pace,
)
from mailer.journal import Journal
from mailer.letters import Brand
from mailer.links import Links
from mailer.providers import Manners, MemoryProvider, Provider, SmtpProvider
from mailer.settings import ProviderName, Settings
from mailer.vault import Vault
from mailer.vocabulary import Lane

Doorbell = Callable[[Lane], None]
"""Tells the workers that there is work in a lane; losing a ring costs seconds, never mail."""
Clock = Callable[[], datetime]

REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0, 1, I, L, O, U: a reference is read out on the telephone."""


def wall_clock() -> datetime:
    """Return the time of day, aware, in UTC; the doors read it and pass it on."""
    return datetime.now(UTC)


def no_bell(lane: Lane) -> None:
    """Ring nobody; for doors without workers, whose work the next tick finds."""


def new_reference() -> str:
    """Return the number that an acknowledgement is known by, such as P-7K2M-93QD."""
    letters = [secrets.choice(REFERENCE_LETTERS) for _ in range(8)]
    return f"P-{''.join(letters[:4])}-{''.join(letters[4:])}"


@dataclass(frozen=True)
class Parts:
    """Everything that a door needs; built once per process."""

    settings: Settings
    database: Database
    vault: Vault
    links: Links
    journal: Journal
    brand: Brand
    opt_outs: OptOuts
    clock: Clock
    ring: Doorbell = field(default=no_bell)

    def close(self) -> None:
        """Give back connections and close the journal."""
        self.database.close()
        self.journal.close()


def build(
    settings: Settings, *, process: str, ring: Doorbell = no_bell, clock: Clock = wall_clock
) -> Parts:
    """Put the parts together for one process; `process` names its journal file.

    Opens no connection and starts no thread. Raises SettingsInvalid or PaceInvalid.
    """
    database = Database(settings.database_url, application=f"fpmail-{process}")
    journal = Journal(Path(settings.data_dir) / "journal", process=process)
    vault = Vault(settings.vault_keys, settings.index_keys)
    return Parts(
        settings=settings,
        database=database,
        vault=vault,
        links=Links(settings.secret_keys, settings.public_url),
        journal=journal,
        brand=_brand(settings),
        opt_outs=OptOuts(
            database, vault, journal, Clocks(now=clock, monotonic=time.monotonic), new_reference
        ),
        clock=clock,
        ring=ring,
    )


def build_sender(parts: Parts, *, provider: Provider | None = None) -> Sender:
    """Put the sender of one worker process together; `provider` replaces the configured one."""
    settings = parts.settings
    press = LettersPress(
        parts.database,
        parts.vault,
        parts.links,
        parts.brand,
        Senders(settings.from_orders, settings.from_promotional),
    )
    return Sender(
        parts.database,
        Gate(parts.database, provider or build_provider(settings)),
        press,
        parts.journal,
        SenderClock(now=parts.clock),
        SenderSettings(lease=timedelta(seconds=settings.lease_seconds), pace=_pace(settings)),
    )


def build_provider(settings: Settings) -> Provider:
    """Pick the provider that the settings name; no connection is made yet."""
    match settings.provider:
        case ProviderName.SMTP:
            return SmtpProvider(
                settings.smtp_url,
                manners=Manners(
                    hello=urlsplit(settings.public_url).hostname or "localhost",
                    connections=settings.smtp_connections,
                    reply_timeout=settings.reply_timeout,
                ),
            )
        case ProviderName.MEMORY:
            return MemoryProvider()
        case ProviderName.SENDGRID:
            raise ValueError("settings refuse this provider")


def _pace(settings: Settings) -> Pace:
    return read_pace(settings.pace_per_second, settings.pace_per_domain)


def _brand(settings: Settings) -> Brand:
    return Brand(
        company="FocalPoint",
        postal_address=settings.postal_address,
        care_email=settings.care_email,
        care_phone=settings.care_phone,
        public_url=settings.public_url,
        shop_url=settings.shop_url,
    )


def log_as_json() -> None:
    """Write one JSON line per event to standard output, with time and level; no colours."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        cache_logger_on_first_use=True,
    )
