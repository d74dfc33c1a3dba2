"""A letter rehearsed: filled for nobody real, written as a whole message, and looked at as such."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr

from mailer.letters.brand import Brand
from mailer.letters.compiled import Compiled
from mailer.letters.content import Problem
from mailer.letters.headers import AddressUnusable
from mailer.letters.message import Envelope, EnvelopeInvalid, list_id_of, write_message
from mailer.vocabulary import Topic

KNOWN = {
    "first_name": "Jo",
    "name": "Jo Example",
    "city": "Trenton",
    "country": "United States",
    "country_code": "US",
    "language": "English",
    "language_code": "en",
    "timezone": "America/New_York",
}
"""The invented reader of whom everything is known (C09: nothing that shows a letter shows a real one)."""
UNKNOWN: dict[str, str] = {}
"""The reader of whom nothing is known: every field shows its fallback."""
NO_WAY_OUT = "The mail would carry no way out."
OURS_TO_MEND = "The template or a setting is wrong: ask an administrator."


@dataclass(frozen=True, slots=True)
class RehearsalLinks:
    """The links of a mail to nobody: they lead to our pages and change nothing there."""

    public_url: str

    def click(self, n: int, /) -> str:
        """Give an address that leads nowhere."""
        return f"{self.clicks}{n}"

    @property
    def clicks(self) -> str:
        """What measured links would begin with."""
        return f"{self.public_url}/c/test/"

    @property
    def open(self) -> str:
        """Where the pixel would be."""
        return f"{self.public_url}/o/test.gif"

    @property
    def unsubscribe(self) -> str:
        """Where promotional mail would be stopped."""
        return f"{self.public_url}/u/test"

    @property
    def preferences(self) -> str:
        """Where a customer would choose."""
        return f"{self.public_url}/p/test"

    @property
    def why(self) -> str:
        """Where it would be said why the mail came."""
        return f"{self.public_url}/why/test"


def rehearse(
    compiled: Compiled, *, topic: Topic, brand: Brand, sender: str, now: datetime
) -> list[Problem]:
    """Write a promotional letter for two invented readers and say what the messages lack.

    Looked for: the one-click headers (RFC 8058, C08), the link out in both parts, and a text part
    that says something.
    """
    links = RehearsalLinks(brand.public_url.rstrip("/"))
    problems: list[Problem] = []
    for reader in (KNOWN, UNKNOWN):
        try:
            message = _message(compiled, reader, links, topic, sender, now)
        except (AddressUnusable, EnvelopeInvalid) as error:
            fix = "An administrator sets MAILER_FROM_PROMOTIONAL and MAILER_PUBLIC_URL."
            return [Problem("message", f"It cannot be written: {error}.", fix)]
        problems += [each for each in _lacks(message, links) if each not in problems]
    return problems


def _message(
    compiled: Compiled,
    reader: dict[str, str],
    links: RehearsalLinks,
    topic: Topic,
    sender: str,
    now: datetime,
) -> EmailMessage:
    domain = parseaddr(sender)[1].rpartition("@")[2]
    envelope = Envelope(
        from_=sender,
        to_address="jo@example.com",
        to_name=reader.get("name", ""),
        message_id=f"<test@{domain}>",
        date=now,
        list_unsubscribe=links.unsubscribe,
        list_id=list_id_of(topic, domain),
    )
    rendered = compiled.render(reader, links, tracking=True)
    return message_from_bytes(b"".join(write_message(rendered, envelope)), policy=policy.default)


def _lacks(message: EmailMessage, links: RehearsalLinks) -> Iterator[Problem]:
    if links.unsubscribe not in str(message["List-Unsubscribe"]):
        yield Problem("List-Unsubscribe", NO_WAY_OUT, OURS_TO_MEND, "C08")
    if message["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click":
        yield Problem("List-Unsubscribe-Post", NO_WAY_OUT, OURS_TO_MEND, "C08")
    parts = {part.get_content_type(): str(part.get_content()) for part in message.iter_parts()}
    for kind, name in (("text/plain", "text part"), ("text/html", "page")):
        if links.unsubscribe not in parts.get(kind, ""):
            yield Problem(name, f"The {name} holds no link to unsubscribe.", OURS_TO_MEND, "C08")
    if not parts.get("text/plain", "").strip():
        yield Problem("text part", "The text part is empty.", OURS_TO_MEND)
