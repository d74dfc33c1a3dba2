"""How fast a campaign leaves, from the command line: slowed down or let go faster under way."""

from typing import TYPE_CHECKING

import click
from pydantic import ValidationError

from mailer.cli.campaigns import Id, do, reason_option
from mailer.cli.house import the_actor
from mailer.cli.output import json_option

if TYPE_CHECKING:
    from sqlmodel import Session

    from mailer.campaigns import Campaign, CampaignId
    from mailer.delivery import Limits
    from mailer.wiring import Parts

Count = click.IntRange(1, 10**9)


@click.command()
@click.argument("campaign_id", type=Id)
@click.option("--per-minute", type=Count, help="Messages that begin in any 60 seconds.")
@click.option("--per-hour", type=Count, help="Messages that begin in any 3,600 seconds.")
@click.option("--per-day", type=Count, help="Messages of a day: 24 hours from its first one on.")
@click.option(
    "--warm-up", metavar="N,N,...", help="Of its first, second, third … day, like 500,1000."
)
@click.option("--unlimited", is_flag=True, help="As fast as the installation goes.")
@reason_option
@json_option
def pace(
    *, campaign_id: int, unlimited: bool, reason: str, as_json: bool, **options: object
) -> None:
    """Let a campaign go slower or faster, also while it is under way.

    The options are its whole pace: what is not named is not limited any more.
    """
    from mailer import campaigns

    limits = _limits(options)
    if limits.is_any == unlimited:
        raise click.UsageError("name a limit, such as --per-minute 600, or --unlimited alone")

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.set_pace(
            session, number, limits, reason=reason, by=the_actor(), now=parts.clock()
        )

    do(campaign_id, act, as_json, ring=True)


def _limits(options: dict[str, object]) -> "Limits":
    from mailer.delivery import Limits

    given = {name: value for name, value in options.items() if value is not None}
    curve = given.pop("warm_up", None)
    try:
        days = tuple(int(each) for each in str(curve).split(",")) if curve is not None else ()
        return Limits.model_validate({**given, "warm_up": days})
    except (ValidationError, ValueError):
        raise click.BadParameter(
            "write a number above 0 for each day, like 500,1000,2000", param_hint="--warm-up"
        ) from None
