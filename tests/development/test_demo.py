"""The demo company: believable, reachable by nobody, real where it says that it is."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer import campaigns, delivery, people, permission
from mailer.campaigns import CampaignId, State
from mailer.database import Database
from mailer.development.demo import CUSTOMERS, DemoExists, is_empty, seed
from mailer.development.demo.arriving import JO
from mailer.development.demo.countries import COUNTRIES, RATES
from mailer.development.demo.inventing import DOMAINS, invent
from mailer.development.demo.names import NAMES
from mailer.people import NewProfile, check_profile
from mailer.permission import Change
from mailer.providers import MemoryProvider
from mailer.vocabulary import Door, Lane, Outcome, PersonId, Reason, Stream
from mailer.wiring import Parts, build, build_sender
from tests.open_window import open_window
from tests.web.house import settings_for

TOUR, AUTUMN, NEWS = (CampaignId(number) for number in (1, 2, 3))
FICTION = ("+1609555", "+1416555", "+447700900", "+336399", "+493023125", "+467017406")
"""Ranges that the numbering authorities keep free for films and books."""


@pytest.fixture(scope="module")
def crowd() -> list[NewProfile]:
    """As many as `make run` invents."""
    return list(invent(CUSTOMERS, random.Random(2014)))


def test_the_same_seed_invents_the_same_people() -> None:
    first, again, others = (list(invent(50, random.Random(seed))) for seed in (7, 7, 8))
    assert first == again
    assert first != others


def test_no_invented_address_can_reach_anybody(crowd: list[NewProfile]) -> None:
    addresses = [profile.email for profile in crowd]
    assert len(set(addresses)) == CUSTOMERS
    assert {address.rpartition("@")[2] for address in addresses} == set(DOMAINS)
    assert set(DOMAINS) == {"example.com", "example.net", "example.org"}


def test_every_invented_customer_is_one_that_the_house_takes(
    crowd: list[NewProfile], now: datetime
) -> None:
    checked = [check_profile(profile, now=now) for profile in crowd]
    phones = {each.texts["phone"] for each in checked if "phone" in each.texts}
    assert phones
    assert all(phone.startswith(FICTION) for phone in phones)


def test_they_come_from_everywhere(crowd: list[NewProfile]) -> None:
    assert len({profile.country for profile in crowd}) == len(COUNTRIES) > 30
    assert len({profile.language for profile in crowd}) > 40
    assert len({profile.timezone for profile in crowd}) > 40
    letters = "".join(profile.name or "" for profile in crowd)
    for sign in "éΕЮשمप्สê佐김陳":
        assert sign in letters


def test_every_country_has_names_for_its_languages_and_a_price_for_its_money() -> None:
    assert {speech.names for country in COUNTRIES for speech in country.speech} == set(NAMES)
    assert {country.currency for country in COUNTRIES} == set(RATES)


@dataclass
class Company:
    """A small demo company, with the fake provider instead of workers' SMTP."""

    parts: Parts
    provider: MemoryProvider
    rung: list[Lane]
    seen: list[tuple[int, int]] = field(default_factory=list)

    def found(self, *, customers: int, now: datetime) -> None:
        seed(
            self.parts,
            customers=customers,
            now=now,
            progress=lambda done, total: self.seen.append((done, total)),
        )

    def work(self) -> None:
        """What the workers do when the bells ring."""
        sender = build_sender(self.parts, provider=self.provider)
        for lane in self.rung:
            while sender.deliver_one(lane):
                pass
        sender.close()
        with self.parts.database.transaction() as session:
            campaigns.finish_done(session, now=self.parts.clock())

    def report(self, campaign: CampaignId) -> campaigns.Report:
        with self.parts.database.reading() as session:
            return campaigns.report_of(session, campaign)

    def jo(self) -> PersonId:
        with self.parts.database.reading() as session:
            return people.find_by_email(session, self.parts.vault, JO.email)[0]

    def count(self, table: str) -> int:
        with self.parts.database.reading() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.fixture
def company(
    database: Database, database_url: str, tmp_path: Path, now: datetime
) -> Iterator[Company]:
    rung: list[Lane] = []
    settings = settings_for(database_url, tmp_path, shop_url="https://www.example.com")
    parts = build(settings, process="test", window=open_window, ring=rung.append, clock=lambda: now)
    yield Company(parts, MemoryProvider(), rung)
    parts.close()


