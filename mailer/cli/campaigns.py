"""Campaigns and batches from the command line: the same acts as in the API."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.cli.exits import Refused
from mailer.cli.faults import told_faults
from mailer.cli.house import the_actor, the_parts
from mailer.cli.output import json_option, progress, say, say_json, short, table

if TYPE_CHECKING:
    from sqlmodel import Session

    from mailer.campaigns import Campaign, CampaignId, NewCampaign
    from mailer.wiring import Parts

Id = click.IntRange(1, 2**63 - 1)

reason_option = click.option(
    "--reason", default="", help="Why, in one line without addresses; kept in the ledger."
)


@click.group()
def campaign() -> None:
    """Draft, edit, check, test, approve, schedule, start, pause, resume, cancel, copy and delete campaigns."""


@campaign.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List campaigns with their state."""
    from mailer.access import names_of
    from mailer.campaigns import campaigns_page

    with the_parts() as parts, parts.database.reading() as session:
        found: list[Campaign] = []
        while page := campaigns_page(session, after=found[-1].campaign_id if found else None):
            found += page
        names = names_of(session, [each.approved_by for each in found])
    if as_json:
        say_json([told_campaign(each, names) for each in found])
        return
    table(
        "Campaigns",
        ["Id", "Name", "Topic", "State", "Start"],
        [
            (each.campaign_id, each.name, each.topic.label, each.state.value, _start_of(each))
            for each in found
        ],
    )


@campaign.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@json_option
def create(*, file: Path, as_json: bool) -> None:
    """Save a campaign from a JSON FILE as a draft (`-` reads standard input).

    The file holds what the API takes: name, topic, content, audience, pace, brake, split,
    digest (docs/api.md).
    """
    from mailer import campaigns

    new = _read(file)
    with the_parts() as parts, parts.database.transaction() as session:
        made = campaigns.create(session, new, brand=parts.brand, by=the_actor(), now=parts.clock())
    _say(made, {}, as_json)


@campaign.command()
@click.argument("campaign_id", type=Id)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@reason_option
@json_option
def edit(*, campaign_id: int, file: Path, reason: str, as_json: bool) -> None:
    """Replace what a draft says by a JSON FILE, as `create` takes it; its approval ends."""
    from mailer import campaigns

    new = _read(file)

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.edit(
            session,
            number,
            new,
            brand=parts.brand,
            reason=reason,
            by=the_actor(),
            now=parts.clock(),
        )

    do(campaign_id, act, as_json)


@campaign.command()
@click.argument("campaign_id", type=Id)
@reason_option
@json_option
def start(*, campaign_id: int, reason: str, as_json: bool) -> None:
    """Start a campaign now: its audience is fixed and cut into batches."""
    from mailer import campaigns

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        with progress("Cutting the audience") as advance:
            return campaigns.start(
                session,
                number,
                brand=parts.brand,
                rules=parts.rules,
                reason=reason,
                by=the_actor(),
                progress=advance,
                now=parts.clock(),
            )

    do(campaign_id, act, as_json, ring=True)


@campaign.command()
@click.argument("campaign_id", type=Id)
@reason_option
@json_option
def unschedule(*, campaign_id: int, reason: str, as_json: bool) -> None:
    """Take a scheduled campaign back to the drafts; its approval and its repetition end."""
    from mailer import campaigns

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.unschedule(
            session, number, reason=reason, by=the_actor(), now=parts.clock()
        )

    do(campaign_id, act, as_json)


@campaign.command()
@click.argument("campaign_id", type=Id)
@reason_option
@json_option
def pause(*, campaign_id: int, reason: str, as_json: bool) -> None:
    """Let no further batch leave until the campaign is resumed."""
    from mailer import campaigns

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.pause(session, number, reason=reason, by=the_actor(), now=parts.clock())

    do(campaign_id, act, as_json)


@campaign.command()
@click.argument("campaign_id", type=Id)
@reason_option
@json_option
def resume(*, campaign_id: int, reason: str, as_json: bool) -> None:
    """Let a paused campaign go on; one that the safety brake stopped needs a reason."""
    from mailer import campaigns

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.resume(session, number, reason=reason, by=the_actor(), now=parts.clock())

    do(campaign_id, act, as_json, ring=True)


@campaign.command()
@click.argument("campaign_id", type=Id)
@reason_option
@json_option
def cancel(*, campaign_id: int, reason: str, as_json: bool) -> None:
    """End a campaign for good: what has not left never will."""
    from mailer import campaigns

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.cancel(session, number, reason=reason, by=the_actor(), now=parts.clock())

    do(campaign_id, act, as_json)


@campaign.command()
@click.argument("campaign_id", type=Id)
@reason_option
@json_option
def delete(*, campaign_id: int, reason: str, as_json: bool) -> None:
    """Delete a draft that was never scheduled; anything else is cancelled instead."""
    from mailer import campaigns
    from mailer.campaigns import CampaignId

    with the_parts() as parts, parts.database.transaction() as session:
        campaigns.delete(
            session, CampaignId(campaign_id), reason=reason, by=the_actor(), now=parts.clock()
        )
    if as_json:
        say_json({"campaign": campaign_id, "deleted": True})
    else:
        say(f"Campaign {campaign_id} is deleted.")


@campaign.command()
@click.argument("campaign_id", type=Id)
@click.argument("variant", required=False)
@click.option("--all", "all_go_on", is_flag=True, help="Everybody gets what they were drawn for.")
@reason_option
@json_option
def choose(
    *, campaign_id: int, variant: str | None, all_go_on: bool, reason: str, as_json: bool
) -> None:
    """Choose by hand the VARIANT that those get who wait for a split test's choice."""
    from mailer import campaigns

    if (variant is None) != all_go_on:
        raise click.UsageError("name a variant, or give --all")

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.choose(
            session, number, variant=variant, reason=reason, by=the_actor(), now=parts.clock()
        )

    do(campaign_id, act, as_json, ring=True)


