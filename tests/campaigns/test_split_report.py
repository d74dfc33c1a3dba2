"""The report of a split test: each variant beside the others, the verdict, and the hold-out."""

import csv
import io
from collections.abc import Iterable
from datetime import timedelta

import pytest

from mailer import campaigns, orders
from mailer.campaigns import CampaignId, FullReport, csv_of
from mailer.campaigns.trial_figures import TrialFigures
from mailer.delivery import Books
from mailer.orders import NewOrder
from mailer.vocabulary import MailingId, PersonId, Reason
from tests.campaigns.conftest import Desk
from tests.campaigns.split import SAMPLE, a_split, click, crowd, decide, drawn, started

FEW = "fewer than 10"


def report(desk: Desk, campaign_id: CampaignId) -> FullReport:
    with desk.database.reading() as session:
        return campaigns.full_report_of(session, desk.parts.vault, campaign_id, now=desk.now)


def found(desk: Desk, campaign_id: CampaignId) -> TrialFigures:
    figures = report(desk, campaign_id).figures
    assert figures is not None
    assert figures.trial is not None
    return figures.trial


def in_variant(desk: Desk, mailing_id: MailingId, variant: int) -> list[PersonId]:
    parts = drawn(desk, mailing_id)
    return sorted(who for who, (number, rest) in parts.items() if number == variant and not rest)


def order(desk: Desk, people: Iterable[PersonId], *, after: float = 7200) -> None:
    with desk.database.transaction() as session:
        for person in people:
            placed = desk.now + timedelta(seconds=after)
            new = NewOrder(f"o-{person}-{after:g}", person, "EUR", (), 500, placed)
            orders.place(session, desk.parts.vault, new, now=desk.now)


def test_each_variant_has_its_figures_and_they_add_up_to_the_campaigns(desk: Desk) -> None:
    crowd(desk, 120)
    campaign_id, mailing_id = started(desk, a_split())
    desk.send_all()
    plain, question = (in_variant(desk, mailing_id, number) for number in (1, 2))
    click(desk, mailing_id, [*plain[:25], *question[:36]])
    order(desk, [*plain[:11], *question[:13]], after=7200)
    told = report(desk, campaign_id).figures
    assert told is not None
    assert told.trial is not None
    assert told.totals["clicked"] == 61
    assert [each.name for each in told.trial.variants] == ["Plain", "Question"]
    assert [each.figures["clicked"] for each in told.trial.variants] == [25, 36]
    assert [each.figures["buyers"] for each in told.trial.variants] == [11, 13]
    assert [each.money[0].amount for each in told.trial.variants] == [5500, 6500]
    assert [each.figures["handed_over"] for each in told.trial.variants] == [
        len(plain),
        len(question),
    ]
    rate = told.trial.variants[1].rate
    assert rate is not None
    assert rate.low < 36 / len(question) < rate.high


def test_the_verdict_names_a_winner_or_says_too_few_to_tell(desk: Desk) -> None:
    crowd(desk, 120)
    campaign_id, mailing_id = started(desk, a_split())
    desk.send_all()
    plain, question = (in_variant(desk, mailing_id, number) for number in (1, 2))
    click(desk, mailing_id, [*plain[:12], *question[:15]])
    verdict = found(desk, campaign_id).verdict
    assert verdict is not None
    assert verdict.winner is None
    click(desk, mailing_id, question[15:40], after=9000)
    verdict = found(desk, campaign_id).verdict
    assert verdict is not None
    assert verdict.winner == "Question"
    assert verdict.confidence == 0.95
    assert [(each.over, each.by.low > 0) for each in verdict.leads] == [("Plain", True)]


@pytest.mark.clause("C15")
def test_a_small_variant_cannot_be_had_by_taking_the_other_from_the_total(desk: Desk) -> None:
    crowd(desk, 120)
    campaign_id, mailing_id = started(desk, a_split())
    desk.send_all()
    plain, question = (in_variant(desk, mailing_id, number) for number in (1, 2))
    click(desk, mailing_id, [*plain[:3], *question[:31]])
    told = report(desk, campaign_id).figures
    assert told is not None
    assert told.trial is not None
    shown = [each.figures["clicked"] for each in told.trial.variants]
    assert shown[0] == FEW
    assert "withheld" in (shown[1], told.totals["clicked"])
    assert told.trial.verdict is None
    assert told.trial.variants[0].rate is None


