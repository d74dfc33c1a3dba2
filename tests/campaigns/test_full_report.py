"""A report puts together what every room knows, and lets nothing small out (docs/reports.md)."""

import csv
import io
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from mailer import campaigns, delivery, orders
from mailer.campaigns import By, CampaignId, Figures, FullReport, csv_of
from mailer.campaigns.report_csv import safe_cell
from mailer.delivery import News
from mailer.measure import Event, Kind
from mailer.orders import EventKind, NewOrder, OrderEvent
from mailer.people import OTHER_DOMAINS, mailboxes_of
from mailer.permission import Change
from mailer.vocabulary import Door, Heard, MailingId, PersonId, Topic
from tests.campaigns.conftest import BY, Desk
from tests.measure.recording import event_id, record
from tests.people_of_tests import TestPerson

FEW = "fewer than 10"


def customers(desk: Desk, count: int, domain: str) -> list[TestPerson]:
    return desk.crowd(count, name="Jo {}", email=f"jo.{{}}@{domain}")


def sent(desk: Desk) -> tuple[CampaignId, MailingId]:
    """A campaign to everybody there is, handed over."""
    campaign_id = desk.draft()
    mailing_id = desk.do("start", campaign_id).mailing_id
    assert mailing_id is not None
    desk.send_all()
    return campaign_id, mailing_id


def ask(
    desk: Desk,
    mailing_id: MailingId,
    people: Iterable[TestPerson],
    n: int | None = 0,
    *,
    after: float = 3600,
    kind: Kind = Kind.GET,
) -> None:
    """Let people open (no link) or click, each some seconds after the one before."""
    events = []
    for number, person in enumerate(people):
        at = desk.now + timedelta(seconds=after + 7 * number)
        known_as = event_id(at, secrets.token_bytes(10))
        events.append(Event(known_as, mailing_id, person.person_id, n, kind, at))
    record(desk.database, events)


def hear(desk: Desk, mailing_id: MailingId, people: Iterable[TestPerson], heard: Heard) -> None:
    with desk.database.transaction() as session:
        for person in people:
            news = News(mailing_id, person.person_id, heard, desk.now)
            delivery.hear(session, news, now=desk.now)


def opt_out(desk: Desk, mailing_id: MailingId, people: Iterable[TestPerson]) -> None:
    for person in people:
        change = Change(
            door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True, mailing_id=mailing_id
        )
        desk.parts.opt_outs.change(person.person_id, change, address_id=person.address_id)


def report(
    desk: Desk,
    campaign_id: CampaignId,
    *,
    by: By = By.DAY,
    zone: str = "UTC",
    now: datetime | None = None,
) -> FullReport:
    with desk.database.reading() as session:
        return campaigns.full_report_of(
            session, desk.parts.vault, campaign_id, by=by, zone=zone, now=now or desk.now
        )


def figures(desk: Desk, campaign_id: CampaignId, **more: Any) -> Figures:
    told = report(desk, campaign_id, **more).figures
    assert told is not None
    return told


def test_a_draft_has_neither_books_nor_figures_and_says_why(desk: Desk) -> None:
    told = report(desk, desk.draft())
    assert (told.figures, told.books, told.as_at) == (None, None, desk.now)
    assert told.why_empty is not None


