"""What a reply of an SMTP server means for us: the reading of it, and one table. Pure.

Documented for operators in docs/decisions/smtp-client.md; the sources are RFC 5321 4.2 (reply
codes) and RFC 3463 (enhanced codes: x.1 address, x.2 mailbox, x.7 policy …).
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from mailer.providers.answers import AboutUs, Later, Rejected

LONGEST_TEXT = 200
LONGEST_LINE = 4096
MOST_LINES = 200

AUTHENTICATION = frozenset({530, 534, 535, 538})
DEAD_ADDRESS = frozenset({"5.1.0", "5.1.1", "5.1.3", "5.1.4", "5.1.6", "5.1.10"})
DEAD_ADDRESS_BARE = frozenset({501, 550, 551, 553, 556})
OUR_ADDRESS = frozenset({"5.1.7", "5.1.8", "5.7.8", "5.7.9", "5.7.11"})

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
_ABOUT_US_TEXT = re.compile(
    r"\brelay|sender (address )?(rejected|refused)|client host (rejected|blocked)"
    r"|not (owned|permitted|authori[sz]ed)|authenticat|must issue a starttls",
    re.IGNORECASE,
)
_POLICY_TEXT = re.compile(
    r"block|black ?list|spam|polic|reputation|denied|too (many|fast|much)|rate limit|quota|full\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"<?[^\s<>\"',;]*@[^\s<>\"',;]+>?")
_UNPRINTABLE = re.compile(r"[^ -~]+")


class Confused(Exception):
    """What arrived is no SMTP reply, so nothing after it on this connection can be trusted."""


class Step(StrEnum):
    """What a reply answers."""

    GREETING = "greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "the final dot"
    RSET = "RSET"
    NOBODY = "the dot of a message to nobody"


class Reply(NamedTuple):
    """One reply, its lines joined; each line without its code."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """The lines as one text of printable ASCII."""
        joined = " ".join(line.decode("ascii", "replace") for line in self.lines)
        return _UNPRINTABLE.sub("?", joined)

    @property
    def enhanced(self) -> str:
        """The enhanced status code, such as 5.1.1, or an empty text."""
        found = _ENHANCED.match(self.text)
        return found.group(1) if found else ""


class ReplyReader:
    """Puts replies together from what arrives, in pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []

    @property
    def is_between_replies(self) -> bool:
        """Whether nothing of a further reply has arrived yet."""
        return not self._rest and not self._lines

    def feed(self, arrived: bytes) -> Iterator[Reply]:
        """Yield each reply that is complete now; raises Confused at what is none."""
        *lines, self._rest = (self._rest + arrived).split(b"\n")
        for line in lines:
            code, is_last = _code(line)
            self._lines.append(line[4:].rstrip(b"\r"))
            if is_last:
                whole, self._lines = tuple(self._lines), []
                yield Reply(code, whole)
        if len(self._rest) > LONGEST_LINE or len(self._lines) > MOST_LINES:
            raise Confused("a reply without an end")


def _code(line: bytes) -> tuple[int, bool]:
    """Return a line's reply code, and whether it is the last line of its reply."""
    mark = line[3:4]
    if not line[:3].isdigit() or mark not in {b" ", b"-", b"\r", b""}:
        raise Confused("a line without a reply code")
    return int(line[:3]), mark != b"-"


def without_addresses(text: str) -> str:
    """Return a provider's words without any address that they repeat."""
    return _ADDRESS.sub("<address>", text) if "@" in text else text


def scrubbed(reply: Reply, recipient: str = "") -> str:
    """Return the reply's text without any address, short enough to keep.

    Servers like to repeat the recipient, whole or only the part before the @.
    """
    text = without_addresses(reply.text)
    local_part = recipient.rpartition("@")[0]
    if local_part and local_part.lower() in text.lower():
        text = re.sub(rf"(?i)(?<!\w){re.escape(local_part)}(?!\w)", "<address>", text)
    return text[:LONGEST_TEXT]


def classify(
    step: Step, reply: Reply, *, recipient: str = "", served: bool, suspected: bool
) -> Rejected | Later | AboutUs:
    """Say what a reply of 400 to 599 means for the message that it answers.

    `served`: this server has taken a message from us in this hand-over, so it does serve us.
    `suspected`: it has already told someone else something that sounds as if meant for us.
    Before either is known, what sounds as if meant for us is Later: one strange address must
    not stop everybody, and a server that refuses us must not cost anybody their mail.
    """
    text = scrubbed(reply, recipient)
    if _is_about_us(step, reply):
        return AboutUs(reply.code, text)
    if reply.code < 500:
        return Later(reply.code, text)
    if not served and sounds_meant_for_us(step, reply):
        return AboutUs(reply.code, text) if suspected else Later(reply.code, text)
    return Rejected(reply.code, text, about_person=_is_dead_address(step, reply))


def sounds_meant_for_us(step: Step, reply: Reply) -> bool:
    """Whether a refusal of a recipient sounds as if meant for us: many servers check us there."""
    if reply.code < 500 or step not in {Step.RCPT, Step.DATA} or _is_about_us(step, reply):
        return False
    return reply.enhanced in OUR_ADDRESS or bool(_ABOUT_US_TEXT.search(reply.text))


def _is_about_us(step: Step, reply: Reply) -> bool:
    """Whether a refusal can only be about us: at MAIL the server has heard of nobody else."""
    if reply.code == 421 or reply.code in AUTHENTICATION:
        return True
    if step is Step.MAIL:
        return not (reply.code == 552 or reply.enhanced == "5.3.4")
    return step in {Step.GREETING, Step.EHLO, Step.STARTTLS, Step.AUTH}


def _is_dead_address(step: Step, reply: Reply) -> bool:
    enhanced = reply.enhanced
    if enhanced and enhanced != "5.0.0":
        return enhanced in DEAD_ADDRESS
    if step is not Step.RCPT or reply.code not in DEAD_ADDRESS_BARE:
        return False
    return not (_POLICY_TEXT.search(reply.text) or _ABOUT_US_TEXT.search(reply.text))
