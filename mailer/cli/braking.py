"""What stops a campaign, from the command line: the limits of its safety brake, changed under way."""

from typing import TYPE_CHECKING

import click

from mailer.cli.campaigns import Id, do, reason_option
from mailer.cli.house import the_actor
from mailer.cli.output import json_option

if TYPE_CHECKING:
    from sqlmodel import Session

    from mailer.campaigns import Campaign, CampaignId
    from mailer.wiring import Parts

Percent = click.FloatRange(0, 100)


@click.command()
@click.argument("campaign_id", type=Id)
@click.option("--complaints", type=Percent, help="Per cent of those accepted.")
@click.option("--hard-bounces", type=Percent, help="Per cent of those handed over.")
@click.option("--rejected", type=Percent, help="Per cent of those handed over.")
@click.option("--unknown", type=Percent, help="Per cent of those handed over.")
@click.option("--after", type=click.IntRange(1, 10**9), help="People before whom none is judged.")
@click.option("--installation", is_flag=True, help="No limits of its own any more.")
@reason_option
@json_option
def brake(
    *, campaign_id: int, installation: bool, reason: str, as_json: bool, **options: object
) -> None:
    """Change the limits that stop a campaign, also while it is under way.

    The options are all limits of its own: what is not named is the installation's.
    """
    from pydantic import ValidationError

    from mailer import campaigns
    from mailer.delivery import Brake

    given = {name: value for name, value in options.items() if value is not None}
    if bool(given) == installation:
        raise click.UsageError("name a limit, such as --complaints 0.05, or --installation alone")
    try:
        own = Brake.model_validate(given) if given else None
    except ValidationError:  # what a range lets pass: nan
        raise click.UsageError("a limit is a number of per cent from 0 to 100") from None

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.set_brake(
            session,
            number,
            own,
            installation=parts.rules.brake,
            reason=reason,
            by=the_actor(),
            now=parts.clock(),
        )

    do(campaign_id, act, as_json)
