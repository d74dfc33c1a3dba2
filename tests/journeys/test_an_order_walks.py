"""One order walks through its events by API; each mail arrives once, and a card number nowhere."""

import re
import threading
from email.message import EmailMessage
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.journeys.conftest import RunningService, html_of, text_of

CARD = "4111 1111 1111 1111"
BARE_CARD = "4111111111111111"
MONEY = {"amount": 69_400, "currency": "USD"}
JO = {
    "external_id": "J-1",
    "email": "jo.walker@example.com",
    "name": "Jo Walker",
    "country": "US",
    "language": "en",
    "timezone": "America/New_York",
    "source": "shop",
}
ORDER = {
    "number": "20482",
    "customer": {"external_id": "J-1"},
    "currency": "USD",
    "lines": [{"sku": "POS-PRO", "name": "POS Pro terminal", "quantity": 1, "unit_price": 64_900}],
    "total": 69_400,
    "placed_at": "2026-11-22T10:00:00Z",
    "ip": "203.0.113.7",
    "payment": {"brand": "Visa", "last4": "4242", "expiry": "2028-04", "token": "tok_9f2c"},
}
TRACKING = {
    "carrier": "UPS",
    "number": "1Z999AA10123456784",
    "url": "https://www.ups.com/track?tracknum=1Z999AA10123456784",
}
EVENTS: dict[str, dict[str, object]] = {
    "received": {},
    "confirmed": {},
    "paid": {},
    "shipped": {"tracking": TRACKING},
    "delivered": {},
    "refunded": {"amount": MONEY},
    "cancelled": {},
    "payment_failed": {},
}


def tell(service: RunningService, event: str, fields: dict[str, object]) -> httpx.Response:
    return service.api(
        "POST",
        "/orders/20482/events",
        {"event": event, "occurred_at": "2026-11-22T11:00:00Z", "fields": fields},
    )


@pytest.fixture(scope="module")
def order(service: RunningService) -> str:
    assert service.api("POST", "/customers", JO).status_code == 200
    kept = service.api("POST", "/orders", ORDER)
    assert kept.status_code == 200, kept.text
    return "20482"


def mails(service: RunningService, count: int) -> list[EmailMessage]:
    return list(
        service.wait_for(
            lambda: len(found := service.mails_to(str(JO["email"]))) >= count and found,
            f"{count} mails to Jo",
        )
    )


@pytest.mark.slow
@pytest.mark.clause("C05")
@pytest.mark.timeout(300)
def test_every_event_of_an_order_becomes_one_mail(service: RunningService, order: str) -> None:
    for event, fields in EVENTS.items():
        told = tell(service, event, fields)
        assert told.status_code == 202, f"{event}: {told.text}"
    found = mails(service, len(EVENTS))
    assert len(found) == len(EVENTS)
    assert len({str(mail["Message-ID"]) for mail in found}) == len(EVENTS)
    for mail in found:
        check_headers(mail)
        assert order in text_of(mail)
        assert "It carries no advertising." in " ".join(text_of(mail).split())
    check_links(service, found)


def check_headers(mail: EmailMessage) -> None:
    """What RFC 5322 and 3834 ask of an order update, and no way out that it does not need."""
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
        assert len(mail.get_all(name, [])) == 1, name
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None
    assert mail["Precedence"] is None
    assert mail.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in mail.iter_parts()]
    assert kinds == ["text/plain", "text/html"]


def check_links(service: RunningService, found: list[EmailMessage]) -> None:
    clicks = {
        link for mail in found for link in re.findall(r'href="([^"]+/c/[^"]+)"', html_of(mail))
    }
    assert clicks
    with service.client() as browser:
        targets = [browser.get(link.replace("&amp;", "&")) for link in sorted(clicks)]
    assert {answer.status_code for answer in targets} == {302}
    assert TRACKING["url"] in {answer.headers["location"] for answer in targets}


@pytest.mark.slow
@pytest.mark.clause("C05")
@pytest.mark.timeout(120)
def test_the_same_event_told_twice_at_once_makes_one_mail(
    service: RunningService, order: str
) -> None:
    before = len(service.mails_to(str(JO["email"])))
    answers: list[httpx.Response] = []
    body = {
        "event": "shipped",
        "event_id": "parcel-2",
        "occurred_at": "2026-11-22T12:00:00Z",
        "fields": {"tracking": TRACKING},
    }
    threads = [
        threading.Thread(
            target=lambda: answers.append(service.api("POST", f"/orders/{order}/events", body))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["mailing"] for answer in answers}) == 1
    mails(service, before + 1)
    assert tell(service, "received", {}).status_code == 202, "a repeat of an earlier event, too"
    service.wait_for(
        lambda: service.rows(
            "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM delivery_batch"
            " WHERE lane = 'orders' AND state IN ('prepared', 'claimed', 'handing'))"
        ),
        "the lane to be empty",
    )
    assert len(service.mails_to(str(JO["email"]))) == before + 1


@pytest.mark.slow
@pytest.mark.clause("C01")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [CARD, BARE_CARD, "4111-1111-1111-1111"])
def test_a_card_number_is_refused_and_kept_nowhere(
    service: RunningService, order: str, number: str
) -> None:
    refused = tell(service, "delivered", {"note": f"paid with {number}"})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert "card" in refused.text
    customer = service.api("POST", "/customers", {**JO, "name": f"Jo {number}"})
    assert customer.status_code == 422
    for text in (refused.text, customer.text, service.log.read_text(errors="replace")):
        assert number not in text
    assert tables_holding(service, number) == []
    assert files_holding(service.data, number) == []


def tables_holding(service: RunningService, number: str) -> list[str]:
    names = [
        name
        for (name,) in service.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    return [
        name
        for name in names
        if service.rows(f"SELECT 1 FROM \"{name}\" t WHERE t::text LIKE '%{number}%' LIMIT 1")
    ]


def files_holding(folder: Path, number: str) -> list[str]:
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and number.encode() in path.read_bytes()
    ]
