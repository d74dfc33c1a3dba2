"""`build(settings)`: the one place that picks concrete parts and puts them together."""

import math
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from sqlmodel import Session

from mailer import people
from mailer.campaigns import Rules
from mailer.clock import HouseClock
from mailer.database import Database
from mailer.delivery import (
    Brake,
    Clocks,
    Gate,
    LettersPress,
    Limits,
    OptOuts,
    Pace,
    PaceInvalid,
    Sender,
    SenderClock,
    Senders,
    SenderSettings,
    StartWindow,
    read_pace,
    read_warm_up,
    start_window,
)
from mailer.journal import Journal
from mailer.letters import Brand
from mailer.links import Links
from mailer.permission import Cap, CapInvalid, read_cap
from mailer.providers import (
    Manners,
    MemoryProvider,
    Provider,
    SmtpProvider,
    SmtpUrlInvalid,
    read_smtp_url,
)
from mailer.recovery import Watch, look_and_tell
from mailer.settings import ProviderName, Settings, SettingsInvalid
from mailer.vault import Vault
from mailer.vocabulary import Lane

Doorbell = Callable[[Lane], None]
"""Tells the workers that there is work in a lane; losing a ring costs seconds, never mail."""
Clock = Callable[[], datetime]

HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")

REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0, 1, I, L, O, U: a reference is read out on the telephone."""


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
    exits: Database | None = None
    """Connections that only opt-outs use, where others might take all there are."""
    window: StartWindow = start_window
    """The start window of a sender; a process that outstays it is ended."""

    @property
    def rules(self) -> Rules:
        """What this installation asks of every campaign before it leaves."""
        return Rules(
            sender=self.settings.from_promotional,
            approval_above=self.settings.approval_above,
            test_domains=_hosts("test_domains", self.settings.test_domains),
            brake=_brake(self.settings),
            cap=self.cap,
        )

    @property
    def cap(self) -> Cap:
        """How much promotional mail a mailbox gets at most, over all campaigns."""
        return _cap(self.settings)

    @property
    def pace(self) -> Pace:
        """How fast mail leaves this installation, before anybody asks for less."""
        return _pace(self.settings)

    def close(self) -> None:
        """Give back connections and close the journal."""
        self.database.close()
        if self.exits is not None:
            self.exits.close()
        self.journal.close()


def build(
    settings: Settings,
    *,
    process: str,
    ring: Doorbell = no_bell,
    clock: Clock | None = None,
    window: StartWindow = start_window,
) -> Parts:
    """Put the parts together for one process; `process` names its journal file.

    Without a `clock` the house's own is kept, which follows the database's (`mailer.clock`). Opens no connection and starts no thread. Raises SettingsInvalid.
    """
    refuse_unusable(settings)
    house = HouseClock()
    clock = clock or house
    database, exits = _databases(settings, process, house)
    journal = Journal(_journal_of(settings), process=process)
    vault = Vault(settings.vault_keys, settings.index_keys)
    return Parts(
        settings=settings,
        database=database,
        vault=vault,
        links=Links(settings.secret_keys, settings.public_url),
        journal=journal,
        brand=_brand(settings),
        opt_outs=OptOuts(
            exits or database,
            vault,
            journal,
            Clocks(now=clock, monotonic=time.monotonic),
            new_reference,
        ),
        clock=clock,
        ring=ring,
        exits=exits,
        window=window,
    )


def _databases(
    settings: Settings, process: str, clock: HouseClock
) -> tuple[Database, Database | None]:
    """Return the pool of a process; the web door gets one more, which only opt-outs use.

    The clock hears the time by the first: nobody's opt-out waits for that.
    """
    application = f"fpmail-{process}"
    if process != "web":
        return Database(settings.database_url, application=application, clock=clock), None
    pages = max(10, settings.web_threads // 4)
    return (
        Database(settings.database_url, pool_size=pages, application=application, clock=clock),
        Database(settings.database_url, pool_size=5, application=f"{application}-exits"),
    )


def refuse_unusable(settings: Settings) -> None:
    """Raise SettingsInvalid, naming the variable, for what only a sender would trip over later."""
    _hosts("link_hosts", settings.link_hosts)
    _hosts("test_domains", settings.test_domains)
    _cap(settings)
    try:
        pace = _pace(settings)
    except PaceInvalid as error:
        raise SettingsInvalid(f"MAILER_{error.setting}: {error}") from None
    if not all(name and math.isfinite(rate) for name, rate in pace.per_domain.items()):
        raise SettingsInvalid("MAILER_PACE_PER_DOMAIN is not like example.com=5,example.org=0.5")
    if settings.provider is not ProviderName.SMTP:
        return
    try:
        read_smtp_url(settings.smtp_url)
    except SmtpUrlInvalid as error:
        raise SettingsInvalid(f"MAILER_SMTP_URL cannot be used: {error}") from None


def lost_keys(session: Session, vault: Vault) -> list[str]:
    """Return a line for each variable that lacks a key under which something is stored."""
    lost = {
        "MAILER_VAULT_KEYS": vault.missing_keys(session),
        "MAILER_INDEX_KEYS": people.missing_index_keys(session, vault),
    }
    return [
        f"{name}: a key that protects stored data is missing ({', '.join(keys)}); put it back"
        for name, keys in lost.items()
        if keys
    ]


def refuse_lost_keys(settings: Settings) -> None:
    """Raise SettingsInvalid where a key is missing that protects what is stored.

    With another index key an address that opted out would not be known again. Opens a connection
    and closes it, so that it may be called before a fork. Raises DatabaseAway and SQLAlchemy's
    errors where nothing can be seen.
    """
    refuse_unusable(settings)
    database = Database(settings.database_url, pool_size=1, application="fpmail-start")
    try:
        with database.reading() as session:
            lost = lost_keys(session, Vault(settings.vault_keys, settings.index_keys))
    finally:
        database.close()
    if lost:
        raise SettingsInvalid("\n".join(lost))


def look_at_journal(settings: Settings) -> None:
    """Say in the log if promotional mail is refused here, as on a restored database.

    Opens connections and closes them, so that it may be called before a fork. Raises DatabaseAway
    and CommitInDoubt.
    """
    house = HouseClock()
    database = Database(settings.database_url, pool_size=1, application="fpmail-start", clock=house)
    try:
        database.is_ready()  # its clock hears the time before it is asked for it
        look_and_tell(database, _journal_of(settings), now=house())
    finally:
        database.close()


def _journal_of(settings: Settings) -> Path:
    return Path(settings.data_dir) / "journal"


def build_sender(
    parts: Parts,
    *,
    provider: Provider | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Sender:
    """Put the sender of one worker process together.

    `provider` replaces the configured one; `sleep` waits by the clock of the parts.
    """
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
        Gate(parts.database, provider or build_provider(settings), cap=parts.cap),
        press,
        parts.journal,
        SenderClock(now=parts.clock, sleep=sleep, window=parts.window),
        SenderSettings(
            lease=timedelta(seconds=settings.lease_seconds), pace=parts.pace, cap=parts.cap
        ),
        Watch(parts.database, parts.journal.folder, clock=parts.clock),
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
    warm_up_from, warm_up = read_warm_up(settings.warm_up)
    pace = read_pace(settings.pace_per_second, settings.pace_per_domain)
    limits = Limits(
        per_minute=settings.pace_per_minute or None,
        per_hour=settings.pace_per_hour or None,
        per_day=settings.pace_per_day or None,
        warm_up=warm_up,
    )
    return replace(pace, limits=limits, warm_up_from=warm_up_from)


def _brake(settings: Settings) -> Brake:
    return Brake(
        complaints=settings.brake_complaints,
        hard_bounces=settings.brake_hard_bounces,
        rejected=settings.brake_rejected,
        unknown=settings.brake_unknown,
        after=settings.brake_after,
    )


def _cap(settings: Settings) -> Cap:
    """Read the cap. Raises SettingsInvalid."""
    try:
        return read_cap(settings.cap)
    except CapInvalid as error:
        raise SettingsInvalid(f"MAILER_CAP: {error}") from None


def _brand(settings: Settings) -> Brand:
    return Brand(
        company="FocalPoint",
        postal_address=settings.postal_address,
        care_email=settings.care_email,
        care_phone=settings.care_phone,
        public_url=settings.public_url,
        shop_url=settings.shop_url,
        known_hosts=_hosts("link_hosts", settings.link_hosts),
    )


def _hosts(name: str, text: str) -> tuple[str, ...]:
    """Read a list of hosts. Raises SettingsInvalid for what is none, such as an address."""
    hosts = tuple(each.strip().lower() for each in text.split(",") if each.strip())
    for host in hosts:
        if not HOST.fullmatch(host):
            raise SettingsInvalid(
                f"MAILER_{name.upper()} is not like partner.example.com,example.org"
            )
    return hosts


def log_as_json() -> None:
    """Write one JSON line per event to standard output, with time and level; no colours.

    Each in one write, line end included: the processes of a worker share one pipe.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=True,
    )
