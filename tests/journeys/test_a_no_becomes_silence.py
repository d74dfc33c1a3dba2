"""A campaign goes out, somebody clicks, opts out, and the next campaign passes them by."""

import re
from email.message import EmailMessage

import httpx2 as httpx
import pytest

from tests.journeys.conftest import RunningService, html_of, text_of

NAMES = ("Anna Becker", "Jürgen Groß", "王小明", "Zoë Brändli", "O'Brien, Pat")
CONTENT = {
    "subject": "The autumn release for {{ first_name }}",
    "preheader": "What is new this autumn.",
    "heading": "The autumn release",
    "body_markdown": "Dear {{ first_name }},\n\nsee [what is new]"
    "(https://shop.focalpointsystem.com/autumn) in {{ city }}.",
    "button_label": "See the release",
    "button_url": "https://shop.focalpointsystem.com/release",
}
WORDS = "Send me company news by e-mail. I can stop at any time."


def address(n: int) -> str:
    return f"silence{n}@example.org"


@pytest.fixture(scope="module")
def customers(service: RunningService) -> list[int]:
    numbers = []
    for n, name in enumerate(NAMES):
        made = service.api(
            "POST",
            "/customers",
            {"email": address(n), "name": name, "language": "tlh", "source": "shop"},
        )
        assert made.status_code == 200, made.text
        numbers.append(int(made.json()["id"]))
        path = f"/customers/{numbers[-1]}/consents"
        seen = service.api("GET", path).json()["version"]
        wish = {"on": ["company_news"], "words": WORDS, "seen_version": seen}
        yes = service.api("POST", path, wish)
        assert yes.status_code == 200, yes.text
    return numbers


def campaign(service: RunningService, name: str) -> int:
    """Make and start a campaign to the customers of this journey, known by their language."""
    made = service.api(
        "POST",
        "/campaigns",
        {
            "name": name,
            "topic": "company_news",
            "content": CONTENT,
            "audience": {"rule": {"kind": "language", "any_of": ["tlh"]}},
        },
    )
    assert made.status_code == 201, made.text
    number = int(made.json()["id"])
    started = service.api("POST", f"/campaigns/{number}/start")
    assert started.status_code == 200, started.text
    return number


def finished(service: RunningService, number: int) -> dict[str, object]:
    def report() -> dict[str, object] | None:
        told: dict[str, object] = service.api("GET", f"/campaigns/{number}/report").json()
        return told if told["state"] == "finished" else None

    found: dict[str, object] = service.wait_for(report, "the campaign to finish")
    return found


