"""How fast a campaign leaves, from the command line: slowed down or let go faster under way."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from mailer.cli.campaigns import Id, do, reason_option
from mailer.cli.house import the_actor
from mailer.cli.output import json_option, say

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

    before: Limits | None = None

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        nonlocal before
        before = campaigns.campaign_of(session, number).pace
        return campaigns.set_pace(
            session, number, limits, reason=reason, by=the_actor(), now=parts.clock()
        )

    do(campaign_id, act, as_json, ring=True)
    if not as_json:
        _say_pace(limits, before)


def _say_pace(limits: "Limits", before: "Limits | None") -> None:
    """Say what holds now and what does not any more, for who names one limit may mean that alone."""
    told = _in_words(limits)
    gone = [
        f"no {NAMED[name]} any more"
        for name in (before.stored() if before else ())
        if name not in told
    ]
    say(f"Its pace: {pace_in_words(limits)}{'; ' if gone else ''}{', '.join(gone)}.")
    if limits.fall is not None:
        high, low = limits.fall
        say(f"Note: the warm-up falls from {high:,} to {low:,}; most rise from day to day.")


NAMED = {
    "per_minute": "limit by the minute",
    "per_hour": "limit by the hour",
    "per_day": "limit by the day",
    "warm_up": "warm-up",
}
EACH = {"per_minute": "a minute", "per_hour": "an hour", "per_day": "a day"}


def pace_in_words(limits: "Limits") -> str:
    """Say how fast a campaign may leave."""
    return ", ".join(_in_words(limits).values()) or "as fast as the installation goes"


def _in_words(limits: "Limits") -> Mapping[str, str]:
    """Say each limit that there is, by its name."""
    stored = limits.stored()
    told = {name: f"{stored[name]:,} {each}" for name, each in EACH.items() if name in stored}
    if limits.warm_up:
        told["warm_up"] = "a warm-up of " + ", ".join(f"{each:,}" for each in limits.warm_up)
    return told


def _limits(options: dict[str, object]) -> "Limits":
    from mailer.delivery import Limits

    given = {name: value for name, value in options.items() if value is not None}
    curve = given.pop("warm_up", None)
    try:
        days = tuple(int(each) for each in str(curve).split(",")) if curve is not None else ()
        return Limits.model_validate({**given, "warm_up": days})
    except ValueError:  # also what a model refuses
        raise click.BadParameter(
            "write a number above 0 for each day, like 500,1000,2000", param_hint="--warm-up"
        ) from None
