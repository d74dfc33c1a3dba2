"""How a campaign stands, from the command line: its books, its pace, who waits, its brake."""

from typing import TYPE_CHECKING, Any

import click

from mailer.cli.campaigns import Id, approved_by, told_campaign
from mailer.cli.house import the_parts
from mailer.cli.output import facts, json_option, say, say_json, short, table
from mailer.cli.pacing import pace_in_words
from mailer.cli.plan_words import leaving_in_words
from mailer.cli.refused import say_refused

if TYPE_CHECKING:
    from sqlmodel import Session

    from mailer.campaigns import BrakeFigure, Campaign, Report
    from mailer.delivery import Standing
    from mailer.measure import Published
    from mailer.wiring import Parts
    from preference_center.systems.api.report_shapes import DriftAnswer


@click.command()
@click.argument("campaign_id", type=Id)
@json_option
def status(*, campaign_id: int, as_json: bool) -> None:
    """Tell what became of a campaign's audience, or what would, while it is a draft; and what it waits for."""
    from mailer.access import names_of
    from mailer.campaigns import CampaignId, report_of, status_of
    from preference_center.systems.api.report_shapes import drift_answer

    with the_parts() as parts, parts.database.reading() as session:
        report = report_of(session, CampaignId(campaign_id))
        drift = drift_answer(report.drift)
        stands = status_of(session, report.campaign.campaign_id, pace=parts.pace, now=parts.clock())
        books = _books(session, report, parts)
        names = names_of(session, [report.campaign.approved_by])
    told = told_campaign(report.campaign, names)
    standing = _standing(stands.standing) if stands.standing else {}
    if as_json:
        changes = drift.model_dump(mode="json") if drift else None
        brake = [_figure(each) for each in stands.brake]
        say_json({**told, "books": books, "drift": changes, **standing, "brake_figures": brake})
        return
    approved = {"approved_by": approved_by(report.campaign, names), "approved_by_name": None}
    _say_books({**told, **approved, **_in_words(report.campaign)}, books, _of_those_to_go(standing))
    if stands.brake:
        _say_brake(stands.brake)
    if drift is not None:
        _say_drift(drift, books)


def _books(session: "Session", report: "Report", parts: "Parts") -> dict[str, Any]:
    """Count what became of everybody; of a campaign that has not started, what would."""
    from mailer.campaigns import preview
    from mailer.campaigns.audience import published_count

    if report.campaign.mailing_id is None:
        number = report.campaign.campaign_id
        ahead = preview(session, number, cap=parts.cap, brand=parts.brand, now=parts.clock())
        shown = published_count(ahead)
        return {
            "audience": shown.audience,
            "allowed": shown.allowed,
            "held": shown.held,
            "refused": {reason.value: count for reason, count in shown.refused.items()},
        }
    held = report.books
    return {
        "audience": held.audience,
        "accepted": held.accepted,
        "refused": {reason.value: count for reason, count in held.refused.items()},
        "rejected": held.rejected,
        "unknown": held.unknown,
        "cancelled": held.cancelled,
        "to_go": held.to_go,
    }


def _standing(standing: "Standing") -> dict[str, Any]:
    return {
        "next_turn": standing.next_turn,
        "slowed": dict(standing.slowed) or None,
        "waiting": standing.waiting,
        "waiting_from": standing.waiting_from,
        "waiting_until": standing.waiting_until,
        "halted": standing.halted,
    }


def _of_those_to_go(standing: dict[str, Any]) -> dict[str, Any]:
    """Name for people what holds back those who are to go; who is held until their moment is of them."""
    if not standing:
        return {}
    held = {
        "of them held": standing["waiting"] or None,
        "held from": standing["waiting_from"],
        "held until": standing["waiting_until"],
    }
    return {**held, **{name: standing[name] for name in ("next_turn", "slowed", "halted")}}


def _figure(figure: "BrakeFigure") -> dict[str, object]:
    return {
        "cause": figure.cause.value,
        "count": figure.count,
        "of": figure.of,
        "limit": figure.limit,
    }


def _say_books(told: dict[str, Any], books: dict[str, Any], rest: dict[str, Any]) -> None:
    """Print a campaign, its books, what holds back the rest, and the refused with their reasons.

    The parts of the audience stand beneath it, one after the other, so that they can be added up.
    """
    refused: dict[str, Published] = books["refused"]
    said = {**told, **books, "refused": _in_all(books), **rest}
    named = {_plain(name): value for name, value in said.items()}
    for rule in ("brake", "digest", "choice", "slowed"):
        parts: dict[str, object] = said.get(rule) or {}
        named[rule] = ", ".join(f"{_plain(name)} {value}" for name, value in parts.items()) or None
    facts({name: value for name, value in named.items() if value is not None})
    say_refused(refused)


def _in_all(books: dict[str, Any]) -> int | None:
    """Add up the refused; None where anything of it is withheld: the sum would give it away."""
    refused = list(books["refused"].values())
    told = [people for people in (books["audience"], *refused) if isinstance(people, int)]
    return sum(told[1:]) if len(told) > len(refused) else None


def _in_words(campaign: "Campaign") -> dict[str, Any]:
    """Say in words when a campaign leaves and how fast, as `campaign show` does."""
    pace = pace_in_words(campaign.pace) if campaign.pace else None
    return {"plan": None, "leaves": leaving_in_words(campaign), "pace": pace}


def _plain(name: str) -> str:
    return name.replace("_", " ")


IN_WORDS = {
    "complaints": "complaints",
    "hard_bounces": "hard bounces",
    "rejected": "rejected, at once or later",
    "unknown": "unknown, but not by a restore",
}


def _say_brake(figures: "tuple[BrakeFigure, ...]") -> None:
    """Print what the brake counts beside its limits, and why a figure may be withheld."""
    rows = [(IN_WORDS[each.cause], each.count, each.of, f"{each.limit:g} %") for each in figures]
    table("The safety brake", ["Counts", "People", "Of", "Limit"], rows)
    if any(isinstance(each.count, str) for each in figures):
        say("What people and their mailboxes did is told from ten people on; the books are exact.")


def _say_drift(drift: "DriftAnswer", books: dict[str, Any]) -> None:
    """Print what changed since the campaign was counted; small changes are withheld.

    Who is to go has not been decided on, and would look like somebody who was lost.
    """
    if books["to_go"]:
        say(
            f"What changed since the count of {short(drift.since)} is told when nobody is to go"
            f" any more: {books['to_go']:,} are."
        )
        return
    rows: list[tuple[str, object]] = [("audience", drift.audience), ("accepted", drift.accepted)]
    rows += [(f"refused: {code}", change) for code, change in drift.refused.items()]
    rows += [(part, books[part]) for part in ("rejected", "unknown", "cancelled") if books[part]]
    table(f"Since the count of {short(drift.since)}", ["", "People more or fewer"], rows)
