"""A rendered letter and its envelope become one whole message (RFC 5322), ready for the wire."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from mailer.letters.compiled import Rendered
from mailer.letters.headers import fixed_mailbox_header, mailbox_header, text_header
from mailer.vocabulary import Stream, Topic

ORDER_HEADERS = b"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>")
WEB_ADDRESS = re.compile(r"https?://[!#-;=?-~]+")
LABEL = re.compile(r"[A-Za-z0-9._-]{0,64}")
LONGEST_LINE = 998


class EnvelopeInvalid(Exception):
    """A message cannot be written with this envelope; the text names the field, not its value."""


class Envelope(NamedTuple):
    """Whom a letter goes to, and the header fields that differ from message to message.

    `from_` is `Name <address>`, `message_id` has its angle brackets, `date` is aware. Promotional
    letters must name `list_unsubscribe` (the address that takes an RFC 8058 POST) and `list_id`
    (see `list_id_of`); order letters must not. `mailing` is a label for Gmail's Feedback-ID, the
    same for all people of a mailing.
    """

    from_: str
    to_address: str
    to_name: str
    message_id: str
    date: datetime
    list_unsubscribe: str | None = None
    list_id: str | None = None
    language: str = "en"
    mailing: str = ""
    sender_id: str = "focalpoint"


def write_message(rendered: Rendered, envelope: Envelope) -> list[bytes]:
    """Write the message: CRLF, ASCII, lines of at most 78 characters but for links in headers.

    multipart/alternative, text first, in pieces to be put side by side: the static ones are not
    copied. No line begins with a dot, and the last one has its end. Raises EnvelopeInvalid and
    AddressUnusable; a promotional letter without a one-click way out (RFC 8058) is refused, and so
    is an order letter with one.
    """
    head = b"".join(
        [
            fixed_mailbox_header("From", envelope.from_),
            mailbox_header("To", envelope.to_name, envelope.to_address),
            text_header("Subject", rendered.subject),
            _identity(envelope),
            _stream_headers(rendered, envelope),
            _mime_headers(rendered.boundary, envelope.language),
        ]
    )
    part = _part_heads(rendered.boundary)
    return [head, part[0], *rendered.text, part[1], *rendered.html, part[2]]


def list_id_of(topic: Topic, domain: str) -> str:
    """Give the List-Id of a topic (RFC 2919): the same for as long as the topic lives."""
    return f"{topic.label} <{topic.value.replace('_', '-')}.lists.{domain.lower()}>"


def _identity(envelope: Envelope) -> bytes:
    if not MESSAGE_ID.fullmatch(envelope.message_id):
        raise EnvelopeInvalid("message_id is not <local@domain>")
    if envelope.date.tzinfo is None:
        raise EnvelopeInvalid("date has no offset")
    return f"Date: {_date(envelope.date)}\r\nMessage-ID: {envelope.message_id}\r\n".encode("ascii")


@lru_cache(maxsize=64)
def _date(moment: datetime) -> str:
    """Write a date as RFC 5322 has it, whatever the locale of the process; a batch has one."""
    moment = moment.astimezone(UTC)
    day = f"{WEEKDAYS[moment.weekday()]}, {moment.day:02} {MONTHS[moment.month - 1]} {moment.year}"
    return f"{day} {moment:%H:%M:%S} +0000"


def _stream_headers(rendered: Rendered, envelope: Envelope) -> bytes:
    if rendered.stream is Stream.ORDER_UPDATE:
        if envelope.list_unsubscribe or envelope.list_id:
            raise EnvelopeInvalid("an order letter belongs to no list")
        return ORDER_HEADERS
    url = envelope.list_unsubscribe or ""
    if not WEB_ADDRESS.fullmatch(url) or len(url) > LONGEST_LINE - 20:
        raise EnvelopeInvalid("list_unsubscribe is no web address: promotional mail needs one")
    # Never folded: a break inside the address would make it another address.
    return f"List-Unsubscribe: <{url}>\r\n".encode("ascii") + _list_headers(
        rendered.topic, envelope.list_id or "", envelope.mailing, envelope.sender_id
    )


@lru_cache(maxsize=256)
def _list_headers(topic: Topic | None, list_id: str, mailing: str, sender_id: str) -> bytes:
    if topic is None or not re.fullmatch(r"[ -;=?-~]* <[A-Za-z0-9.-]{3,200}>", list_id):
        raise EnvelopeInvalid("list_id is not `Name <label.domain>`: promotional mail needs one")
    if not LABEL.fullmatch(mailing) or not re.fullmatch(r"[A-Za-z0-9_-]{5,15}", sender_id):
        raise EnvelopeInvalid("mailing or sender_id cannot stand in Feedback-ID")
    return (
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        f"List-Id: {list_id}\r\n"
        f"Feedback-ID: {mailing}:{topic.value}:promotional:{sender_id}\r\n"
        "Precedence: bulk\r\n"
    ).encode("ascii")


@lru_cache(maxsize=256)
def _mime_headers(boundary: str, language: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", language):
        raise EnvelopeInvalid("language is not a BCP 47 tag")
    return (
        f"Content-Language: {language}\r\n"
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
    ).encode("ascii")


@lru_cache(maxsize=256)
def _part_heads(boundary: str) -> tuple[bytes, bytes, bytes]:
    kind = "Content-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    return (
        f"--{boundary}\r\n{kind.format('plain')}\r\n".encode("ascii"),
        f"\r\n--{boundary}\r\n{kind.format('html')}\r\n".encode("ascii"),
        f"\r\n--{boundary}--\r\n".encode("ascii"),
    )