def test_who_waited_for_the_choice_stands_apart_and_the_books_of_all_parts_add_up(
    desk: Desk,
) -> None:
    crowd(desk, 200)
    campaign_id, mailing_id = started(desk, a_split(sample=SAMPLE, holdout_percent=20))
    desk.send_all()
    click(desk, mailing_id, in_variant(desk, mailing_id, 2)[:30])
    desk.later(hours=4)
    assert len(decide(desk)) == 1
    desk.send_all()
    told = found(desk, campaign_id)
    assert told.rest is not None
    assert told.holdout is not None
    books = [each.books for each in (*told.variants, told.rest)] + [told.holdout.books]
    whole = desk.report(campaign_id).books
    assert all(each.balance for each in books)
    assert sum(each.audience for each in books) == whole.audience == 200
    assert sum(each.accepted for each in books) == whole.accepted
    assert told.holdout.books == Books(
        told.holdout.books.audience,
        0,
        {Reason.NOT_HOLDOUT: told.holdout.books.audience},
        0,
        0,
        0,
        0,
    )


def test_the_hold_out_shows_what_the_campaign_brought(desk: Desk) -> None:
    crowd(desk, 160)
    campaign_id, mailing_id = started(desk, a_split(variants=(), holdout_percent=50))
    desk.send_all()
    mailed, held = in_variant(desk, mailing_id, 1), in_variant(desk, mailing_id, 0)
    order(desk, [*mailed[:40], *held[:12]])
    order(desk, mailed[:1], after=30)
    order(desk, held[12:20], after=9 * 86_400)
    told = found(desk, campaign_id)
    assert told.variants == []
    effect = told.holdout
    assert effect is not None
    assert (effect.mailed.people, effect.mailed.buyers) == (len(mailed), 40)
    assert (effect.held_out.people, effect.held_out.buyers) == (len(held), 12)
    assert effect.mailed.money[0].orders == 41
    assert effect.lead is not None
    assert effect.lead.low > 0


@pytest.mark.clause("C15")
def test_few_buyers_among_the_held_out_are_not_told(desk: Desk) -> None:
    crowd(desk, 80)
    campaign_id, mailing_id = started(desk, a_split(variants=(), holdout_percent=50))
    desk.send_all()
    order(desk, [*in_variant(desk, mailing_id, 1)[:20], *in_variant(desk, mailing_id, 0)[:2]])
    effect = found(desk, campaign_id).holdout
    assert effect is not None
    assert (effect.held_out.buyers, effect.held_out.money[0].amount) == (FEW, None)
    assert effect.lead is None


def test_the_csv_has_a_line_for_every_figure_of_a_variant(desk: Desk) -> None:
    crowd(desk, 120)
    campaign_id, mailing_id = started(desk, a_split(holdout_percent=10))
    desk.send_all()
    plain = in_variant(desk, mailing_id, 1)
    click(desk, mailing_id, plain[:12])
    text = csv_of(report(desk, campaign_id))
    rows = {(part, of, name): value for part, of, name, value in csv.reader(io.StringIO(text))}
    assert rows["variant", "Plain", "handed_over"] == str(len(plain))
    assert rows["variant books", "Plain", "accepted"] == str(len(plain))
    assert rows["variant", "Question", "clicked"] == FEW
    assert rows["split", "", "measure"] == "clicks"
    held = rows["holdout", "held_out", "people"]
    assert rows["holdout refused", "", "not.holdout"] == held
    assert (
        int(held) + sum(int(rows["variant", name, "handed_over"]) for name in ("Plain", "Question"))
        == 120
    )


def test_a_campaign_without_a_split_has_none_of_this(desk: Desk) -> None:
    crowd(desk, 12)
    campaign_id = desk.draft()
    desk.do("start", campaign_id)
    desk.send_all()
    told = report(desk, campaign_id).figures
    assert told is not None
    assert told.trial is None
