"""How the command line ends: the exit codes, and one line on stderr for each thing that failed."""

import json
from enum import IntEnum

import click


class Exit(IntEnum):
    """What a script may rely on; documented in docs/command-line.md."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    AWAY = 4
    PARTLY = 5
    INTERRUPTED = 130


class Refused(click.ClickException):
    """The command was understood and not done; its text says why, and what would help."""

    exit_code = Exit.FAILED


class NotConfigured(click.ClickException):
    """The installation lacks something that this command needs."""

    exit_code = Exit.CONFIGURATION


class PartlyDone(click.ClickException):
    """The command finished, but not for everything that it was given."""

    exit_code = Exit.PARTLY


MEANING = {
    Exit.DONE: "done",
    Exit.FAILED: "refused or failed; the reason is on stderr",
    Exit.USAGE: "the command line itself is wrong",
    Exit.CONFIGURATION: "settings or keys are missing, weak or contradict each other, or the database lacks tables",
    Exit.AWAY: "the database cannot be reached, or is being migrated; try again later",
    Exit.PARTLY: "done in part: some rows were rejected and are listed",
    Exit.INTERRUPTED: "interrupted with Ctrl-C",
}


def told(error: BaseException) -> tuple[Exit, list[str]] | None:
    """Return how to end for an expected error, with its lines; None for one that is our fault."""
    if isinstance(error, click.exceptions.Exit):
        return Exit(error.exit_code), []
    if isinstance(error, click.ClickException):
        return Exit(error.exit_code), [error.format_message()]
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return Exit.INTERRUPTED, ["interrupted"]
    return _told_by_settings(error)


def _told_by_settings(error: BaseException) -> tuple[Exit, list[str]] | None:
    from mailer.settings import SettingsInvalid

    if isinstance(error, SettingsInvalid):
        return Exit.CONFIGURATION, str(error).splitlines()
    return _told_by_room(error)


def _told_by_room(error: BaseException) -> tuple[Exit, list[str]] | None:
    from sqlalchemy.exc import DBAPIError

    from mailer.campaigns import CampaignError, CannotDo, VariantUnknown
    from mailer.campaigns.audience import AudienceNotFound, ReferenceUnknown
    from mailer.database import CommitInDoubt, DatabaseAway
    from mailer.migrations import MigrationBusy
    from mailer.vault import VaultKeyMissing

    if isinstance(error, DatabaseAway | DBAPIError | CommitInDoubt):
        return _told_by_database(error)
    codes: dict[type[Exception], Exit] = {
        MigrationBusy: Exit.AWAY,
        VaultKeyMissing: Exit.CONFIGURATION,
        CampaignError: Exit.FAILED,
        AudienceNotFound: Exit.FAILED,
        ReferenceUnknown: Exit.FAILED,
        CannotDo: Exit.FAILED,
        VariantUnknown: Exit.FAILED,
    }
    for kind, code in codes.items():
        if isinstance(error, kind):
            return code, [str(error)]
    return _told_by_files(error)


def _told_by_files(error: BaseException) -> tuple[Exit, list[str]] | None:
    from mailer.journal import JournalBroken, JournalUnwritable
    from mailer.recovery import LineUnread

    if isinstance(error, JournalUnwritable):
        return Exit.FAILED, [f"the journal cannot be written, so nothing is sure: {error}"]
    if isinstance(error, JournalBroken | LineUnread):
        return Exit.FAILED, [f"{error}; decide with: fpmail journal replay --up-to-the-break"]
    if isinstance(error, json.JSONDecodeError):
        return Exit.FAILED, [f"not JSON: {error.msg} in line {error.lineno}"]
    if isinstance(error, OSError):
        return Exit.FAILED, [
            f"{error.strerror or type(error).__name__}: {error.filename or ''}".rstrip(": ")
        ]
    return None


def _told_by_database(error: BaseException) -> tuple[Exit, list[str]] | None:
    """Tell what is away and what is not migrated; any other refusal of a statement is our fault."""
    from psycopg.errors import UndefinedColumn, UndefinedTable
    from sqlalchemy.exc import DBAPIError, OperationalError

    from mailer.database import CommitInDoubt, DatabaseAway

    if isinstance(error, CommitInDoubt):
        return Exit.AWAY, ["the connection broke while saving; look before you repeat the command"]
    if isinstance(error, DatabaseAway | OperationalError):
        return Exit.AWAY, [DATABASE_AWAY]
    if isinstance(error, DBAPIError) and isinstance(error.orig, UndefinedTable | UndefinedColumn):
        return Exit.CONFIGURATION, [
            "the database lacks tables of this version; run: fpmail migrate"
        ]
    return None


DATABASE_AWAY = (
    "the database cannot be reached; see that it runs and that MAILER_DATABASE_URL names it, or "
    "start one here with: fpmail up"
)
