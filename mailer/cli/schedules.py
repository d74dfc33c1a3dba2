"""Scheduling a campaign from the command line: the same plan as in the API, as options."""

from typing import TYPE_CHECKING

import click

from mailer.cli.campaigns import Id, do, reason_option
from mailer.cli.house import the_actor, the_parts
from mailer.cli.output import facts, json_option, say, say_json, table
from mailer.cli.plan_faults import told_plan_faults
from mailer.cli.plan_words import plan_in_words, remark_on_first

if TYPE_CHECKING:
    from sqlmodel import Session

    from mailer.campaigns import (
        Campaign,
        CampaignId,
        Foresight,
        Plan,
        PublishedForesight,
        ZoneAhead,
    )
    from mailer.measure import Published
    from mailer.wiring import Parts

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@click.command()
@click.argument("campaign_id", type=Id)
@click.argument("at")
@click.option("--zone", help="The zone of AT without an offset, such as Europe/Berlin.")
@click.option("--local", is_flag=True, help="AT everybody's own clock; --zone where none is known.")
@click.option(
    "--quiet-hours",
    metavar="FROM-TO",
    help="Mail nobody then, by their own clock: such as 20:00-08:00.",
)
@click.option("--use-by", help="Refuse whom it has not reached by then; written like AT.")
@click.option("--every", type=click.Choice(["day", "week", "month"]), help="Repeat it.")
@click.option("--step", type=int, help="2 with --every week is every second week.")
@click.option("--on", type=click.Choice(WEEKDAYS), multiple=True, help="With --every week.")
@click.option("--day", type=int, help="The day of the month, with --every month.")
@click.option("--until", help="The last day of a repetition.")
@click.option("--times", type=int, help="How often it comes.")
@click.option("--preview", is_flag=True, help="Only tell when whom it would reach.")
@reason_option
@json_option
def schedule(
    *, campaign_id: int, at: str, preview: bool, reason: str, as_json: bool, **options: object
) -> None:
    """Let a campaign start by itself AT a moment: 2026-12-02T14:00:00Z, 2026-12-02T09:00 or now."""
    from mailer import campaigns

    plan = _plan(at, options)
    if preview:
        _preview(campaign_id, plan, as_json)
        return

    def act(session: "Session", number: "CampaignId", parts: "Parts") -> "Campaign":
        return campaigns.schedule(
            session,
            number,
            plan=plan,
            brand=parts.brand,
            rules=parts.rules,
            reason=reason,
            by=the_actor(),
            now=parts.clock(),
        )

    done = do(campaign_id, act, as_json)
    if not as_json:
        _say_plan(plan, done.occurrence or 1)


def _say_plan(plan: "Plan", occurrence: int = 1) -> None:
    """Say when it leaves by the clock that was named, and what may surprise whoever named it."""
    say(f"It leaves {plan_in_words(plan, occurrence=occurrence)}.")
    remark = remark_on_first(plan, occurrence=occurrence)
    if remark is not None:
        say(f"Note: {remark}")


def _plan(at: str, options: dict[str, object]) -> "Plan":
    from pydantic import ValidationError

    from mailer.campaigns import Plan

    # Not by `in` alone: 0 equals False, and `--times 0` is to be refused, not left out.
    said = {name: value for name, value in options.items() if value is not False}
    given = {name: value for name, value in said.items() if value not in (None, ())}
    quiet = given.pop("quiet_hours", None)
    rule = {name: given.pop(name) for name in REPEAT if name in given}
    if quiet is not None:
        after, _, before = str(quiet).partition("-")
        given["quiet_hours"] = {"after": after.strip(), "before": before.strip()}
    try:
        return Plan.model_validate({"at": at, **given, **({"repeat": rule} if rule else {})})
    except ValidationError as error:
        raise click.UsageError(told_plan_faults(error)) from None


REPEAT = ("every", "step", "on", "day", "until", "times")


def _preview(campaign_id: int, plan: "Plan", as_json: bool) -> None:
    from mailer.campaigns import CampaignId, foresee, published_foresight

    with the_parts() as parts, parts.database.reading() as session:
        ahead = foresee(session, CampaignId(campaign_id), plan=plan, now=parts.clock())
    shown = published_foresight(ahead)
    if as_json:
        say_json(_as_json(ahead, shown))
        return
    _say_plan(plan, ahead.occurrence)
    told = {"people": shown.audience, "first": shown.first, "last": shown.last}
    told |= {"choice": shown.choice} if shown.choice else {}
    late = {"too late": shown.late} if any(each.is_late for each in ahead.zones) else {}
    facts({**told, "without a zone": shown.without_zone, **late})
    # Of a split test, some wait for a variant's own hour, or for the choice.
    is_apart = any(each.last > each.at for each in ahead.zones)
    table(
        "By zone; those who will be refused are counted, too",
        [
            "Zone",
            "People",
            *(["First", "Last"] if is_apart else ["At"]),
            "Their clock",
            "Clock change",
        ],
        [_row(each, people, is_apart) for each, people in shown.zones],
    )
    for begins in ahead.occurrences[1:]:
        say(f"Again from {begins:%Y-%m-%d %H:%M} UTC")


def _row(ahead: "ZoneAhead", people: "Published", is_apart: bool) -> tuple[object, ...]:
    local = f"{ahead.local:%a %Y-%m-%d %H:%M}"
    last = [ahead.last] if is_apart else []
    return (ahead.zone, people, ahead.at, *last, local, _change_in_words(ahead))


def _change_in_words(ahead: "ZoneAhead") -> str | None:
    if ahead.change is None:
        return None
    minutes = int(ahead.change.shift.total_seconds() // 60)
    way = "forward" if minutes > 0 else "back"
    # By the clock as it went before: that is the hour that people know the change by.
    shown = ahead.change.at + ahead.change.before
    return f"{way} by {abs(minutes)} minutes at {shown:%H:%M} that day"


def _as_json(ahead: "Foresight", shown: "PublishedForesight") -> dict[str, object]:
    return {
        "begins": ahead.begins,
        "first": shown.first,
        "last": shown.last,
        "audience": shown.audience,
        "without_zone": shown.without_zone,
        "late": shown.late,
        "zones": [
            {
                "zone": each.zone,
                "people": people,
                "at": each.at,
                "local": each.local,
                "last": each.last,
                "change": _change_in_words(each),
                "late": each.is_late,
            }
            for each, people in shown.zones
        ],
        "occurrences": list(ahead.occurrences),
        "choice": shown.choice,
    }
