"""A campaign's report from the command line: the same figures as in the API (docs/reports.md)."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.cli.exits import Refused
from mailer.cli.house import the_parts
from mailer.cli.output import facts, json_option, say, say_json, table

if TYPE_CHECKING:
    from mailer.campaigns import Figures, FullReport, Interval
    from mailer.campaigns.trial_figures import TrialFigures
    from mailer.delivery import Books

Id = click.IntRange(1, 2**63 - 1)


@click.command()
@click.argument("campaign_id", type=Id)
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write the report as CSV into this file; - is standard output.",
)
@click.option("--zone", default="UTC", help="Whose clock cuts the hours and days: Europe/Berlin.")
@click.option("--by", type=click.Choice(["day", "hour"]), default="day", help="How finely.")
@json_option
def report(*, campaign_id: int, csv_file: Path | None, zone: str, by: str, as_json: bool) -> None:
    """Tell what people did with a campaign; what fewer than ten stand behind is withheld."""
    from preference_center.systems.api.report_shapes import report_answer

    if csv_file is not None and as_json:
        raise click.UsageError("give --csv or --json, not both")
    full = _report(campaign_id, zone, by)
    if csv_file is not None:
        _write(full, csv_file)
    elif as_json:
        say_json(report_answer(full).model_dump(mode="json"))
    else:
        _say(full)


def _report(campaign_id: int, zone: str, by: str) -> "FullReport":
    from mailer.campaigns import By, CampaignId, ZoneUnknown, full_report_of

    with the_parts() as parts, parts.database.reading() as session:
        try:
            return full_report_of(
                session,
                parts.vault,
                CampaignId(campaign_id),
                by=By(by),
                zone=zone,
                now=parts.clock(),
            )
        except ZoneUnknown as error:
            raise Refused(f"--zone {error}, such as Europe/Berlin") from None


def _write(full: "FullReport", file: Path) -> None:
    from mailer.campaigns import csv_of

    content: bytes = csv_of(full).encode()
    if str(file) == "-":
        click.echo(content, nl=False)
        return
    file.write_bytes(content)
    say(f"Written: {file}")


def _say(full: "FullReport") -> None:
    campaign = full.campaign
    told = {
        "campaign": campaign.campaign_id,
        "name": campaign.name,
        "state": campaign.state.value,
        "as at": full.as_at,
    }
    if full.books is None or full.figures is None:
        facts(told)
        say(_without_a_start(full))
        return
    facts({**told, **_books(full.books)})
    _say_figures(full.figures, full.zone)


def _books(books: "Books") -> dict[str, object]:
    return {
        "audience": books.audience,
        "handed over": books.accepted,
        "refused": books.refused_in_all,
        "rejected": books.rejected,
        "unknown": books.unknown,
        "cancelled": books.cancelled,
        "to go": books.to_go,
    }


def _without_a_start(full: "FullReport") -> str:
    """Say why there is nothing to report, and what tells who would get it."""
    if full.campaign.state.is_final:
        return f"{full.why_empty}"
    command = f"fpmail campaign status {full.campaign.campaign_id}"
    return f"{full.why_empty} Who would get it now: {command}"


def _say_figures(figures: "Figures", zone: str) -> None:
    from mailer.campaigns import OVER_TIME

    shares = figures.shares
    totals = [
        (_words(name), count, f"{shares[name]:.2%}" if name in shares else None)
        for name, count in figures.totals.items()
    ]
    table("People", ["Figure", "People", "Of those handed the mail"], totals)
    table("Links", ["Link", "People"], [(each.url, each.people) for each in figures.links])
    table(
        "Domains",
        ["Domain", *map(_words, SHORT)],
        [(row.of, *(row.figures[name] for name in SHORT)) for row in figures.domains],
    )
    if figures.money:
        table(
            "Orders within 7 days of a click",
            ["Currency", "Buyers", "Orders", "Amount"],
            [(each.currency, each.buyers, each.orders, each.amount) for each in figures.money],
        )
    if figures.trial is not None:
        _say_trial(figures.trial)
    table(
        f"By {figures.by.value}, {zone}",
        ["From", *map(_words, OVER_TIME)],
        [
            (f"{slot.at:%Y-%m-%d %H:%M %z}", *(slot.figures[name] for name in OVER_TIME))
            for slot in figures.series
        ],
    )


def _say_trial(found: "TrialFigures") -> None:
    parts = [*found.variants, *([found.rest] if found.rest else [])]
    if parts:
        table(
            f"Variants by {_words(found.measure.value).lower()}; rest: who waited for the choice",
            ["Variant", *map(_words, IN_SPLIT), "Share"],
            [
                (each.name, *(each.figures[name] for name in IN_SPLIT), _span(each.rate))
                for each in parts
            ],
        )
    if found.verdict is not None:
        winner = found.verdict.winner
        told = f"{winner} is better" if winner else "Too few to tell which is better"
        say(f"{told}, by this look ({found.verdict.confidence:.1%} sure). It decides nothing.")
        for lead in found.verdict.leads:
            say(f"{found.verdict.best} leads {lead.over} by {_span(lead.by)}.")
    if found.holdout is not None:
        groups = (("mailed", found.holdout.mailed), ("held out", found.holdout.held_out))
        table(
            f"Orders from {found.holdout.since:%Y-%m-%d} to {found.holdout.before:%Y-%m-%d}",
            ["Who", "People", "Buyers"],
            [(name, group.people, group.buyers) for name, group in groups],
        )
        if found.holdout.lead is not None:
            say(f"The mailed lead by {_span(found.holdout.lead)}.")


def _span(of: "Interval | None") -> str | None:
    return None if of is None else f"{of.low * 100:.2f} to {of.high * 100:.2f} %"


IN_SPLIT = ("handed_over", "delivered", "opened", "clicked", "buyers", "opted_out", "complained")
SHORT = ("handed_over", "delivered", "bounced", "complained", "opened", "clicked", "opted_out")


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
