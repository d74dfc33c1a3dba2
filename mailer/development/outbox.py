"""Reads what the mail catcher caught: for the /outbox page and for tests."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path

NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-\d{6}\.eml")
"""A caught mail's file name: the moment in UTC and a number, so that names sort by time."""
HEADER_BYTES = 65_536


class NoSuchMail(Exception):
    """No mail of that name was caught, or it has been removed to make room."""


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One line of the outbox: one mail as one envelope recipient got it."""

    name: str
    at: datetime
    recipient: str
    sender: str
    from_: str
    subject: str
    size: int


@dataclass(frozen=True, slots=True)
class Link:
    """A link as a reader meets it: the words, and where they lead."""

    words: str
    url: str


@dataclass(frozen=True, slots=True)
class WholeMail:
    """A caught mail, taken apart; `headers` in their order, decoded and unfolded."""

    caught: CaughtMail
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    links: tuple[Link, ...]


def read_outbox(
    folder: Path, *, limit: int = 100, before: str = "", to: str = ""
) -> list[CaughtMail]:
    """Return the caught mails, newest first: those older than the name `before`, if given.

    With `to`, only those whose recipient holds that text, in capitals or not.
    """
    names = sorted((name for name in _names(folder) if not before or name < before), reverse=True)
    caught = (mail for name in names if (mail := _caught(folder / name)))
    wanted = (mail for mail in caught if to.casefold() in mail.recipient.casefold())
    return list(islice(wanted, limit))


def read_mail(folder: Path, name: str) -> WholeMail:
    """Return one caught mail whole. Raises NoSuchMail, for a name of any other form too."""
    caught = _caught(folder / name) if NAME.fullmatch(name) else None
    if caught is None:
        raise NoSuchMail(name)
    message = _parsed((folder / name).read_bytes())
    html = _body(message, "html")
    return WholeMail(
        caught=caught,
        headers=tuple((name, " ".join(str(value).split())) for name, value in message.items()),
        text=_body(message, "plain"),
        html=html,
        links=_links(html),
    )


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [entry.name for entry in folder.iterdir() if NAME.fullmatch(entry.name)]


def _caught(file: Path) -> CaughtMail | None:
    try:
        with file.open("rb") as opened:
            head = opened.read(HEADER_BYTES)
        size = file.stat().st_size
    except FileNotFoundError:
        return None
    headers = BytesHeaderParser(policy=policy.default).parsebytes(head)
    return CaughtMail(
        name=file.name,
        at=datetime.strptime(file.name[:23], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC),
        recipient=str(headers["Delivered-To"] or ""),
        sender=str(headers["Return-Path"] or "").strip("<>"),
        from_=str(headers["From"] or ""),
        subject=str(headers["Subject"] or ""),
        size=size,
    )


def _parsed(content: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(content)


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    charset = part.get_content_charset("utf-8")
    content = part.get_payload(decode=True)
    return content.decode(charset, errors="replace") if isinstance(content, bytes) else ""


def _links(html: str) -> tuple[Link, ...]:
    collector = _LinkCollector()
    collector.feed(html)
    collector.close()
    return tuple(collector.links)


class _LinkCollector(HTMLParser):
    """Collects each `<a href>` with its words; an image stands with its alternative text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[Link] = []
        self._url: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self._url, self._words = given["href"], []
        elif tag == "img":
            self._words.append(given.get("alt") or "")

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._url is not None:
            self.links.append(Link(" ".join("".join(self._words).split()), self._url))
            self._url = None
