"""What a command works with: the settings of the environment, and the parts built from them."""

import logging
import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.cli.exits import NotConfigured, Refused

if TYPE_CHECKING:
    from mailer.settings import Settings
    from mailer.vocabulary import Lane
    from mailer.wiring import Doorbell, Parts

COMMAND_LINE = "command_line"


def the_actor() -> str:
    """Say who acts: the command line, and as whom the operating system knows its user."""
    user = os.getuid()
    try:
        login = pwd.getpwuid(user).pw_name
    except KeyError:  # a container's user may have a number alone
        login = ""
    # A name that looks like an address would be refused by the ledger.
    fits = login.isprintable() and "@" not in login
    return acts_as(login if login and fits else str(user))


def acts_as(name: str) -> str:
    """Say that somebody acts by command line, by their name."""
    return f"{COMMAND_LINE}:{name}"


def the_settings() -> "Settings":
    """Read the environment. Raises SettingsInvalid, and NotConfigured without a database."""
    from mailer.settings import read_settings

    settings = read_settings()
    if not settings.database_url:
        raise NotConfigured(
            "MAILER_DATABASE_URL is missing; name a PostgreSQL, or start one with: fpmail up"
        )
    if settings.failpoints:
        _aim(settings.failpoints)
    return settings


def _aim(folder: str) -> None:
    """Let a folder say what happens at this process's failpoints. Raises NotConfigured."""
    from mailer.development.aiming import PlanInvalid, aimed_at
    from mailer.failpoints import act_on_points

    try:
        act_on_points(aimed_at(Path(folder)))
    except PlanInvalid as error:
        raise NotConfigured(f"MAILER_FAILPOINTS: {error}") from None


def with_broker(settings: "Settings") -> "Settings":
    """Return the settings if they name a broker too. Raises NotConfigured."""
    if not settings.broker_url:
        raise NotConfigured(
            "MAILER_BROKER_URL is missing; name a Redis, Valkey or RabbitMQ, or start one with: "
            "fpmail up"
        )
    return settings


@contextmanager
def the_parts() -> Iterator["Parts"]:
    """Yield the parts of one command; workers are rung where a broker is named."""
    from mailer.wiring import build

    settings = the_settings()
    parts = build(settings, process="cli", ring=_bell(settings))
    try:
        parts.database.is_ready()  # its clock hears the time before the command asks it
        with _only_errors_logged():
            yield parts
    finally:
        parts.close()


def _bell(settings: "Settings") -> "Doorbell":
    """Return what rings the workers; only who rings loads the queue."""
    from mailer.wiring import no_bell

    @cache
    def through_the_broker() -> "Doorbell":
        from workers.doorbell import BrokerDoorbell

        return BrokerDoorbell(settings)

    def ring(lane: "Lane") -> None:
        through_the_broker()(lane)

    return ring if settings.broker_url else no_bell


@contextmanager
def _only_errors_logged() -> Iterator[None]:
    """Let standard output be the answer alone: what a command did, its answer says.

    A dry run even logs what it takes back again, such as a brake that would have closed.
    """
    import structlog

    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # or whoever logs here first would be silent for good
    )
    try:
        yield
    finally:
        structlog.configure(**before)


class AddressArgument(click.ParamType[str]):
    """An e-mail address; `-` reads it from standard input, so that no shell remembers it."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address as it was written."""
        del param, ctx
        if value != "-":
            return value
        line = sys.stdin.readline().strip()
        if not line:
            raise Refused("no address came on standard input")
        return line
