"""What the environment may set. Weak or missing secrets refuse to start outside development."""

import base64
import binascii
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

KEY_BYTES = 32


class SettingsInvalid(Exception):
    """The environment cannot be used; the text names each variable and what would be right."""


class Environment(StrEnum):
    """Where we run: on a developer's machine, or for real customers."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class ProviderName(StrEnum):
    """How mail leaves."""

    SMTP = "smtp"
    SENDGRID = "sendgrid"
    MEMORY = "memory"


def _keys(value: object) -> object:
    """Read a comma-separated list of base64 keys, oldest first."""
    if not isinstance(value, str):
        return value
    return tuple(_key(part.strip()) for part in value.split(",") if part.strip())


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64; make one with: fpmail keys create") from None
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"holds {len(key)} bytes instead of {KEY_BYTES}; make one with: fpmail keys create"
        )
    if len(set(key)) < 8:
        raise ValueError(
            "is a default or a pattern, not a random key; make one with: fpmail keys create"
        )
    return key


Keys = Annotated[tuple[bytes, ...], BeforeValidator(_keys)]


class Settings(BaseModel):
    """Every setting of the service, frozen; read once, by the wiring, from `MAILER_*`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    env: Environment = Environment.PRODUCTION
    data_dir: Path = Path(".data")
    database_url: str = Field(default="", repr=False)
    broker_url: str = Field(default="", repr=False)
    public_url: str = "http://127.0.0.1:8000"
    shop_url: str = "https://shop.focalpointsystem.com"
    """Where the shop lives, for links in mail."""

    secret_keys: Keys = Field(default=(), repr=False)
    """Sign links; oldest first; never drop one that has signed an unsubscribe link."""
    vault_keys: Keys = Field(default=(), repr=False)
    """Wrap the key of each person; oldest first."""
    index_keys: Keys = Field(default=(), repr=False)
    """Make the blind index; oldest first; an erased person's hash needs its key for ever."""

    provider: ProviderName = ProviderName.SMTP
    smtp_url: str = Field(default="", repr=False)
    """smtp://, smtp+starttls:// or smtps://, with user and password where needed."""
    smtp_connections: int = Field(default=4, ge=1, le=50)
    sendgrid_api_key: str = Field(default="", repr=False)
    sendgrid_url: str = "https://api.sendgrid.com"
    sendgrid_webhook_keys: str = ""
    from_orders: str = "FocalPoint Orders <orders@focalpointsystem.com>"
    from_promotional: str = "FocalPoint <news@focalpointsystem.com>"

    postal_address: str = ""
    """The company's street address (C27); without it no promotional mail can be scheduled."""
    link_hosts: str = ""
    """Hosts, divided by commas, to which campaigns may link beside our own; subdomains go along."""
    approval_above: int = Field(default=1000, ge=0)
    """People; a campaign to more of them needs somebody else's approval. 0 asks for it always."""
    test_domains: str = ""
    """Domains, divided by commas, whose addresses may get tests of campaigns; none: the sender's."""
    care_email: str = "CustomerCare@FocalPointSystem.com"
    care_phone: str = "(800) 363-5519"

    pace_per_second: float = Field(default=0, ge=0, allow_inf_nan=False)
    """Messages a second over all workers; 0 for as fast as the provider takes them."""
    pace_per_minute: int = Field(default=0, ge=0, le=10**9)
    """Messages in any 60 seconds over all workers; 0 for no limit. Likewise by hour and day."""
    pace_per_hour: int = Field(default=0, ge=0, le=10**9)
    pace_per_day: int = Field(default=0, ge=0, le=10**9)
    warm_up: str = ""
    """A new sending domain's warm-up: `2026-12-01:500,1000,2000`, first day (UTC), then messages of
    the first, second, third … day."""
    pace_per_domain: str = ""
    """Slower domains, as `example.com=5,example.org=0.5`, in messages a second."""
    brake_complaints: float = Field(default=0.1, ge=0, le=100, allow_inf_nan=False)
    """Per cent past which a campaign stops; a campaign may have limits of its own. 100: never."""
    brake_hard_bounces: float = Field(default=5, ge=0, le=100, allow_inf_nan=False)
    brake_rejected: float = Field(default=10, ge=0, le=100, allow_inf_nan=False)
    brake_unknown: float = Field(default=5, ge=0, le=100, allow_inf_nan=False)
    brake_after: int = Field(default=200, ge=1, le=10**9)
    """People handed over before whom nothing is judged."""
    cap: str = ""
    """Promotional mails to one mailbox at most, over all campaigns: `3/7d`, or `1/1d,3/7d`."""
    reply_timeout: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    """Seconds that the provider may take to answer a message before its fate is unknown."""
    lease_seconds: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    """Seconds that a claimed batch stays its worker's own before another may take it."""
    worker_processes: int = Field(default=4, ge=2)
    """Sending processes of a worker; one of them is always free for order updates."""
    web_threads: int = Field(default=100, ge=1)
    mail_catcher: str = ""
    """Folder of the development mail catcher; refused beside a real provider."""
    failpoints: str = ""
    """Folder that says at which steps processes are ended, for tests; refused in production."""

    @model_validator(mode="after")
    def _nothing_is_broken_on_purpose_in_production(self) -> "Settings":
        if self.failpoints and self.env is not Environment.DEVELOPMENT:
            raise ValueError("MAILER_FAILPOINTS works with MAILER_ENV=development only; unset it")
        return self

    @model_validator(mode="after")
    def _catcher_is_for_development_only(self) -> "Settings":
        if self.mail_catcher and self.env is not Environment.DEVELOPMENT:
            raise ValueError("MAILER_MAIL_CATCHER works with MAILER_ENV=development only; unset it")
        if self.mail_catcher and not _is_loopback(self.smtp_url):
            raise ValueError("MAILER_MAIL_CATCHER works beside the catcher on this machine only")
        return self

    @model_validator(mode="after")
    def _secrets_are_there(self) -> "Settings":
        for name in ("secret_keys", "vault_keys", "index_keys"):
            if not getattr(self, name):
                raise ValueError(
                    f"MAILER_{name.upper()} is missing; make one with: fpmail keys create"
                )
        if len({*self.secret_keys, *self.vault_keys, *self.index_keys}) < (
            len(self.secret_keys) + len(self.vault_keys) + len(self.index_keys)
        ):
            raise ValueError(
                "the same key stands in two places; make new ones with: fpmail keys create"
            )
        return self

    @model_validator(mode="after")
    def _data_has_a_place_of_its_own(self) -> "Settings":
        """A folder relative to wherever a process was started would be another one each time."""
        given = "data_dir" in self.model_fields_set and self.data_dir.is_absolute()
        if self.env is Environment.PRODUCTION and not given:
            raise ValueError(
                "MAILER_DATA_DIR must name an absolute path in production, such as /var/lib/fpmail"
            )
        return self

    @model_validator(mode="after")
    def _provider_is_complete(self) -> "Settings":
        if self.provider is ProviderName.SMTP and not self.smtp_url:
            raise ValueError("MAILER_SMTP_URL is missing; for example smtp://mail.example.com:587")
        if self.provider is ProviderName.SENDGRID:
            raise ValueError("MAILER_PROVIDER=sendgrid is not supported yet; use smtp")
        if self.provider is ProviderName.MEMORY and self.env is Environment.PRODUCTION:
            raise ValueError("MAILER_PROVIDER=memory sends nothing; production needs smtp")
        if self.env is Environment.PRODUCTION and not self.public_url.startswith("https://"):
            raise ValueError("MAILER_PUBLIC_URL must start with https:// in production")
        return self


def _is_loopback(url: str) -> bool:
    host = url.rpartition("@")[2].removeprefix("smtp://").partition(":")[0].partition("/")[0]
    return host in {"127.0.0.1", "localhost"}


def read_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Return the settings that the environment gives.

    `environment` replaces the process's own, for tests and for the supervisor. Raises
    SettingsInvalid with one line per fault; a secret's value never stands in it.
    """
    try:
        given = {
            name.removeprefix("MAILER_").lower(): value
            for name, value in (os.environ if environment is None else environment).items()
            if name.startswith("MAILER_")
        }
        return Settings.model_validate({**given, **overrides})
    except ValidationError as error:
        raise SettingsInvalid("\n".join(_fault(part) for part in error.errors())) from None


def _fault(error: Any) -> str:
    where = "_".join(str(part) for part in error["loc"])
    text = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        text = "is no setting of this version; see docs/operations.md for all of them"
    return f"MAILER_{where.upper()} {text}" if where else text
