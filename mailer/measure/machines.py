"""Was this request a person's, as far as the request itself can tell? Pure.

Scanners that look like a browser are not found here: that takes what came before and after.
"""

import re
from collections.abc import Iterable
from enum import StrEnum


class Kind(StrEnum):
    """How a link or pixel was asked for. Only GET counts as a person's."""

    GET = "get"
    HEAD = "head"
    PREFETCH = "prefetch"
    PROXY = "proxy"
    SCANNER = "scanner"


PURPOSE_HEADERS = frozenset({b"purpose", b"sec-purpose", b"x-purpose", b"x-moz"})
AHEAD_OF_TIME = re.compile(rb"\b(?:prefetch|prerender|preview)\b", re.IGNORECASE)
GMAIL_AHEAD_OF_TIME = re.compile(rb"Chrome/42\.0\.2311\.135 Safari/537\.36 Edge/12\.246")
"""What Gmail says when it loads a signed-in reader's images before the message is opened."""
IMAGE_PROXY = re.compile(rb"GoogleImageProxy|YahooMailProxy|ggpht\.com", re.IGNORECASE)
APPLE_PROXY = b"Mozilla/5.0"
"""Mail Privacy Protection names nothing else; a browser always does."""
MACHINE = re.compile(
    rb"(?<!cu)bot\b|crawler|spider|slurp|headlesschrome|phantomjs|puppeteer|playwright|selenium"
    rb"|^(?:curl|wget|python|go-http-client|java|okhttp|libwww-perl|lwp|axios|node|undici|ahc)\b"
    rb"|^(?:apache-httpclient|ruby|php|guzzlehttp|dart|deno|bun|postmanruntime)\b"
    rb"|python-(?:requests|urllib|httpx)|aiohttp|barracuda|proofpoint|mimecast|safelinks"
    rb"|existence discovery|symantec|forcepoint|ironport|sophos|trend ?micro|trendmicro|fortinet"
    rb"|google-?safety|google-inspectiontool|bingpreview|skypeuripreview|facebookexternalhit"
    rb"|^whatsapp/|linkexpanding|urlscan|virustotal|zgrab|censys",
    re.IGNORECASE,
)
"""Link previews, command-line tools, libraries, and the scanners that say who they are.

Cubot is a maker of telephones.
"""


def kind_of(method: str, headers: Iterable[tuple[bytes, bytes]]) -> Kind:
    """Classify one request by its method and its headers, whose names are in small letters."""
    if method == "HEAD":
        return Kind.HEAD
    agent = b""
    for name, value in headers:
        if name == b"user-agent":
            agent = value.strip()
        elif name in PURPOSE_HEADERS and AHEAD_OF_TIME.search(value):
            return Kind.PREFETCH
    return _kind_of_agent(agent)


def _kind_of_agent(agent: bytes) -> Kind:
    if GMAIL_AHEAD_OF_TIME.search(agent):
        return Kind.PREFETCH
    if agent == APPLE_PROXY or IMAGE_PROXY.search(agent):
        return Kind.PROXY
    if not agent or MACHINE.search(agent):
        return Kind.SCANNER
    return Kind.GET
