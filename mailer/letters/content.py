"""What marketing writes for a promotional letter, and everything that can be wrong with it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field

from mailer.letters.allowed import refusals
from mailer.letters.brand import Brand
from mailer.letters.fields import UNSAFE, is_web_address
from mailer.letters.letter import Letter
from mailer.letters.markdown import Link, Written, written
from mailer.letters.person import MERGE_FIELDS
from mailer.letters.slots import Mark, MarksBroken, cut
from mailer.people.cards import holds_card_number
from mailer.vocabulary import Stream

FOREIGN = re.compile(r"[$#]\{|<[%#]|\[#[a-z]|\[\[|\{\$|\{php|@\(|\*\||%%\w")
"""How other systems write merge fields and code: here it would be printed as it stands."""
SHOWN_ADDRESS = re.compile(
    r"(?:https?://(?:[^@/\s]*@)?([a-z0-9.-]+)|(www\.[a-z0-9.-]+)"
    r"|((?:[a-z0-9-]+\.)+(?:com|net|org|info|biz|gov|edu|eu|uk|de|fr|nl|ie|at|ch|it|es|pl|us|ca)))"
    r"(?::\d+)?(?:[/?#]\S*)?",
    re.IGNORECASE,
)
"""Words that a reader takes for a web address; `Node.js` and `invoice.pdf` are none."""
LINES = ("subject", "preheader", "heading", "button_label")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of the content, and what to do about it."""

    field: str
    text: str
    fix: str
    clause: str = ""
    """The row of the privacy policy that asks for it, where one does."""


class ContentInvalid(Exception):
    """The content cannot be sent; `problems` says why."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{each.field}: {each.text}" for each in problems))


class PromotionalContent(Letter):
    """A promotional letter: every field is a template of its own, within `MERGE_FIELDS`.

    `body_markdown` is CommonMark without HTML. The button comes with both its fields or neither.
    """

    name: ClassVar[str] = "promotional"
    stream: ClassVar[Stream] = Stream.PROMOTIONAL
    subject: str = Field(max_length=300)
    preheader: str = Field(default="", max_length=300)
    heading: str = Field(max_length=300)
    body_markdown: str = Field(max_length=50_000)
    button_label: str = Field(default="", max_length=100)
    button_url: str = Field(default="", max_length=1500)

    @classmethod
    def sample(cls) -> Self:
        """Give an invented letter about a new release."""
        return cls(
            subject="Autumn release: close the till in half the time",
            preheader="Faster end of day, and stock counts on your phone.",
            heading="Close the till in half the time, {{ first_name }}",
            body_markdown=SAMPLE_BODY,
            button_label="See what is new",
            button_url="https://www.focalpointsystem.com/releases/autumn",
        )


SAMPLE_BODY = """\
The autumn release of **POS Pro** is ready. It comes to your tills in {{ city }} overnight, \
and nothing needs to be installed.

## What changes for you