def test_every_figure_comes_from_the_room_that_knows_it(desk: Desk) -> None:
    people = customers(desk, 60, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    hear(desk, mailing_id, people[:45], Heard.DELIVERED)
    hear(desk, mailing_id, people[30:45], Heard.BOUNCED)
    hear(desk, mailing_id, people[:11], Heard.COMPLAINED)
    opt_out(desk, mailing_id, people[11:23])
    ask(desk, mailing_id, people[:30], None)
    ask(desk, mailing_id, people[30:42], None, kind=Kind.PROXY)
    ask(desk, mailing_id, people[:20], 0, after=4000)
    ask(desk, mailing_id, people[20:31], 0, after=5000, kind=Kind.SCANNER)
    totals = figures(desk, campaign_id).totals
    assert totals == {
        "handed_over": 60,
        "delivered": 30,
        "bounced": 15,
        "unheard": 15,
        "complained": 11,
        "opted_out": 12,
        "measurable": "all but fewer than 10",
        "opened": 30,
        "opened_by_machines": 12,
        "opened_unknown": FEW,
        "clicked": 20,
        "clicked_by_machines": 11,
        "clicked_unknown": FEW,
    }


def test_shares_are_of_those_handed_the_mail_and_of_no_figure_that_is_withheld(desk: Desk) -> None:
    people = customers(desk, 60, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    hear(desk, mailing_id, people[:45], Heard.DELIVERED)
    hear(desk, mailing_id, people[:3], Heard.COMPLAINED)
    opt_out(desk, mailing_id, people[11:23])
    told = figures(desk, campaign_id)
    assert told.shares["delivered"] == 0.75
    assert told.shares["opted_out"] == 0.2
    shown = {name for name, count in told.totals.items() if isinstance(count, int)}
    assert set(told.shares) == shown - {"handed_over"}
    assert "complained" not in told.shares


@pytest.mark.clause("C15")
def test_nothing_that_fewer_than_ten_did_is_told_anywhere(desk: Desk) -> None:
    people = customers(desk, 40, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    hear(desk, mailing_id, people[:31], Heard.DELIVERED)
    hear(desk, mailing_id, people[:2], Heard.COMPLAINED)
    opt_out(desk, mailing_id, people[:3])
    ask(desk, mailing_id, people[:4], 0)
    _order(desk, people[0], "1", after=5000)
    told = figures(desk, campaign_id, now=desk.now + timedelta(days=1))
    shown = {name for name, count in told.totals.items() if isinstance(count, int)}
    assert shown == {"handed_over"}
    assert told.totals["delivered"] == "all but fewer than 10", "31, and nothing is known of nine"
    assert [each.people for each in told.links] == [FEW] * len(told.links)
    assert [(each.buyers, each.orders, each.amount) for each in told.money] == [(FEW, None, None)]
    assert {each.figures["clicked"] for each in told.series} == {FEW}


@pytest.mark.clause("C15")
def test_a_domains_figure_cannot_be_had_by_taking_the_others_from_the_total(desk: Desk) -> None:
    large, small = customers(desk, 40, "gmail.com"), customers(desk, 30, "aol.com")
    other = customers(desk, 20, "jo-and-sons.example")
    campaign_id, mailing_id = sent(desk)
    ask(desk, mailing_id, [*large[:20], *small[:15], *other[:3]], 0)
    told = figures(desk, campaign_id)
    assert told.totals["clicked"] == 38
    clicked = {row.of: row.figures["clicked"] for row in told.domains}
    assert clicked == {"aol.com": "withheld", "gmail.com": 20, OTHER_DOMAINS: FEW}


@pytest.mark.clause("C09")
@pytest.mark.clause("C15")
def test_only_domains_of_large_providers_are_named(desk: Desk) -> None:
    for domain in ("gmail.com", "jo-and-sons.example", "anna.example"):
        customers(desk, 15, domain)
    campaign_id, _ = sent(desk)
    told = figures(desk, campaign_id)
    assert [(row.of, row.figures["handed_over"]) for row in told.domains] == [
        ("gmail.com", 15),
        (OTHER_DOMAINS, 30),
    ]
    with desk.database.reading() as session:
        named = {row.domain for row in session.execute(mailboxes_of(desk.parts.vault))}
    assert named == {"gmail.com", OTHER_DOMAINS}


@pytest.mark.clause("C17")
def test_who_switched_measuring_off_leaves_the_base_with_all_they_did(desk: Desk) -> None:
    people = customers(desk, 50, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    ask(desk, mailing_id, people[:30], 0)
    off = Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", tracking=False)
    for person in people[:12]:
        desk.parts.opt_outs.change(person.person_id, off)
    totals = figures(desk, campaign_id).totals
    assert (totals["measurable"], totals["clicked"]) == (38, 18)


def _order(desk: Desk, person: TestPerson, number: str, *, after: float, total: int = 500) -> None:
    with desk.database.transaction() as session:
        new = NewOrder(
            number, person.person_id, "EUR", (), total, desk.now + timedelta(seconds=after)
        )
        orders.place(session, desk.parts.vault, new, now=desk.now)


def test_money_is_what_people_ordered_within_a_week_of_their_click(desk: Desk) -> None:
    people = customers(desk, 40, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    ask(desk, mailing_id, people[:25], 0)
    for number, person in enumerate(people[:12]):
        _order(desk, person, f"in-{number}", after=90_000)
    _order(desk, people[0], "again", after=91_000)
    _order(desk, people[1], "before", after=60, total=7_000_000)
    _order(desk, people[2], "too-late", after=9 * 86_400, total=7_000_000)
    _order(desk, people[30], "no-click", after=90_000, total=7_000_000)
    [money] = figures(desk, campaign_id).money
    assert (money.currency, money.buyers, money.orders, money.amount) == ("EUR", 12, 13, 6500)
    _cancel(desk, "again")
    assert figures(desk, campaign_id).money[0].amount == 6000


def _cancel(desk: Desk, number: str) -> None:
    event = OrderEvent(EventKind.CANCELLED, desk.now, number=number)
    with desk.database.transaction() as session:
        orders.accept_event(session, desk.parts.vault, event, brand=desk.parts.brand, now=desk.now)


def test_an_open_brings_no_money_and_neither_does_a_machines_click(desk: Desk) -> None:
    people = customers(desk, 40, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    ask(desk, mailing_id, people[:20], None)
    ask(desk, mailing_id, people[20:], 0, kind=Kind.SCANNER)
    for number, person in enumerate(people):
        _order(desk, person, f"o-{number}", after=90_000)
    assert figures(desk, campaign_id).money == []


def test_time_is_told_in_the_zone_asked_for_with_its_empty_hours(desk: Desk) -> None:
    people = customers(desk, 60, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    ask(desk, mailing_id, people[:25], 0, after=2 * 3600)
    told = figures(
        desk, campaign_id, by=By.HOUR, zone="Asia/Kolkata", now=desk.now + timedelta(hours=5)
    )
    assert len(told.series) == 6
    begins = [each.at for each in told.series]
    assert [b - a for a, b in pairwise(begins)] == [timedelta(hours=1)] * 5
    assert {each.at.utcoffset() for each in told.series} == {timedelta(hours=5, minutes=30)}
    assert [each.figures["handed_over"] for each in told.series] == ["withheld", *[FEW] * 5]
    days = figures(desk, campaign_id, now=desk.now + timedelta(days=200)).series
    assert len(days) == 92


def test_an_opt_out_that_did_not_come_by_this_mailing_is_not_the_campaigns(desk: Desk) -> None:
    people = customers(desk, 60, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    opt_out(desk, mailing_id, people[:12])
    opt_out(desk, MailingId(mailing_id + 1), people[12:30])
    assert figures(desk, campaign_id).totals["opted_out"] == 12


def test_the_csv_says_what_the_report_says_one_figure_a_line(desk: Desk) -> None:
    people = customers(desk, 30, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    ask(desk, mailing_id, people[:15], 0)
    text = csv_of(report(desk, campaign_id))
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n")
    rows = {(part, of, name): value for part, of, name, value in csv.reader(io.StringIO(text))}
    assert rows["part", "of", "figure"] == "value"
    assert rows["books", "", "accepted"] == "30"
    assert rows["all", "", "clicked"] == "15"
    assert rows["domain", "gmail.com", "clicked"] == "15"
    assert rows["all", "", "bounced"] == FEW
    assert rows["report", "", "as_at"] == desk.now.isoformat()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " ="])
def test_no_cell_of_a_csv_begins_like_a_formula(desk: Desk, start: str) -> None:
    name = f'{start}HYPERLINK("https://x.example","y")'
    assert safe_cell(name) == f"'{name}"
    with desk.database.transaction() as session:
        new = campaigns.NewCampaign(
            name, Topic.COMPANY_NEWS, desk.look(desk.draft()).content, campaigns.Audience()
        )
        made = campaigns.create(session, new, brand=desk.parts.brand, by=BY, now=desk.now)
    rows = list(csv.reader(io.StringIO(csv_of(report(desk, made.campaign_id)), newline="")))
    assert ["campaign", "", "name", f"'{name}"] in rows
    assert _risky(rows) == []


@pytest.mark.parametrize("unseen", ["\u00a0", "\ufeff", "\u200b", "\u2003", "\x0b", " \u200e "])
def test_nothing_unseen_hides_a_formula_in_a_csv(unseen: str) -> None:
    assert safe_cell(f"{unseen}=1+1") == f"'{unseen}=1+1"


@pytest.mark.parametrize("sign", [";", "\t", "|", "\n", "\r"])
def test_whoever_splits_a_csv_by_another_sign_meets_no_formula(sign: str) -> None:
    assert safe_cell(f"Autumn{sign}=1+1{sign} @x") == f"Autumn{sign}'=1+1{sign}' @x"


@pytest.mark.parametrize("quote", ['"', '""', "'", '"\u200b'])
def test_a_quote_hides_no_formula_from_whoever_reads_it_away(quote: str) -> None:
    cell = safe_cell(f"Autumn;{quote}=1+1;")
    assert cell == f"Autumn;'{quote}=1+1;"
    (cells,) = csv.reader([cell], delimiter=";")
    assert not [each for each in cells if each.startswith("=")]


@pytest.mark.parametrize("name", ["Autumn; winter", "1 = 1; a-b", "10:30|12:30", "", ";"])
def test_words_that_are_no_formula_stay_as_they_are(name: str) -> None:
    assert safe_cell(name) == name


def test_the_csv_tells_the_drift_as_the_report_does(desk: Desk) -> None:
    people = customers(desk, 30, "gmail.com")
    campaign_id = desk.draft()
    mailing_id = desk.do("start", campaign_id).mailing_id
    assert mailing_id is not None
    opt_out(desk, mailing_id, people[:12])
    desk.send_all()
    rows = _told(report(desk, campaign_id))
    assert rows["drift", "", "accepted"] == "-12"
    assert rows["drift refused", "not.all", "people"] == "12"
    assert rows["drift", "", "audience"] == FEW


def test_the_csv_tells_what_the_remainder_of_a_split_test_got(desk: Desk) -> None:
    told = report(desk, desk.draft())
    choice = campaigns.Choice("=Evening", campaigns.How.BY_HAND, desk.now, BY, people=30)
    rows = _told(replace(told, campaign=replace(told.campaign, choice=choice)))
    assert rows["choice", "", "variant"] == "'=Evening"
    assert rows["choice", "", "how"] == "by_hand"
    assert rows["choice", "", "at"] == desk.now.isoformat()


def _told(told: FullReport) -> dict[tuple[str, str, str], str]:
    lines = csv.reader(io.StringIO(csv_of(told)))
    return {(part, of, name): value for part, of, name, value in lines}


def _risky(rows: Sequence[Sequence[str]]) -> list[str]:
    return [cell for row in rows for cell in row if cell.lstrip(" ")[:1] in tuple("=+-@\t\r\n＝")]


def test_a_merged_customers_order_counts_for_their_click(desk: Desk) -> None:
    people = customers(desk, 40, "gmail.com")
    campaign_id, mailing_id = sent(desk)
    ask(desk, mailing_id, people[:20], 0)
    survivor = desk.customer("Anna Example", email="anna@gmail.com")
    for person in people[:10]:
        desk.parts.opt_outs.merge(survivor=survivor.person_id, merged=PersonId(person.person_id))
    for number, person in enumerate(people[10:20]):
        _order(desk, person, f"o-{number}", after=90_000)
    _order(desk, survivor, "theirs", after=90_000)
    [money] = figures(desk, campaign_id).money
    assert money.orders is None or money.orders == 11


def test_a_report_leaves_no_table_behind_and_may_be_made_twice_in_one_transaction(
    desk: Desk,
) -> None:
    desk.customer("Jo Example")
    campaign_id = desk.draft()
    desk.do("start", campaign_id)
    desk.send_all()
    with desk.database.reading() as session:
        first, second = (
            campaigns.full_report_of(session, desk.parts.vault, campaign_id, now=desk.now)
            for _ in range(2)
        )
        left = session.execute(
            text("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'")
        ).scalar_one()
    assert first == second
    assert left == 0
