"""What a campaign says, to whom and when, from the command line, in whatever state it is."""

from typing import TYPE_CHECKING, Any

import click

from mailer.cli.campaigns import Id, approved_by, told_campaign
from mailer.cli.house import the_parts
from mailer.cli.output import facts, json_option, say, say_json
from mailer.cli.pacing import pace_in_words
from mailer.cli.plan_words import leaving_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailer.campaigns import Campaign, Split


@click.command()
@click.argument("campaign_id", type=Id)
@json_option
def show(*, campaign_id: int, as_json: bool) -> None:
    """Show what a campaign says, to whom in a sentence, and by what plan it leaves."""
    from mailer.access import names_of
    from mailer.campaigns import CampaignId, campaign_of
    from mailer.campaigns.audience import names_in, sentence

    with the_parts() as parts, parts.database.reading() as session:
        found = campaign_of(session, CampaignId(campaign_id))
        names = names_of(session, [found.approved_by])
        whom = sentence(found.audience.rule, names_in(session, found.audience.rule))
    if as_json:
        say_json({**told_campaign(found, names), **_said(found), "audience_sentence": whom})
        return
    facts(_facts(found, names, whom))
    _say_letter(found.content.fields)
    if found.split is not None:
        say("")
        facts(_split_in_words(found.split))
        _say_variants(found.split)


def _said(found: "Campaign") -> dict[str, Any]:
    """Give what it says and to whom, as a campaign's file holds it."""
    split = found.split
    return {
        "content": found.content.fields,
        "audience": found.audience.model_dump(mode="json", exclude_none=True),
        "split": split.model_dump(mode="json", exclude_none=True) if split is not None else None,
    }


def _facts(found: "Campaign", names: "Mapping[str, str]", whom: str) -> dict[str, object]:
    """Give what it is in words; what it has not is left out."""
    pace = found.pace
    told = {
        "campaign": found.campaign_id,
        "name": found.name,
        "topic": found.topic.label,
        "state": found.state.value,
        "revision": found.revision,
        "approved by": approved_by(found, names),
        "taken back": found.taken_back,
        "to": whom,
        "leaves": leaving_in_words(found),
        "pace": pace_in_words(pace) if pace else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _say_letter(fields: "Mapping[str, Any]") -> None:
    """Print a letter as it was written: its lines, and its text beneath them."""
    lines = {name.replace("_", " "): value for name, value in fields.items() if value}
    text = lines.pop("body markdown", None)
    say("")
    facts(lines)
    if text is not None:
        say(f"\n{text}".rstrip("\n"))


def _split_in_words(split: "Split") -> dict[str, object]:
    """Give who tries what and what then; what a split does not have is left out."""
    told: dict[str, object] = {}
    if split.variants:
        told["compared by"] = split.measure.value.replace("_", "-")
    if split.sample is not None:
        sample = split.sample
        again = f", once more after {sample.again_minutes}" if sample.again_minutes else ""
        told["sample"] = f"{sample.percent:g} % of the audience; the others wait for the choice"
        told["choice"] = f"{sample.wait_minutes} minutes after the sample's last moment{again}"
        told["too few to tell"] = {
            "first": "the others get the first variant",
            "all": "the others get their own by share",
        }[sample.otherwise.value]
    if split.holdout_percent:
        told["hold-out"] = f"{split.holdout_percent:g} % of the audience get nothing"
    return told


def _say_variants(split: "Split") -> None:
    for each in split.variants:
        differs = each.model_dump(exclude_defaults=True, exclude={"name", "share", "content"})
        say(f"\nVariant “{each.name}”, share {each.share}")
        _say_letter({**differs, **each.content.model_dump(exclude_none=True)})
