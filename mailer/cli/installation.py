"""Starting the parts of the service, bringing the database up to date, and looking at it all."""

import sys
from collections.abc import Sequence

import click

from mailer.cli.exits import Exit, NotConfigured, Refused
from mailer.cli.house import the_parts, the_settings, with_broker
from mailer.cli.output import json_option, progress, say, say_json, table

port_option = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0: any free one.",
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when ready.")
@click.option("--no-demo", is_flag=True, help="Do not make the demo company in an empty database.")
@click.option(
    "--servers-only", is_flag=True, help="Database and broker alone: to restore a backup."
)
@port_option
def up(*, as_json: bool, no_demo: bool, servers_only: bool, port: int) -> None:
    """Start everything on this machine, and keep it running until Ctrl-C.

    Embedded servers stand in for what the environment has no URL for. For development only.
    """
    from mailer.development.up import UpOptions
    from mailer.development.up import up as start

    options = UpOptions(json=as_json, demo=not no_demo, servers_only=servers_only, port=port)
    sys.exit(start(options))


@click.command()
@json_option
def migrate(*, as_json: bool) -> None:
    """Bring the database to the tables that this version needs."""
    from mailer.migrations import migrate as apply

    applied = apply(the_settings().database_url)
    if as_json:
        say_json({"applied": applied})
        return
    say(f"Applied: {', '.join(applied)}" if applied else "The database is up to date.")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@port_option
def web(*, host: str, port: int) -> None:
    """Serve the pages and the API until SIGTERM."""
    from preference_center.server import PortTaken, serve

    try:
        serve(with_broker(the_settings()), host=host, port=port)
    except PortTaken as error:
        raise Refused(str(error)) from None


@click.command()
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="Sending processes; MAILER_WORKER_PROCESSES if not given.",
)
def worker(*, processes: int | None) -> None:
    """Send what is due in every lane until SIGTERM; what is in hand is finished first."""
    from workers.run import run_worker

    settings = with_broker(the_settings())
    if processes is not None:
        settings = settings.model_copy(update={"worker_processes": processes})
    sys.exit(run_worker(settings))


@click.command()
def beat() -> None:
    """Start what is scheduled and ring for what nobody rang for. Two of them do no harm."""
    from workers.run import run_beat

    sys.exit(run_beat(with_broker(the_settings())))


@click.command()
@click.option("--if-empty", is_flag=True, help="Leave a database with customers alone.")
@json_option
def demo(*, if_empty: bool, as_json: bool) -> None:
    """Make the demo company: 5,000 customers with orders, topics, opt-outs and campaigns."""
    from mailer.development.demo import DemoExists, seed

    with the_parts() as parts:
        if parts.settings.env != "development":
            raise NotConfigured("the demo company is for MAILER_ENV=development only")
        made = True
        try:
            with progress("Making the demo company") as advance:
                seed(parts, now=parts.clock(), progress=advance)
        except DemoExists:
            made = False
    if not made and not if_empty:
        raise Refused("the database has customers already; the demo leaves them alone")
    if as_json:
        say_json({"made": made})
    else:
        say("The demo company is there." if made else "Nothing to do: there are customers.")


@click.command()
@json_option
def check(*, as_json: bool) -> None:
    """Say whether this installation is fit to send; ends with 1 where something is missing."""
    from mailer.cli.fitness import look

    with the_parts() as parts:
        found = look(parts)
    fit = all(each.fine for each in found if each.needed)
    if as_json:
        say_json({"fit": fit, "checks": [each.as_json() for each in found]})
    else:
        _say_found([each.as_row() for each in found])
        say("Fit to send." if fit else "Not fit to send.")
    if not fit:
        sys.exit(Exit.FAILED)


def _say_found(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print what was found; the column of what to do only where there is something to do."""
    columns = ["State", "What", "What to do"]
    shown = len(columns) if any(row[-1] for row in rows) else len(columns) - 1
    table("Fit to send?", columns[:shown], [row[:shown] for row in rows])
