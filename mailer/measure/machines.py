"""Was this request a person's, as far as the request itself can tell? Pure.

Scanners that look like a browser are not found here: that takes what came before and after.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache


class Kind(StrEnum):
    """How a link or pixel was asked for. Only GET counts as a person's."""

    GET = "get"
    HEAD = "head"
    PREFETCH = "prefetch"
    PROXY = "proxy"
    SCANNER = "scanner"


PURPOSE_HEADERS = frozenset({b"purpose", b"sec-purpose", b"x-purpose", b"x-moz"})
"""All that is looked at of a head, beside `User-Agent`."""
AHEAD_OF_TIME = re.compile(rb"\b(?:prefetch|prerender|preview)\b", re.IGNORECASE)
GMAIL_AHEAD_OF_TIME = b"Chrome/42.0.2311.135 Safari/537.36 Edge/12.246"
"""What Gmail says when it loads a signed-in reader's images before the message is opened."""
IMAGE_PROXIES = (b"GoogleImageProxy", b"ggpht.com", b"YahooMailProxy")
APPLE_PROXY = b"Mozilla/5.0"
"""Mail Privacy Protection names nothing else; a browser always does."""
BOT = re.compile(rb"(?<!cu)bot\b")
"""Crawlers and link previews. Cubot is a maker of telephones."""
TOOLS = (
    *(b"curl/", b"wget/", b"python", b"go-http-client", b"java/", b"okhttp", b"libwww", b"lwp"),
    *(b"axios/", b"node", b"undici", b"ahc/", b"apache-httpclient", b"ruby", b"php", b"guzzle"),
    *(b"dart", b"deno", b"bun/", b"postman", b"whatsapp/"),
)
"""How command-line tools, libraries and one messenger's preview begin."""
NAMES = (
    *(b"crawler", b"spider", b"slurp", b"headlesschrome", b"phantomjs", b"puppeteer"),
    *(b"playwright", b"selenium", b"python-", b"aiohttp", b"barracuda", b"proofpoint"),
    *(b"mimecast", b"safelinks", b"existence discovery", b"symantec", b"forcepoint", b"ironport"),
    *(b"sophos", b"trendmicro", b"trend micro", b"fortinet", b"google-safety", b"googlesafety"),
    *(b"google-inspectiontool", b"bingpreview", b"skypeuripreview", b"facebookexternalhit"),
    *(b"linkexpanding", b"urlscan", b"virustotal", b"zgrab", b"censys"),
)
"""What scanners, previews and driven browsers that say who they are have in their names."""


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


@lru_cache(maxsize=2048)  # the same few hundred browsers come again and again
def _kind_of_agent(agent: bytes) -> Kind:
    if GMAIL_AHEAD_OF_TIME in agent:
        return Kind.PREFETCH
    if agent == APPLE_PROXY or any(proxy in agent for proxy in IMAGE_PROXIES):
        return Kind.PROXY
    return Kind.SCANNER if _names_itself(agent.lower()) else Kind.GET


def _names_itself(agent: bytes) -> bool:
    if not agent or agent.startswith(TOOLS) or any(name in agent for name in NAMES):
        return True
    return b"bot" in agent and BOT.search(agent) is not None
