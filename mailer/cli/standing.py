"""How a campaign stands, from the command line: its books, its pace, who waits, its brake."""

from typing import TYPE_CHECKING, Any

import click

from mailer.cli.campaigns import Id, approved_by, told_campaign
from mailer.cli.house import the_parts
from mailer.cli.output import facts, json_option, say_json, short, table
from mailer.vocabulary import Reason

if TYPE_CHECKING:
    from sqlmodel import Session

    from mailer.campaigns import BrakeFigure, Report
    from mailer.delivery import Standing
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
    _say_books({**told, **approved, **standing, **books})
    if stands.brake:
        _say_brake(stands.brake)
    if drift is not None:
        _say_drift(drift, to_go=books.get("to_go", 0))


def _books(session: "Session", report: "Report", parts: "Parts") -> dict[str, Any]:
    """Count what became of everybody; of a campaign that has not started, what would."""
    from mailer.campaigns import preview

    if report.campaign.mailing_id is None:
        number = report.campaign.campaign_id
        ahead = preview(session, number, cap=parts.cap, brand=parts.brand, now=parts.clock())
        return {
            "audience": ahead.audience,
            "allowed": ahead.allowed,
            "held": ahead.held,
            "refused": {reason.value: count for reason, count in ahead.refused.items()},
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


def _figure(figure: "BrakeFigure") -> dict[str, object]:
    return {
        "cause": figure.cause.value,
        "count": figure.count,
        "of": figure.of,
        "limit": figure.limit,
    }


def _say_books(told: dict[str, Any]) -> None:
    """Print a campaign's books, and the refused by reason with what each code means."""
    from mailer.permission import IN_SHORT

    refused: dict[str, int] = told.pop("refused")
    named = {name.replace("_", " "): value for name, value in told.items()}
    for rule in ("plan", "pace", "brake", "choice", "slowed"):
        parts: dict[str, object] = told.get(rule) or {}
        named[rule] = ", ".join(f"{name} {value}" for name, value in parts.items()) or None
    known = {name: value for name, value in named.items() if value is not None}
    facts({**known, "refused": sum(refused.values())})
    rows = [(code, count, IN_SHORT[Reason(code)]) for code, count in sorted(refused.items())]
    if rows:
        table("Refused", ["Reason", "People", "They"], rows)


def _say_brake(figures: "tuple[BrakeFigure, ...]") -> None:
    """Print what the brake counts beside its limits; what fewer than ten did is withheld."""
    rows = [
        (each.cause.value.replace("_", " "), each.count, each.of, f"{each.limit:g} %")
        for each in figures
    ]
    table("The safety brake", ["Counts", "People", "Of", "Limit"], rows)


def _say_drift(drift: "DriftAnswer", *, to_go: int) -> None:
    """Print what changed since the campaign was counted; small changes are withheld."""
    rows: list[tuple[str, object]] = [("audience", drift.audience), ("accepted", drift.accepted)]
    rows += [(f"refused: {code}", change) for code, change in drift.refused.items()]
    rows += [("still to go", to_go)] if to_go else []
    table(f"Since the count of {short(drift.since)}", ["", "People more or fewer"], rows)