- **End of day** counts cash, cards and vouchers on one page. \
[See it in two minutes](https://www.focalpointsystem.com/releases/autumn#end-of-day).
- **Stock counts** work on any phone with a camera.
- **Receipts** can be sent by e-mail instead of printed.

{% if country_code in ["DE", "AT", "CH"] %}
The fiscal journal follows the rules of 2027 already. \
[Read what to tell your tax adviser](https://www.focalpointsystem.com/help/fiscal-journal).
{% endif %}

## Before it arrives

Close open tabs on the evening before. The \
[release notes](https://www.focalpointsystem.com/releases/autumn/notes) list every change.
"""


def check_content(content: PromotionalContent, *, brand: Brand) -> list[Problem]:
    """Say everything that is wrong with the content, field by field; nothing is compiled or sent.

    Looked for: what is not on the allow-list, fields that do not exist, links that lead elsewhere
    than to known hosts or than their words say, or that hold merge fields, pictures without words,
    card numbers (C01), control characters, conditions that cross paragraphs, and a missing postal
    address (C27). Size is checked by the compiler; what only reads badly is in `advice`.
    """
    problems = [*_lines(content), *_body(content, brand), *_button(content, brand)]
    if not brand.postal_address.strip():
        fix = "An administrator sets MAILER_POSTAL_ADDRESS."
        text = "No postal address is configured."
        problems.append(Problem("postal_address", text, fix, "C27"))
    return problems


def _lines(content: PromotionalContent) -> Iterator[Problem]:
    for name in LINES:
        source = getattr(content, name)
        if UNSAFE.search(source):
            yield Problem(name, "It holds control characters or line breaks.", "Write one line.")
        yield from _template(name, source)
    for name in ("subject", "heading"):
        if not _static(getattr(content, name)).strip():
            yield Problem(
                name, "It says nothing of its own.", "Write some words beside the fields."
            )


def _template(name: str, source: str) -> Iterator[Problem]:
    for sentence in refusals(source, MERGE_FIELDS):
        yield Problem(name, sentence, f"You can use: {', '.join(MERGE_FIELDS)}.")
    if FOREIGN.search(source):
        text = "It holds the marks of another system, which would be printed as they stand."
        yield Problem(name, text, "Write merge fields as {{ first_name }}.")
    if holds_card_number(source):
        text = "It holds what looks like a card number."
        yield Problem(name, text, "Take the number out.", "C01")


def _static(source: str) -> str:
    try:
        return "".join(part for part in cut(source) if not isinstance(part, Mark))
    except MarksBroken:
        return source


def _body(content: PromotionalContent, brand: Brand) -> Iterator[Problem]:
    source = content.body_markdown
    if _is_unsafe(source):
        yield Problem("body_markdown", "It holds control characters.", "Type the text anew.")
    if not _static(source).strip():
        yield Problem("body_markdown", "It is empty.", "Write the letter.")
    problems = list(_template("body_markdown", source))
    yield from problems
    try:
        body = written(source)
    except MarksBroken as error:
        if not problems:
            yield Problem("body_markdown", f"{error}.", "Mend or take out what stands there.")
        return
    yield from _structure(body, brand, is_sound=not problems)


def _structure(body: Written, brand: Brand, *, is_sound: bool) -> Iterator[Problem]:
    """Say what is wrong with what the marks stand in; of broken ones not that they cross it."""
    if body.crossed and is_sound:
        text = "A condition or loop begins in one paragraph or list and ends in another."
        fix = "Put {% if %} and {% endif %} on lines of their own, or both into one paragraph."
        yield Problem("body_markdown", text, fix)
    if _is_unsafe(body.html):
        text = "It holds control characters, written as entities."
        yield Problem("body_markdown", text, "Take the entities (&#…;) out.")
    for link in body.links:
        yield from _link(link, brand)


def _is_unsafe(text: str) -> bool:
    return bool(UNSAFE.search(re.sub(r"[\r\n\t]", "", text)))


def _link(link: Link, brand: Brand) -> Iterator[Problem]:
    name = place_of(link)
    if link.holds_mark:
        yield Problem(name, "A merge field stands inside an address.", "Write a fixed address.")
        return
    if not link.words.strip():
        yield _wordless(name, link)
    if link.kind == "href" and is_elsewhere(link.words, link.url):
        text = "Its words show another address than it leads to, as fraud does."
        yield Problem(name, text, "Say in words where it leads.")
    yield from _address(name, link.url, brand, is_image=link.kind == "src")


def place_of(link: Link) -> str:
    """Name where a link or a picture stands, as problems with it do."""
    what = "picture" if link.kind == "src" else "link"
    return f"body_markdown, {what} “{link.words}”"


def _wordless(name: str, link: Link) -> Problem:
    if link.kind == "src":
        text = f"The picture {link.url} has no words (alt text) for who does not see it."
        return Problem(name, text, "Say what it shows: ![The new till](address).")
    return Problem(name, f"The link to {link.url} has no words.", "Say in words where it leads.")


def shown_host(words: str) -> str:
    """Return the host of a link's words that are a web address themselves, else ""."""
    found = SHOWN_ADDRESS.fullmatch(words.strip())
    host = found[found.lastindex or 0] if found else ""
    return host.lower().removeprefix("www.")


def is_elsewhere(words: str, url: str) -> bool:
    """Say whether a link's words are the address of another host than the link leads to."""
    host = (_host_of(url) or "").removeprefix("www.")
    return bool(shown_host(words)) and shown_host(words) != host


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _button(content: PromotionalContent, brand: Brand) -> Iterator[Problem]:
    if bool(content.button_label.strip()) != bool(content.button_url):
        text = "The button has a label but no address, or an address but no label."
        yield Problem("button_url", text, "Give both, or neither.")
    if content.button_url:
        yield from _address("button_url", content.button_url, brand, is_image=False)


def _address(name: str, url: str, brand: Brand, *, is_image: bool) -> Iterator[Problem]:
    if url.startswith("mailto:") and not is_image:
        domain = url.partition("?")[0].rpartition("@")[2]
        if not re.fullmatch(r"mailto:[^\s<>\"\\]+@[A-Za-z0-9.-]+(\?[!#-;=?-~]*)?", url):
            yield Problem(name, "It is no e-mail address.", "Write it as mailto:name@example.com.")
        elif not brand.knows(domain):
            yield _unknown(name, domain)
    elif not is_web_address(url) or (is_image and not url.startswith("https:")):
        text = "It is not a whole web address that every mail program reads alike."
        yield Problem(name, text, "Write it from https:// on, in ASCII, without spaces.")
    elif not brand.knows(host := urlsplit(url).hostname or ""):
        yield _unknown(name, host)


def _unknown(name: str, host: str) -> Problem:
    fix = "Link to a page of ours, or ask an administrator to add the host to MAILER_LINK_HOSTS."
    return Problem(name, f"The host {host} is not one of ours.", fix, "C16")