def test_the_company_has_what_a_newcomer_is_to_see(company: Company, now: datetime) -> None:
    company.found(customers=300, now=now)
    assert company.seen[-1] == (300, 300)
    assert company.rung == [Lane.ORDERS, Lane.PROMOTIONAL]
    with company.parts.database.reading() as session:
        living = people.customers_page(session, company.parts.vault, after=PersonId(0), limit=999)
        assert len(living) == 300
        stops, merged = (
            session.execute(text(query)).scalar_one()
            for query in (
                "SELECT count(*) FROM permission_consent WHERE act = 'stop'",
                "SELECT count(*) FROM people_customer WHERE merged_into IS NOT NULL",
            )
        )
        doors = set(session.execute(text("SELECT DISTINCT door FROM permission_consent")).scalars())
        states = [each.state for each in campaigns.campaigns_page(session)]
    assert 4 <= stops <= 30
    assert merged == 2
    assert {"import", "preference_page", "one_click", "unsubscribe_page"} <= doors
    assert states == [State.SENDING, State.SENDING, State.SCHEDULED]


def test_no_consent_names_a_policy_that_was_not_yet_in_force(
    company: Company, now: datetime
) -> None:
    company.found(customers=120, now=now)
    with company.parts.database.reading() as session:
        rows = session.execute(
            text("SELECT DISTINCT policy_version, at::date < '2026-11-01' FROM permission_consent")
        ).all()
    assert {tuple(row) for row in rows} == {("2014-09-29", True), ("2026-11", False)}


def test_the_invented_past_causes_no_mail(company: Company, now: datetime) -> None:
    company.found(customers=120, now=now)
    assert company.count("orders_order") > 60
    assert company.count("delivery_mailing") == company.count("orders_event") + 2
    assert company.count("orders_event") < 20


def test_the_workers_finish_what_is_under_way_and_the_books_balance(
    company: Company, now: datetime
) -> None:
    company.found(customers=300, now=now)
    company.work()
    for campaign in (TOUR, AUTUMN):
        report = company.report(campaign)
        assert report.campaign.state is State.FINISHED
        assert report.books.balance
        assert report.books.accepted
        assert report.books.refused
    assert company.report(AUTUMN).books.audience == 300
    assert company.report(NEWS).campaign.state is State.SCHEDULED
    jos = [each for each in company.provider.accepted if each.recipient == JO.email]
    assert len(jos) == 4 + 2  # the order's way from received to shipped, and two campaigns


def test_who_stops_promotional_mail_gets_none_of_the_campaign_under_way(
    company: Company, now: datetime
) -> None:
    company.found(customers=60, now=now)
    jo = company.jo()
    company.parts.opt_outs.change(
        jo, Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", stop_all=True)
    )
    company.work()
    with company.parts.database.reading() as session:
        told = delivery.messages_of(session, jo)
    by_stream = Counter((each.stream, each.outcome, each.reason) for each in told)
    assert by_stream == {
        (Stream.ORDER_UPDATE, Outcome.ACCEPTED, Reason.SENT_ORDER): 4,
        (Stream.PROMOTIONAL, Outcome.REFUSED, Reason.NOT_ALL): 2,
    }


def test_a_database_with_customers_is_left_alone(company: Company, now: datetime) -> None:
    company.found(customers=40, now=now)
    assert not is_empty(company.parts)
    with pytest.raises(DemoExists):
        company.found(customers=40, now=now)
    assert company.count("campaigns_campaign") == 3


def test_a_company_that_cannot_be_made_whole_is_not_made_at_all(
    database: Database, database_url: str, tmp_path: Path, now: datetime
) -> None:
    settings = settings_for(database_url, tmp_path, postal_address="")
    parts = build(settings, process="test", window=open_window, clock=lambda: now)
    with pytest.raises(campaigns.CannotSend):
        seed(parts, customers=40, now=now)
    assert is_empty(parts)
    parts.close()


def test_too_small_a_company_is_refused(company: Company, now: datetime) -> None:
    with pytest.raises(ValueError, match="40 customers"):
        company.found(customers=39, now=now)


def test_what_jo_agreed_to_can_be_read_back(company: Company, now: datetime) -> None:
    company.found(customers=40, now=now)
    with company.parts.database.reading() as session:
        standing = permission.standing_of(session, company.jo())
    assert standing is not None
    assert {topic.value for topic in standing.topics_on} == {
        "software_updates",
        "company_news",
        "service_and_events",
    }
