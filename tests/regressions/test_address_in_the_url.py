"""Elsewhere the link to manage a subscription held the reader's address, which so stood in logs
(https://github.com/alphagov/email-alert-api/issues/1080).

Here links hold signed numbers and nothing else, no page leads on to a URL with an address in it, and
no route of the API takes one: who is looked for by address is looked for by a POST.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from urllib.parse import quote, urlsplit

import pytest
from starlette.testclient import TestClient

from preference_center.app import create_app
from tests.campaigns.conftest import Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture

JO = "jo.o'neill+news@example.com"
URL = re.compile(r"https?://[^\s\"'<>)]+")
LEADS_ON = re.compile(r"(?:href|action|src)=\"([^\"]*)\"")
PERSONAL = {"email", "address", "phone", "name", "mail", "recipient"}


def texts_of(message: Message) -> Iterator[str]:
    """Every header and part of a message, as its reader's program has it."""
    yield from (str(value) for value in message.values())
    for part in message.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield content.decode()


def tells(url: str, address: str) -> bool:
    """Say whether a URL gives an address away: as it is, quoted, or packed."""
    ways = {address, quote(address), quote(address, safe=""), address.replace("@", "=")}
    ways |= {urlsafe_b64encode(address.encode()).decode().rstrip("=")}
    unpacked = (
        urlsafe_b64decode(each + "=" * (-len(each) % 4))
        for each in re.findall(r"[\w-]{6,}", url)
        if len(each) % 4 != 1
    )
    mailbox = address.partition("@")[0].encode()
    return any(way.lower() in url.lower() for way in ways) or any(
        mailbox in each for each in unpacked
    )


def test_an_address_is_found_however_it_is_written() -> None:
    for url in (
        f"https://x.test/u?email={JO}",
        f"https://x.test/u?email={quote(JO, safe='')}",
        f"https://x.test/u/{urlsafe_b64encode(JO.encode()).decode()}",
        f"https://x.test/u/{urlsafe_b64encode(b'7:' + JO.encode()).decode().rstrip('=')}",
    ):
        assert tells(url, JO)
    assert not tells("https://x.test/u/BgcI.c2lnbmF0dXJl", JO)


@pytest.mark.clause("C09")
def test_no_link_of_a_mail_and_no_page_behind_one_has_the_readers_address_in_it(desk: Desk) -> None:
    desk.customer("Jo O'Neill", email=JO)
    desk.do("start", desk.draft())
    desk.send_all()
    [mail] = desk.provider.accepted
    urls = {url for each in texts_of(message_from_bytes(mail.content)) for url in URL.findall(each)}
    assert len(urls) >= 4
    base = desk.parts.settings.public_url
    with TestClient(create_app(desk.parts), base_url=base, follow_redirects=False) as client:
        ours = [url for url in urls if url.startswith(base)]
        assert {urlsplit(url).path[:3] for url in ours} >= {"/u/", "/p/", "/c/", "/o/"}
        for url in ours:
            answer = client.get(url)
            urls |= {answer.headers.get("location", ""), *LEADS_ON.findall(answer.text)}
    assert [url for url in urls if tells(url, JO)] == []


def test_no_route_takes_personal_data_in_its_path_or_query(desk: Desk) -> None:
    told = create_app(desk.parts).openapi()["paths"]
    named = {
        (path, parameter["name"])
        for path, ways in told.items()
        for way in ways.values()
        for parameter in way.get("parameters", ())
        if parameter["in"] in {"path", "query"}
    }
    assert len(named) > 20
    assert [each for each in named if each[1].lower() in PERSONAL] == []
