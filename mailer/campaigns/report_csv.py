"""A report as CSV: one figure a line, safe to open in a spreadsheet."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator

from mailer.campaigns.draft import Money
from mailer.campaigns.drift import Drift, published_drift
from mailer.campaigns.figures import Figures
from mailer.campaigns.report import FullReport
from mailer.campaigns.trial_figures import Group, HoldOut, PartFigures, TrialFigures
from mailer.campaigns.values import Choice
from mailer.delivery import Books

HEADER = ("part", "of", "figure", "value")
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for a formula's beginning (OWASP, CSV injection), full-width ones too."""
SEPARATES = re.compile(r"([;|\t\r\n])")
"""Where a spreadsheet that splits lines by another sign than ours begins a cell."""

Line = tuple[str, str, str, object]


def csv_of(report: FullReport) -> str:
    """Write a report as CSV (RFC 4180, lines ending in CRLF; to be encoded as UTF-8).

    Figures are the very ones of the JSON report, words instead of a number where one is withheld;
    an empty value is one that is not told. No cell begins like a formula: an apostrophe stands
    before what would.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows([safe_cell(cell) for cell in line] for line in _lines(report))
    return text.getvalue()


def safe_cell(value: object) -> str:
    """Return a value as text that no spreadsheet takes for a formula, by whatever it splits lines."""
    if isinstance(value, int | float):
        return str(value)  # a negative number begins like a formula and is none
    text = "" if value is None else str(value)
    first, *others = SEPARATES.split(text)
    begins = _unlike_a_formula(first)
    whole = "".join((begins, *map(_unlike_a_formula, others)))
    return f"'{whole}" if begins == first and _begins_like_a_formula(whole) else whole


def _unlike_a_formula(piece: str) -> str:
    is_one = not SEPARATES.fullmatch(piece) and _begins_like_a_formula(piece)
    return f"'{piece}" if is_one else piece


def _begins_like_a_formula(text: str) -> bool:
    """Look past what is not seen before it: blanks of all kinds, zero widths, control characters.

    Past quotes too: whoever splits by another sign than the comma reads away those around a cell.
    """
    for sign in text:
        if sign in STARTS_A_FORMULA:
            return True
        if sign not in "\"'" and unicodedata.category(sign)[0] not in "ZC":
            return False
    return False


def _lines(report: FullReport) -> Iterator[Line]:
    campaign = report.campaign
    yield "campaign", "", "id", campaign.campaign_id
    yield "campaign", "", "name", campaign.name
    yield "campaign", "", "state", campaign.state.value
    yield "report", "", "as_at", report.as_at.isoformat()
    yield "report", "", "zone", report.zone
    yield from _books(report.books) if report.books is not None else _nothing(report)
    if report.drift is not None:
        yield from _drift(report.drift)
    if campaign.choice is not None:
        yield from _choice(campaign.choice)
    if report.figures is not None:
        yield from _figures(report.figures)


BOOKS = ("audience", "accepted", "rejected", "unknown", "cancelled", "to_go")


def _nothing(report: FullReport) -> Iterator[Line]:
    """Say why there is nothing to report; a zero would read as if nobody had been reached."""
    yield "report", "", "why_empty", report.why_empty
    yield from (("books", "", name, None) for name in BOOKS)


def _books(books: Books) -> Iterator[Line]:
    for name in BOOKS:
        yield "books", "", name, getattr(books, name)
    for reason, count in sorted(books.refused.items()):
        yield "refused", reason.value, "people", count


def _drift(drift: Drift) -> Iterator[Line]:
    shown = published_drift(drift)
    yield "drift", "", "since", shown.since.isoformat()
    yield "drift", "", "audience", shown.audience
    yield "drift", "", "accepted", shown.accepted
    yield from (("drift refused", each.value, "people", n) for each, n in shown.refused.items())


def _choice(choice: Choice) -> Iterator[Line]:
    yield "choice", "", "variant", choice.variant
    yield "choice", "", "how", choice.how.value
    yield "choice", "", "at", choice.at.isoformat()


def _figures(figures: Figures) -> Iterator[Line]:
    for name, count in figures.totals.items():
        yield "all", "", name, count
    yield from (("all", "share", name, share) for name, share in figures.shares.items())
    for link in figures.links:
        yield "link", link.url, "clicked", link.people
    for row in figures.domains:
        for name, count in row.figures.items():
            yield "domain", row.of, name, count
    yield from _money("money", figures.money)
    if figures.trial is not None:
        yield from _trial(figures.trial)
    for slot in figures.series:
        for name, count in slot.figures.items():
            yield figures.by.value, slot.at.isoformat(), name, count


def _money(part: str, some: Iterable[Money]) -> Iterator[Line]:
    for money in some:
        yield part, money.currency, "buyers", money.buyers
        yield part, money.currency, "orders", money.orders
        yield part, money.currency, "amount", money.amount


def _trial(trial: TrialFigures) -> Iterator[Line]:
    yield "split", "", "measure", trial.measure.value
    for each in trial.variants:
        yield from _part("variant", each)
    if trial.rest is not None:
        yield from _part("waited", trial.rest)
    if trial.verdict is not None:
        yield "split", "", "winner", trial.verdict.winner or "too few to tell"
        yield "split", "", "confidence of this look", trial.verdict.confidence
        for lead in trial.verdict.leads:
            yield "lead", lead.over, "low", _share(lead.by.low)
            yield "lead", lead.over, "high", _share(lead.by.high)
    if trial.holdout is not None:
        yield from _holdout(trial.holdout)


def _part(kind: str, part: PartFigures) -> Iterator[Line]:
    for what, of, name, count in _books(part.books):
        yield f"{kind} {what}", part.name, of or name, count
    for name, figure in part.figures.items():
        yield kind, part.name, name, figure
    if part.rate is not None:
        yield kind, part.name, "rate_low", _share(part.rate.low)
        yield kind, part.name, "rate_high", _share(part.rate.high)
    yield from _money(f"{kind} {part.name}, money", part.money)


def _holdout(found: HoldOut) -> Iterator[Line]:
    for what, of, name, count in _books(found.books):
        yield f"holdout {what}", "", of or name, count
    groups: tuple[tuple[str, Group], ...] = (
        ("mailed", found.mailed),
        ("held_out", found.held_out),
    )
    for name, group in groups:
        yield "holdout", name, "people", group.people
        yield "holdout", name, "buyers", group.buyers
        yield from _money(f"holdout {name}, money", group.money)
    if found.lead is not None:
        yield "holdout", "lead", "low", _share(found.lead.low)
        yield "holdout", "lead", "high", _share(found.lead.high)


def _share(share: float) -> float:
    return round(share, 5)