@click.group()
def batch() -> None:
    """Look after batches whose fate nobody knows."""


@batch.command("list")
@json_option
def list_unknown(*, as_json: bool) -> None:
    """List batches with people of unknown fate: a sender died, or the provider never answered."""
    from mailer.delivery import unknown_batches

    with the_parts() as parts, parts.database.reading() as session:
        found = unknown_batches(session)
    rows = [(each.batch_id, each.mailing_id, each.unknown, each.since) for each in found]
    if as_json:
        names = ("batch", "mailing", "people", "since")
        say_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    table("Batches with people of unknown fate", ["Batch", "Mailing", "People", "Since"], rows)


@batch.command()
@click.argument("batch_id", type=Id)
@click.option(
    "--as",
    "outcome",
    type=click.Choice(["accepted", "rejected"]),
    required=True,
    help="What the provider's own log says became of it.",
)
@click.option("--why", required=True, help="The evidence; kept in the ledger, without addresses.")
@json_option
def settle(*, batch_id: int, outcome: str, why: str, as_json: bool) -> None:
    """Settle people of unknown fate by evidence. None of them is mailed again either way."""
    from mailer import ledger
    from mailer.delivery import BatchNotUnknown, settle_unknown
    from mailer.providers import without_addresses
    from mailer.vocabulary import BatchId

    number = BatchId(batch_id)
    with the_parts() as parts, parts.database.transaction() as session:
        now = parts.clock()
        try:
            people = settle_unknown(session, number, was_accepted=outcome == "accepted", now=now)
        except BatchNotUnknown:
            raise Refused(f"nobody in batch {batch_id} is of unknown fate") from None
        detail = {"outcome": outcome, "people": people, "why": without_addresses(why)}
        ledger.record(
            session, "batch.settled", at=now, actor=the_actor(), batch_id=number, detail=detail
        )
    if as_json:
        say_json({"batch": batch_id, "outcome": outcome, "people": people})
    else:
        say(f"Batch {batch_id}: {people} people settled as {outcome}.")


def _read(file: Path) -> "NewCampaign":
    """Read a campaign's file, which has the form of the API's body."""
    from pydantic import ValidationError

    from mailer.campaigns import NewCampaign
    from preference_center.systems.api.campaign_shapes import CampaignForm

    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    json.loads(text)  # what is no JSON is told with its line
    try:
        given = CampaignForm.model_validate_json(text)
    except ValidationError as error:
        raise Refused(told_faults(error)) from None
    return NewCampaign(**{name: getattr(given, name) for name in CampaignForm.model_fields})


def do(
    campaign_id: int,
    act: "Callable[[Session, CampaignId, Parts], Campaign]",
    as_json: bool,
    *,
    ring: bool = False,
) -> "Campaign":
    """Do something to a campaign in one transaction, ring where that is due; say how it stands."""
    from mailer.access import names_of
    from mailer.campaigns import CampaignId
    from mailer.vocabulary import Lane

    with the_parts() as parts:
        with parts.database.transaction() as session:
            done = act(session, CampaignId(campaign_id), parts)
            names = names_of(session, [done.approved_by])
        if ring:
            parts.ring(Lane.PROMOTIONAL)
    _say(done, names, as_json)
    return done


def _start_of(one: "Campaign") -> datetime | None:
    """Tell when a campaign started, or will; one that was cancelled before never did."""
    from mailer.campaigns import State

    scheduled = one.scheduled_for if one.state is State.SCHEDULED else None
    return one.started_at or scheduled


def _say(done: "Campaign", names: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        say_json(told_campaign(done, names))
    else:
        say(f"Campaign {done.campaign_id} “{done.name}” is {_stands(done, names)}.")


def _stands(one: "Campaign", names: Mapping[str, str]) -> str:
    """Say in words where a campaign stands; before its start, for when and by whom approved."""
    from mailer.campaigns import State

    if one.state not in {State.DRAFT, State.SCHEDULED}:
        return one.state.value
    words = "a draft" if one.state is State.DRAFT else one.state.value
    when = f" for {short(one.scheduled_for)}" if one.scheduled_for else ""
    approved = approved_by(one, names)
    return words + when + (f", approved by {approved}" if approved else "")


def approved_by(one: "Campaign", names: Mapping[str, str]) -> str | None:
    """Tell who approved a campaign: a key as staff call it and by number, for two may have one name."""
    actor = one.approved_by or ""
    return f"{names[actor]} ({actor})" if actor in names else one.approved_by


def told_campaign(done: "Campaign", names: Mapping[str, str]) -> dict[str, object]:
    """Tell a campaign as scripts read it; `names` are those of keys, by their actors."""
    from mailer import campaigns

    return {
        "campaign": done.campaign_id,
        "name": done.name,
        "topic": done.topic.value,
        "state": done.state.value,
        "mailing": done.mailing_id,
        "plan": done.plan.stored() if done.plan else None,
        "pace": done.pace.stored() if done.pace else None,
        "brake": done.brake.stored() if done.brake else None,
        "digest": done.digest.stored() if done.digest else None,
        "braked": campaigns.brake_sentence(done.braked) if done.braked else None,
        "scheduled_for": done.scheduled_for,
        "series": done.series_id,
        "occurrence": done.occurrence,
        "started_at": done.started_at,
        "ended_at": done.ended_at,
        "revision": done.revision,
        "approved_by": done.approved_by,
        "approved_by_name": names.get(done.approved_by or "", done.approved_by),
        "taken_back": done.taken_back,
        "choose_at": done.choose_at,
        "choice": asdict(done.choice) if done.choice else None,
    }
