"""Machines that say what they are are told from people; telephones are not taken for machines."""

import pytest

from mailer.measure import Kind, kind_of

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/141.0.0.0 Safari/537.36"
)
APPLE_MAIL = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
)
CUBOT = "Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 30) AppleWebKit/537.36 Chrome/120.0 Mobile"
OUTLOOK = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"


def asked(agent: str, *more: tuple[str, str], method: str = "GET") -> Kind:
    headers = [("user-agent", agent), *more] if agent else list(more)
    return kind_of(method, [(name.encode(), value.encode()) for name, value in headers])


@pytest.mark.parametrize("agent", [CHROME, APPLE_MAIL, CUBOT, OUTLOOK])
def test_what_a_person_uses_is_taken_for_a_person(agent: str) -> None:
    assert asked(agent) is Kind.GET


@pytest.mark.clause("C18")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("x-moz", "prefetch"),
        ("x-purpose", "preview"),
    ],
)
def test_a_browser_that_fetches_ahead_says_so(name: str, value: str) -> None:
    assert asked(CHROME, (name, value)) is Kind.PREFETCH


def test_a_purpose_of_another_kind_is_a_persons() -> None:
    assert asked(CHROME, ("purpose", "navigation")) is Kind.GET


def test_head_is_kept_apart_whoever_asks() -> None:
    assert asked(CHROME, ("purpose", "prefetch"), method="HEAD") is Kind.HEAD


@pytest.mark.clause("C18")
@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "Mozilla/5.0",
    ],
)
def test_image_proxies_are_known(agent: str) -> None:
    assert asked(agent) is Kind.PROXY


def test_gmail_loading_images_ahead_is_a_prefetch() -> None:
    agent = CHROME.replace("141.0.0.0", "42.0.2311.135") + " Edge/12.246 Mozilla/5.0"
    assert asked(agent) is Kind.PREFETCH


@pytest.mark.clause("C18")
@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Barracuda Sentinel (EE)",
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Microsoft Office Existence Discovery",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "TelegramBot (like TwitterBot)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "facebookexternalhit/1.1",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537.36",
        "curl/8.5.0",
        "python-requests/2.32.0",
        "Go-http-client/2.0",
        "Java/17.0.2",
    ],
)
def test_scanners_previews_and_tools_that_name_themselves_are_known(agent: str) -> None:
    assert asked(agent) is Kind.SCANNER
