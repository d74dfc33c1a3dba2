"""What is done before a campaign leaves, from the command line: checked, approved, tested, copied."""

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mailer.cli.campaigns import Id, do, reason_option
from mailer.cli.exits import Refused
from mailer.cli.house import AddressArgument, acts_as, the_actor, the_parts
from mailer.cli.output import json_option, say, say_json, table

if TYPE_CHECKING:
    from sqlmodel import Session

    from mailer.campaigns import Campaign, CampaignId
    from mailer.wiring import Parts

NAME = re.compile(r"[^\W_][\w .'-]{0,63}")


@click.command()
@click.argument("campaign_id", type=Id)
@json_option
def check(*, campaign_id: int, as_json: bool) -> None:
    """Say what keeps a campaign from leaving now, and what is worth a look before it does.

    Ends with 1 while anything stops it; warnings do not count.
    """
    from mailer import campaigns
    from mailer.campaigns import CampaignId
    from mailer.measure import in_words, published

    with the_parts() as parts, parts.database.reading() as session:
        checked = campaigns.check(
            session,
            CampaignId(campaign_id),
            brand=parts.brand,
            rules=parts.rules,
            now=parts.clock(),
        )
    size = published(checked.audience)
    if as_json:
        say_json({"campaign": campaign_id, **asdict(checked), "audience": size})
    elif checked.findings:
        table(
            f"Campaign {campaign_id}, {in_words(size)} people",
            ["", "Where", "What", "Fix"],
            [
                (each.weight.value, each.field, each.text, each.fix)
                for each in [*checked.stops, *checked.warnings]
            ],
        )
    else:
        say(f"Campaign {campaign_id}: nothing was found. {in_words(size)} people.")
    if checked.stops:
        raise Refused(f"campaign {campaign_id} cannot be sent: {len(checked.stops)} stop it")


@click.command()
@click.argument("campaign_id", type=Id)
@click.option("--by", "name", required=True, help="Who approves it, by name; kept in the ledger.")
@click.option("--revision", help="Which revision was looked at: another one is not approved.")
@reason_option
@json_option
def approve(
    *, campaign_id: int, name: str, revision: str | None, reason: str, as_json: bool
) -> None:
    """Approve a campaign as it stands now; a change of it takes the approval away.

    Whoever can run this command is trusted with the name: where that is too much, let a key with
    the scope `approve` do it.
    """
    from mailer import campaigns

    if not NAME.fullmatch(name):
        raise click.BadParameter("write a name of letters, digits, . and -", param_hint="--by")
    by = acts_as(name)

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.approve(
            session,
            number,
            revision=revision,
            brand=parts.brand,
            rules=parts.rules,
            reason=reason,
            by=by,
            now=parts.clock(),
        )

    first = do(campaign_id, act, as_json).approved_by
    if first != by and not as_json:
        say(f"It was already approved by {first}; that approval stands.")


@click.command("test")
@click.argument("campaign_id", type=Id)
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True, type=AddressArgument())
@click.option(
    "--reader",
    type=click.Choice(["known", "unknown"]),
    default="known",
    help="Whether all is known of the invented reader, or nothing.",
)
@click.option("--variant", help="A variant of a split test; else the campaign's own letter.")
@reason_option
@json_option
def test_(
    *,
    campaign_id: int,
    addresses: tuple[str, ...],
    reader: str,
    variant: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Send a campaign to addresses of staff, marked as a test, filled for an invented reader."""
    from mailer import campaigns
    from mailer.campaigns import CampaignId
    from mailer.delivery import TestReader
    from mailer.people import AddressInvalid
    from mailer.vocabulary import Lane

    with the_parts() as parts:
        try:
            with parts.database.transaction() as session:
                made = campaigns.send_test(
                    session,
                    parts.vault,
                    CampaignId(campaign_id),
                    to=addresses,
                    reader=TestReader(reader),
                    variant=variant,
                    brand=parts.brand,
                    rules=parts.rules,
                    reason=reason,
                    by=the_actor(),
                    now=parts.clock(),
                )
        except AddressInvalid as error:
            raise Refused(f"an address {error}") from None
        parts.ring(Lane.ORDERS)
    if as_json:
        say_json({"campaign": campaign_id, "mailings": made})
    else:
        tests = "a test is" if len(made) == 1 else f"{len(made)} tests are"
        say(f"Campaign {campaign_id}: {tests} on the way.")


@click.command()
@click.argument("campaign_id", type=Id)
@click.option(
    "--name", default="", help="What the copy is called; like the first one if not given."
)
@reason_option
@json_option
def clone(*, campaign_id: int, name: str, reason: str, as_json: bool) -> None:
    """Copy a campaign, in whatever state it is, into a new draft without a past."""
    from mailer import campaigns

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.clone(
            session, number, name=name, reason=reason, by=the_actor(), now=parts.clock()
        )

    do(campaign_id, act, as_json)


@click.command()
@click.argument("campaign_id", type=Id)
@json_option
def digest(*, campaign_id: int, as_json: bool) -> None:
    """Tell what a digest would hold if it were cut now, and for how many."""
    from mailer.campaigns import CampaignId, digest_ahead, published_ahead

    with the_parts() as parts, parts.database.reading() as session:
        number = CampaignId(campaign_id)
        ahead = digest_ahead(session, number, brand=parts.brand, now=parts.clock())
    shown = published_ahead(ahead)
    told_of = [{**asdict(each), "people": people} for each, people in shown.told_of]
    if as_json:
        told = {"as_at": ahead.as_at, "audience": shown.audience, "letters": shown.letters}
        say_json({"campaign": campaign_id, **told, "told_of": told_of})
        return
    if told_of:
        table(
            "The newest first",
            ["Campaign", "Subject", "Topic", "People"],
            [
                (each["campaign_id"], each["subject"], each["topic"], each["people"])
                for each in told_of
            ],
        )
    say(f"People: {shown.audience}. Different letters: {shown.letters}.")
