"""The bodies of reports: the books, and what people did as far as that may be shown (C15)."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from mailer.campaigns import By, Drift, FullReport, Interval, Measure, State, published_drift
from mailer.campaigns.draft import Money
from mailer.campaigns.figures import Row
from mailer.campaigns.trial_figures import Group, HoldOut, PartFigures, TrialFigures
from mailer.delivery import Books
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


class IntervalAnswer(Answer):
    """Where a share lies, as far as can be told (95 %)."""

    low: float
    high: float


class BooksAnswer(Answer):
    """What we did with the mail of a part of the audience; exact, and it adds up."""

    audience: int
    accepted: int
    refused: dict[str, int]
    rejected: int
    unknown: int
    cancelled: int
    to_go: int


class VariantAnswer(ReachAnswer):
    """One variant of a split test; of a sample's, those who waited for the choice are apart."""

    name: str
    books: BooksAnswer
    opens: OriginAnswer
    clicks: OriginAnswer
    buyers: People
    money: list[MoneyAnswer]
    rate: IntervalAnswer | None = Field(
        description="The share that the test measures, of those handed the mail."
    )


class LeadAnswer(IntervalAnswer):
    """By how much of a share the best variant leads another."""

    over: str


class VerdictAnswer(Answer):
    """Which variant is better as one look tells it; null as its winner means too few to tell.

    It decides nothing: what the remainder gets stands in the campaign's `choice`.
    """

    winner: str | None
    best: str
    leads: list[LeadAnswer]
    confidence: float = Field(
        description="How sure this look is by itself. Who looks again and again until a winner"
        " shows will see one by chance sooner or later.",
        examples=[0.95],
    )


class GroupAnswer(Answer):
    """People, and how many of them ordered, whatever made them."""

    people: int
    buyers: People
    money: list[MoneyAnswer]


class HoldOutAnswer(Answer):
    """Who was mailed beside who was held out, from the start to a week after the last mail."""

    books: BooksAnswer
    mailed: GroupAnswer
    held_out: GroupAnswer
    since: datetime
    before: datetime
    lead: IntervalAnswer | None = Field(
        description="By how much the share of buyers is larger among the mailed."
    )


class SplitAnswer(Answer):
    """What a split test found: docs/split-tests.md."""

    measure: Measure
    variants: list[VariantAnswer]
    rest: VariantAnswer | None
    verdict: VerdictAnswer | None = Field(
        description="Null where a figure that it rests on is withheld."
    )
    holdout: HoldOutAnswer | None


class FiguresAnswer(ReachAnswer):
    """What people did with a campaign. What each figure means: docs/reports.md."""

    opens: OriginAnswer
    clicks: ClicksAnswer
    domains: list[DomainAnswer]
    money: list[MoneyAnswer]
    shares: dict[str, float] = Field(
        description="Figures that are told as shares of `handed_over`, 0 to 1.",
        examples=[{"delivered": 0.9886, "opened": 0.3137}],
    )
    by: By
    series: list[SlotAnswer]
    split: SplitAnswer | None = None


class DriftAnswer(Answer):
    """What changed since the campaign was counted, at its approval or its start: more, or fewer.

    A change that fewer than ten people make is withheld, none included (C15). While `to_go` is
    not 0, whoever is to go stands in neither `accepted` nor `refused`, and is not lost.
    """

    since: datetime = Field(description="When it was counted.")
    audience: Published
    accepted: Published = Field(description="Beside those whom the count would have let.")
    refused: dict[str, Published] = Field(description="By reason.")


class ReportAnswer(Answer):
    """What became of the audience; the parts of the books always add up to the whole.

    The books say what we did, and are exact. `figures` say what people did: of everything that
    fewer than ten stand behind, and of what would give such a number away, the number is withheld
    (C15). All of this is null until the campaign has started, and `why_empty` says so.
    """

    id: int
    state: State
    as_at: datetime = Field(description="When this report was made.")
    zone: str
    why_empty: str | None = Field(description="Why there is nothing to report, until there is.")
    audience: int | None
    accepted: int | None
    refused: dict[str, int] | None = Field(
        description="By reason: see the catalogue in docs/api.md."
    )
    rejected: int | None
    unknown: int | None
    cancelled: int | None
    to_go: int | None
    drift: DriftAnswer | None = Field(default=None, description="None before the start.")
    figures: FiguresAnswer | None = None


def drift_answer(drift: Drift | None) -> DriftAnswer | None:
    """Write what changed since a campaign was counted as the API gives it."""
    if drift is None:
        return None
    shown = published_drift(drift)
    return DriftAnswer(
        since=shown.since,
        audience=shown.audience,
        accepted=shown.accepted,
        refused={reason.value: change for reason, change in sorted(shown.refused.items())},
    )


def report_answer(report: FullReport) -> ReportAnswer:
    """Write a report as the API gives it."""
    return ReportAnswer(
        id=report.campaign.campaign_id,
        state=report.campaign.state,
        as_at=report.as_at,
        zone=report.zone,
        why_empty=report.why_empty,
        **_whole_books(report.books),
        drift=drift_answer(report.drift),
        figures=_figures(report),
    )


IN_BOOKS = ("audience", "accepted", "refused", "rejected", "unknown", "cancelled", "to_go")


def _whole_books(books: Books | None) -> dict[str, Any]:
    if books is None:
        return dict.fromkeys(IN_BOOKS)
    told = {name: getattr(books, name) for name in IN_BOOKS}
    return {**told, "refused": {each.value: n for each, n in sorted(books.refused.items())}}


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
        money=_money(figures.money),
        shares=figures.shares,
        by=figures.by,
        series=[SlotAnswer(at=slot.at, **slot.figures) for slot in figures.series],
        split=_split(figures.trial) if figures.trial else None,
    )


def _money(some: Sequence[Money]) -> list[MoneyAnswer]:
    return [MoneyAnswer(**asdict(each)) for each in some]


def _split(found: TrialFigures) -> SplitAnswer:
    return SplitAnswer(
        measure=found.measure,
        variants=[_variant(each) for each in found.variants],
        rest=_variant(found.rest) if found.rest else None,
        verdict=VerdictAnswer(
            winner=found.verdict.winner,
            best=found.verdict.best,
            leads=[LeadAnswer(over=each.over, **asdict(each.by)) for each in found.verdict.leads],
            confidence=found.verdict.confidence,
        )
        if found.verdict
        else None,
        holdout=_holdout(found.holdout) if found.holdout else None,
    )


def _variant(part: PartFigures) -> VariantAnswer:
    reach, opens, clicks = _told(Row(part.name, part.figures))
    return VariantAnswer(
        **reach,
        name=part.name,
        books=_books(part.books),
        opens=opens,
        clicks=clicks,
        buyers=part.figures["buyers"],
        money=_money(part.money),
        rate=_interval(part.rate),
    )


def _holdout(found: HoldOut) -> HoldOutAnswer:
    return HoldOutAnswer(
        books=_books(found.books),
        mailed=_group(found.mailed),
        held_out=_group(found.held_out),
        since=found.since,
        before=found.before,
        lead=_interval(found.lead),
    )


def _group(group: Group) -> GroupAnswer:
    return GroupAnswer(people=group.people, buyers=group.buyers, money=_money(group.money))


def _interval(found: Interval | None) -> IntervalAnswer | None:
    return None if found is None else IntervalAnswer(**asdict(found))


def _books(books: Books) -> BooksAnswer:
    refused = {reason.value: count for reason, count in sorted(books.refused.items())}
    return BooksAnswer(**{**asdict(books), "refused": refused})


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
