"""A campaign's report through the API, as JSON and as CSV."""

import csv
import io
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import text

from mailer.campaigns import FIGURES
from mailer.measure import Kind
from mailer.vocabulary import Lane
from mailer.wiring import build_sender
from tests.api.conftest import AUTUMN, YES, House, Shop
from tests.measure.mails import Handed

FEW = "fewer than 10"


@pytest.fixture
def autumn(house: House, shop: Shop) -> tuple[int, int]:
    """The autumn campaign, handed over to twenty-five people, and its mailing."""
    for number in range(25):
        made = shop.post("/customers", {"email": f"jo.{number}@gmail.com", "country": "US"}).json()
        shop.post(f"/customers/{made['id']}/consents", YES)
    campaign: int = shop.post("/campaigns", AUTUMN).json()["id"]
    mailing: int = shop.post(f"/campaigns/{campaign}/start").json()["mailing"]
    sender = build_sender(house.parts)
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    sender.close()
    return campaign, mailing


def clicked(house: House, mailing: int, which: Iterable[int], n: int, kind: Kind) -> None:
    """Let some readers, counted in the order of their numbers, follow a link one after the other."""
    query = text("SELECT person_id FROM delivery_place WHERE mailing_id = :mailing ORDER BY 1")
    with house.parts.database.transaction() as session:
        readers = session.execute(query, {"mailing": mailing}).scalars().all()
        asked = [(readers[at], n, kind, 3600 * (n + 1) + 7 * at) for at in which]
        Handed(mailing, house.parts.clock()).write(session, asked)


@pytest.mark.clause("C15")
@pytest.mark.clause("C18")
def test_the_report_tells_people_from_machines_and_withholds_fewer_than_ten(
    house: House, shop: Shop, autumn: tuple[int, int]
) -> None:
    campaign, mailing = autumn
    clicked(house, mailing, range(13), 0, Kind.GET)
    clicked(house, mailing, range(3), 1, Kind.GET)
    clicked(house, mailing, range(13, 15), 0, Kind.SCANNER)
    report: dict[str, Any] = shop.get(f"/campaigns/{campaign}/report").json()
    assert (report["audience"], report["accepted"], report["refused"]) == (25, 25, {})
    figures = report["figures"]
    assert figures["handed_over"] == 25
    assert figures["clicks"]["people"] == 13
    assert (figures["clicks"]["machines"], figures["clicks"]["unknown"]) == (FEW, FEW)
    links = figures["clicks"]["links"]
    assert [each["people"] for each in links][:2] == ["all but fewer than 10", FEW]
    assert links[0]["url"].startswith("https://www.focalpointsystem.com/releases/")
    assert figures["opens"] == {"people": FEW, "machines": FEW, "unknown": FEW}
    assert [row["domain"] for row in figures["domains"]] == ["gmail.com"]
    assert report["as_at"] == "2026-11-22T10:00:00Z"


NUMBERS = ("audience", "accepted", "refused", "rejected", "unknown", "cancelled", "to_go")


def test_what_has_not_started_has_no_zeros_but_says_so(shop: Shop) -> None:
    campaign = shop.post("/campaigns", AUTUMN).json()["id"]
    report = shop.get(f"/campaigns/{campaign}/report").json()
    assert {name: report[name] for name in NUMBERS} == dict.fromkeys(NUMBERS)
    assert (report["figures"], report["drift"]) == (None, None)
    assert report["why_empty"] == "It has not started, so that there is nothing to report."
    rows = list(csv.reader(io.StringIO(shop.get(f"/campaigns/{campaign}/report/csv").text)))
    assert ["report", "", "why_empty", report["why_empty"]] in rows
    assert {row[3] for row in rows if row[0] == "books"} == {""}
    shop.post(f"/campaigns/{campaign}/cancel")
    told = shop.get(f"/campaigns/{campaign}/report").json()
    assert told["why_empty"] == "It was cancelled before it started."


def test_what_has_started_has_its_numbers_and_no_excuse(
    shop: Shop, autumn: tuple[int, int]
) -> None:
    report = shop.get(f"/campaigns/{autumn[0]}/report").json()
    assert (report["why_empty"], report["to_go"], report["cancelled"]) == (None, 0, 0)


def test_time_is_cut_by_the_clock_of_the_zone_asked_for(
    shop: Shop, autumn: tuple[int, int]
) -> None:
    query = {"zone": "Asia/Kolkata", "by": "hour"}
    report = shop.get(f"/campaigns/{autumn[0]}/report", params=query).json()
    assert report["zone"] == "Asia/Kolkata"
    assert [slot["at"] for slot in report["figures"]["series"]] == ["2026-11-22T15:00:00+05:30"]
    assert report["figures"]["series"][0]["handed_over"] == 25


def test_the_csv_holds_the_same_figures(shop: Shop, autumn: tuple[int, int]) -> None:
    answer = shop.get(f"/campaigns/{autumn[0]}/report/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert ["all", "", "handed_over", "25"] in rows
    assert {row[2] for row in rows if row[0] == "all"} == set(FIGURES)


@pytest.mark.parametrize(
    ("query", "field"), [({"zone": "Mars/Olympus"}, "zone"), ({"by": "minute"}, "by")]
)
def test_what_makes_no_sense_is_refused_with_its_fix(
    shop: Shop, autumn: tuple[int, int], query: dict[str, str], field: str
) -> None:
    answer = shop.get(f"/campaigns/{autumn[0]}/report", params=query)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert shop.get("/campaigns/99/report").status_code == 404
    assert shop.get("/campaigns/99/report/csv").status_code == 404