@pytest.fixture(scope="module")
def mail(service: RunningService, customers: list[int]) -> EmailMessage:
    """Anna's copy of the first campaign."""
    told = finished(service, campaign(service, "Autumn release"))
    assert (told["audience"], told["accepted"]) == (len(NAMES), len(NAMES))
    [found] = service.mails_to(address(0))
    return found


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_promotional_mail_passes_a_strict_parser_and_offers_its_way_out(
    mail: EmailMessage,
) -> None:
    for name in ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Id"):
        assert len(mail.get_all(name, [])) == 1, name
    assert re.fullmatch(r"<http://127\.0\.0\.1:\d+/u/[\w.-]+>", mail["List-Unsubscribe"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Precedence"] == "bulk"
    assert mail["Subject"] == "The autumn release for Anna"
    html, text = html_of(mail), " ".join(text_of(mail).split())
    assert re.search(r"Dear (<[^>]+>)?Anna", html)
    assert "Dear Anna" in text
    assert "/u/" in html
    assert "/u/" in text
    assert len(html.encode()) < 90_000


@pytest.mark.slow
@pytest.mark.clause("C16")
@pytest.mark.timeout(120)
def test_its_links_redirect_to_the_campaigns_targets_and_to_nothing_else(
    service: RunningService, mail: EmailMessage
) -> None:
    links = re.findall(r'href="([^"]+/c/[^"]+)"', html_of(mail))
    with service.client() as browser:
        targets = {browser.get(link).headers["location"] for link in links}
        assert {
            "https://shop.focalpointsystem.com/autumn",
            "https://shop.focalpointsystem.com/release",
        } <= targets
        click = links[0]
        token, n = click.rsplit("/", 2)[-2:]
        assert browser.get(f"/c/{token}/999").status_code == 404
        for other in (f"/u/{token}", f"/p/{token}"):
            assert browser.get(other).status_code == 404
        assert browser.post(f"/u/{token}").status_code == 404
        for at in range(len(token)):
            changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
            answer = browser.get(f"/c/{changed}/{n}")
            assert answer.status_code == 404, changed
            assert "location" not in answer.headers


@pytest.mark.slow
@pytest.mark.clause("C08")
@pytest.mark.timeout(240)
def test_looking_at_every_link_a_hundred_times_changes_nothing(
    service: RunningService, mail: EmailMessage, customers: list[int]
) -> None:
    links = sorted(set(re.findall(r'href="(http://127[^"]+)"', html_of(mail))))
    links += re.findall(r'src="(http://127[^"]+)"', html_of(mail))
    links += re.findall(r"<(http[^>]+)>", str(mail["List-Unsubscribe"]))
    before = wishes(service)
    with service.client() as browser:
        for link in links:
            for method in ["GET", "HEAD"] * 50:
                answer = browser.request(method, link.replace("&amp;", "&"))
                assert answer.status_code in {200, 302}, f"{method} {answer.status_code}"
    assert wishes(service) == before


def wishes(service: RunningService) -> list[object]:
    return [
        service.rows("SELECT * FROM permission_standing ORDER BY person_id"),
        service.rows("SELECT * FROM permission_suppression ORDER BY id"),
        service.rows("SELECT * FROM permission_consent ORDER BY id"),
    ]


@pytest.mark.slow
@pytest.mark.clause("C08")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("form", ["multipart", "urlencoded", "empty", "nonsense"])
def test_one_click_as_mailboxes_send_it_is_answered_200_without_redirect(
    service: RunningService, mail: EmailMessage, customers: list[int], form: str
) -> None:
    n = 1 + ["multipart", "urlencoded", "empty", "nonsense"].index(form)
    [theirs] = service.mails_to(address(n))[:1]
    [link] = re.findall(r"<(http[^>]+)>", str(theirs["List-Unsubscribe"]))
    with service.client() as mailbox:
        for _ in range(2):
            answer = one_click(mailbox, link, form)
            assert answer.status_code == 200
            assert answer.text.startswith("Stopped.")
    standing = service.api("GET", f"/customers/{customers[n]}/consents").json()
    assert standing["stopped_since"]


def one_click(mailbox: httpx.Client, link: str, form: str) -> httpx.Response:
    if form == "multipart":
        return mailbox.post(link, files={"List-Unsubscribe": (None, "One-Click")})
    if form == "urlencoded":
        return mailbox.post(link, data={"List-Unsubscribe": "One-Click"})
    return mailbox.post(link, content=b"" if form == "empty" else b"\xff\x00{{{")


@pytest.mark.slow
@pytest.mark.clause("C08")
@pytest.mark.timeout(240)
def test_the_next_campaign_passes_by_who_said_no_and_says_why(
    service: RunningService, mail: EmailMessage, customers: list[int]
) -> None:
    told = finished(service, campaign(service, "Winter release"))
    assert told["accepted"] == 1
    assert told["refused"] == {"not.all": len(NAMES) - 1}
    assert len(service.mails_to(address(0))) == 2
    assert len(service.mails_to(address(1))) == 1
    messages = service.api("GET", f"/messages?customer={customers[1]}").json()["messages"]
    assert messages[0]["outcome"] == "refused"
    assert messages[0]["sentence"].startswith("You stopped all promotional mail on")
