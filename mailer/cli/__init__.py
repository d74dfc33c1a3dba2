"""`fpmail`: the command line, a door like the web and the workers (docs/command-line.md)."""

import gc
import sys
from collections.abc import Sequence

import click

from mailer.cli.audiences import audience, lists
from mailer.cli.bench import bench
from mailer.cli.braking import brake
from mailer.cli.campaigns import batch, campaign
from mailer.cli.care import explain, reference, remove
from mailer.cli.checking import approve, clone, digest, test_
from mailer.cli.checking import check as check_campaign
from mailer.cli.customers import import_, tag
from mailer.cli.exits import Exit, told
from mailer.cli.installation import beat, check, demo, migrate, up, web, worker
from mailer.cli.journal import journal
from mailer.cli.keys import api_keys, keys
from mailer.cli.pacing import pace
from mailer.cli.reports import report
from mailer.cli.schedules import schedule
from mailer.cli.showing import show
from mailer.cli.standing import status

__all__ = ["Exit", "cli", "main"]

COMMANDS = (
    up,
    migrate,
    web,
    worker,
    beat,
    demo,
    check,
    import_,
    tag,
    audience,
    lists,
    campaign,
    batch,
    explain,
    reference,
    remove,
    keys,
    api_keys,
    journal,
    bench,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="focalpoint-mail", prog_name="fpmail")
def cli() -> None:
    """FocalPoint Mail: order updates, campaigns and a preference centre that keep the promise of an opt-out.

    Settings come from the environment (MAILER_*). `fpmail up` starts everything on this machine.
    """


acts = (show, status, schedule, pace, brake, check_campaign, digest, approve, test_, clone, report)
for act in acts:
    campaign.add_command(act)
for command in COMMANDS:
    cli.add_command(command)


def main(words: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its code.

    What was to be expected is told in one line on stderr for each fault, without a traceback;
    what was not is a fault of ours and shows where it happened.
    """
    # What a command loads stays: to look through it for rings costs a quarter of every start.
    gc.set_threshold(50_000, 20, 50)
    try:
        code = cli.main(words, prog_name="fpmail", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        ending = told(error)
        if ending is None:
            raise
        code, lines = ending
        for line in lines:
            click.echo(f"fpmail: {line}", err=True)
    sys.exit(code if isinstance(code, int) else Exit.DONE)
