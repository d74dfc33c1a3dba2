"""`fpmail bench`: the measurements, from a checkout (docs/performance.md)."""

import sys
from datetime import datetime

import click

from mailer.cli.exits import Refused
from mailer.cli.output import json_option


@click.command()
@click.argument("measures", nargs=-1, metavar="[MEASURE]...")
@click.option("--quick", is_flag=True, help="Small sizes, five minutes.")
@click.option("--save", is_flag=True, help="Keep the result; draw docs/performance.md anew.")
@click.option(
    "--date", type=click.DateTime(), help="The date to stamp it with, in UTC; now if not given."
)
@json_option
def bench(
    *, measures: tuple[str, ...], quick: bool, save: bool, date: datetime | None, as_json: bool
) -> None:
    """Measure this version beside other programs, on servers of its own.

    Without a name every measure is run, which takes about an hour; docs/performance.md names them.
    """
    try:
        from bench.door import measure
        from bench.measures import MEASURES
    except ImportError as error:
        raise Refused(f"the measurements need a development checkout: {error}") from None
    names = [each.name for each in MEASURES]
    if unknown := set(measures) - set(names):
        raise Refused(
            f"there is no measure {', '.join(sorted(unknown))}; there are: {', '.join(names)}"
        )
    if save and measures:
        raise Refused("only a whole run is kept: leave out the names")
    sys.exit(measure(is_quick=quick, only=measures, as_json=as_json, save=save, now=date))
