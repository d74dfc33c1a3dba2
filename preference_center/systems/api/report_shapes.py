"""The bodies of reports: the books, and what people did as far as that may be shown (C15)."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from mailer.campaigns import By, FullReport, State
from mailer.campaigns.figures import Row
from mailer.measure import Published
from preference_center.systems.api.forms import Answer

People = Annotated[
    Published,
    Field(description="People, each once; in words where fewer than ten could be told (C15)."),
]


class ReachAnswer(Answer):
    """Whom the mail was handed over for, and what came of it."""

    handed_over: People
    delivered: People
    bounced: People
    unheard: People
    complained: People
    opted_out: People
    measurable: People


class OriginAnswer(Answer):
    """People, and mailboxes where only a machine asked, or nobody can tell."""

    people: People
    machines: People
    unknown: People


class LinkAnswer(Answer):
    """One link of a letter, in the order in which the links stand in it."""

    url: str
    people: People


class ClicksAnswer(OriginAnswer):
    """Who followed a link, in all and for every link."""

    links: list[LinkAnswer]


class DomainAnswer(ReachAnswer):
    """The same figures for the mailboxes of one provider; all that have no name here are one."""

    domain: str
    opens: OriginAnswer
    clicks: OriginAnswer


class SlotAnswer(Answer):
    """One hour or day, by its beginning; whoever opened or clicked is counted at their first."""

    at: datetime
    handed_over: People
    opened: People
    clicked: People
    opted_out: People


class MoneyAnswer(Answer):
    """Orders within seven days after a click, in one currency; `amount` in its smallest unit."""

    currency: str
    buyers: People
    orders: int | None
    amount: int | None


class FiguresAnswer(ReachAnswer):
    """What people did with a campaign. What each figure means: docs/reports.md."""

    opens: OriginAnswer
    clicks: ClicksAnswer
    domains: list[DomainAnswer]
    money: list[MoneyAnswer]
    by: By
    series: list[SlotAnswer]


class ReportAnswer(Answer):
    """What became of the audience; the parts of the books always add up to the whole.

    The books say what we did, and are exact. `figures` say what people did: of everything that
    fewer than ten stand behind, and of what would give such a number away, the number is withheld
    (C15). They are null until the campaign has started.
    """

    id: int
    state: State
    as_at: datetime = Field(description="When this report was made.")
    zone: str
    audience: int
    accepted: int
    refused: dict[str, int] = Field(description="By reason: see the catalogue in docs/api.md.")
    rejected: int
    unknown: int
    cancelled: int
    to_go: int
    figures: FiguresAnswer | None = None


def report_answer(report: FullReport) -> ReportAnswer:
    """Write a report as the API gives it."""
    books = report.books
    return ReportAnswer(
        id=report.campaign.campaign_id,
        state=report.campaign.state,
        as_at=report.as_at,
        zone=report.zone,
        audience=books.audience,
        accepted=books.accepted,
        refused={reason.value: count for reason, count in sorted(books.refused.items())},
        rejected=books.rejected,
        unknown=books.unknown,
        cancelled=books.cancelled,
        to_go=books.to_go,
        figures=_figures(report),
    )


def _figures(report: FullReport) -> FiguresAnswer | None:
    figures = report.figures
    if figures is None:
        return None
    links = [LinkAnswer(url=each.url, people=each.people) for each in figures.links]
    reach, opens, clicks = _told(Row("", figures.totals))
    return FiguresAnswer(
        **reach,
        opens=opens,
        clicks=ClicksAnswer(**clicks.model_dump(), links=links),
        domains=[_domain(row) for row in figures.domains],
        money=[
            MoneyAnswer(
                currency=each.currency, buyers=each.buyers, orders=each.orders, amount=each.amount
            )
            for each in figures.money
        ],
        by=figures.by,
        series=[SlotAnswer(at=slot.at, **slot.figures) for slot in figures.series],
    )


def _domain(row: Row) -> DomainAnswer:
    reach, opens, clicks = _told(row)
    return DomainAnswer(domain=row.of, **reach, opens=opens, clicks=clicks)


def _told(row: Row) -> tuple[dict[str, Published], OriginAnswer, OriginAnswer]:
    reach = {name: row.figures[name] for name in ReachAnswer.model_fields}
    return reach, _by_origin(row, "opened"), _by_origin(row, "clicked")


def _by_origin(row: Row, what: str) -> OriginAnswer:
    return OriginAnswer(
        people=row.figures[what],
        machines=row.figures[f"{what}_by_machines"],
        unknown=row.figures[f"{what}_unknown"],
    )
