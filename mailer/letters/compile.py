"""A letter compiled once per mailing: layout, inlined styles, links found, both parts ready.

Why two stages, and what keeps one out of the other: docs/decisions/letters.md.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from typing import Any

from css_inline import CSSInliner
from markupsafe import Markup

from mailer.letters.allowed import refusals
from mailer.letters.brand import Brand
from mailer.letters.compiled import Compiled
from mailer.letters.content import ContentInvalid, Problem, PromotionalContent, check_content
from mailer.letters.digest import DigestContent, HeldBack
from mailer.letters.fields import is_web_address
from mailer.letters.letter import Letter, LetterUnknown
from mailer.letters.markdown import plain_as_html, written
from mailer.letters.person import MERGE_FIELDS
from mailer.letters.plain import LINK_FROM, LINK_TO
from mailer.letters.shown import habits_of, shown
from mailer.letters.slots import Mark, MarksBroken, Stash, cut
from mailer.letters.templates import TEMPLATES, fill, first_stage, second_stage
from mailer.letters.uses import uses_of
from mailer.letters.wire import LINK, SLOT_FROM, link_slot
from mailer.vocabulary import Stream, Topic

LARGEST_HTML = 90_000
"""Bytes; Gmail cuts a page off at about 102 kB, footer and way out included."""
LINK_LENGTH = 120
OUR_LINKS = ("unsubscribe", "preferences", "why", "pixel")
ANCHOR = re.compile(r'(<a\b(?:[^">]|"[^"]*")*?\shref=")([^"]*)(")')
COMMAND_LINE = re.compile(r"^[ \t]*((?:\{%[^\n]*?%\}[ \t]*)+)\n", re.MULTILINE)
MARKED_LINK = re.compile(f"{LINK_FROM}(.*?){LINK_TO}", re.DOTALL)
CONTROLS = re.compile(r"[\x00-\x01\x04-\x08\x0b-\x1f\x7f]")
STYLES = "<!--styles-->"
TOLD = ("heading", "opening", "label")
"""The texts of a letter that was held back."""


@dataclass(frozen=True, slots=True)
class Flat:
    """A letter after the first stage: three templates of curly marks, and where its links lead."""

    subject: str
    text: str
    html: str
    targets: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of HTML that one person gets, links at their longest usual length."""
        return len(self.html.encode()) + LINK_LENGTH * self.html.count(SLOT_FROM)

    @property
    def parts(self) -> tuple[str, str, str]:
        """The three templates."""
        return self.subject, self.text, self.html

    @property
    def version(self) -> str:
        """A name for exactly these templates."""
        whole = "\0".join((*self.parts, *self.targets))
        return hashlib.sha256(whole.encode()).hexdigest()[:20]


@dataclass
class _Links:
    """Numbers each web address once, in order of appearance."""

    targets: dict[str, int] = field(default_factory=dict)

    def slot(self, target: str) -> str:
        return link_slot(f"{LINK}{self.targets.setdefault(target, len(self.targets))}")


def compile_order_letter(letter: Letter, brand: Brand, *, strict: bool = False) -> Compiled:
    """Compile a letter about an order, a bill or the account, for the one customer it is about.

    The templates of a kind of letter are read and inlined once per process; with `strict`, a name
    that a template uses and nobody gives is an error. Raises LetterUnknown for promotional content.
    """
    if letter.stream is not Stream.ORDER_UPDATE:
        raise LetterUnknown("promotional content is compiled by compile_promotional")
    flat = _order_flat(letter.name, brand)
    values = shown(letter, habits_of({}))
    targets = tuple(_target(source, values, brand) for source in flat.targets)
    return _compiled(flat, targets, letter, topic=None, strict=strict)


def compile_promotional(
    content: PromotionalContent,
    *,
    topic: Topic,
    brand: Brand,
    known: Sequence[str] = (),
    strict: bool = False,
) -> Compiled:
    """Compile a promotional letter of one topic.

    `known` are targets whose numbers stand already, the mailing's: the letter's own links take
    theirs from them, and what is new comes after them.

    Raises ContentInvalid with everything that `check_content` says, and for a letter that grows
    over 90 kB of HTML, where mailboxes would cut off the way out.
    """
    return _promotional(content, topic, brand, tuple(known), strict)


@lru_cache(maxsize=8)
def _promotional(
    content: PromotionalContent, topic: Topic, brand: Brand, known: tuple[str, ...], strict: bool
) -> Compiled:
    """Compile, and keep for a while: saving, checking and starting ask for the same letter."""
    problems = check_content(content, brand=brand)
    if problems:
        raise ContentInvalid(problems)
    flat = _promotional_flat(content, topic, brand, known)
    _refuse_what_crept_in(flat)
    if flat.size > LARGEST_HTML:
        text = f"It makes a page of {flat.size // 1000} kB; mailboxes cut it off."
        raise ContentInvalid([Problem("body_markdown", text, "Shorten it to below 90 kB.")])
    return _compiled(flat, flat.targets, content, topic=topic, strict=strict)


def _compiled(
    flat: Flat, targets: tuple[str, ...], letter: Letter, *, topic: Topic | None, strict: bool
) -> Compiled:
    return Compiled(
        letter=letter,
        topic=topic,
        targets=targets,
        version=flat.version,
        subject=second_stage(flat.subject, html=False, strict=strict),
        text=second_stage(flat.text, html=False, strict=strict),
        html=second_stage(flat.html, html=True, strict=strict),
        uses=uses_of(flat.parts) if topic else None,
    )


@lru_cache(maxsize=64)
def _order_flat(name: str, brand: Brand) -> Flat:
    return _flat(name, {"brand": brand, "letter": name})


def _promotional_flat(
    content: PromotionalContent, topic: Topic, brand: Brand, known: Sequence[str]
) -> Flat:
    body = written(content.body_markdown)
    as_html = {
        "preheader_html": plain_as_html(content.preheader),
        "heading_html": plain_as_html(content.heading),
        "button_label_html": plain_as_html(content.button_label),
        "body_html": body.html,
    }
    parts = {name: getattr(content, name) for name in type(content).model_fields}
    # Escaped where it was written; the second stage escapes what fills it.
    parts |= {name: Markup(html) for name, html in as_html.items()}  # noqa: S704 - see above
    parts["body"] = body.text
    values: dict[str, Any] = {"brand": brand, "topic": topic, "content": parts}
    if isinstance(content, DigestContent):
        values["held_back"] = [_told(each) for each in content.held_back]
        values["topics"] = content.topics(topic)
    return _flat(content.name, values, known)


def _told(each: HeldBack) -> dict[str, Any]:
    """Give a letter that was held back as the templates of a digest tell of it."""
    as_html = {f"{name}_html": plain_as_html(getattr(each, name)) for name in TOLD}
    told = {name: getattr(each, name) for name in (*TOLD, "topic", "url")}
    return told | {name: Markup(html) for name, html in as_html.items()}  # noqa: S704 - as above


def _flat(name: str, values: dict[str, Any], known: Sequence[str] = ()) -> Flat:
    """Run the first stage of a letter's three files, inline its styles, number its links."""
    stage = first_stage()
    links = _Links({url: n for n, url in enumerate(known)})
    subject, text, page = (
        stage.get_template(f"{name}/{part}").render(values)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    if CONTROLS.search(subject + text + page):
        raise MarksBroken("control characters stand in a template or in what fills it")
    html = _with_links(_inlined(page), links)
    return Flat(
        subject=subject.strip(),
        text=_text_with_links(COMMAND_LINE.sub(lambda found: found[1].strip(), text), links),
        html=html,
        targets=tuple(links.targets),
    )


def _inlined(page: str) -> "_Page":
    """Write the styles into the tags, where every mail program sees them."""
    stash = Stash(page)
    inlined = _inliner().inline(stash.away(page, comments=True))
    if not stash.all_there(inlined):
        raise MarksBroken("a mark was lost while styles were inlined: is it inside a table's row?")
    return _Page(inlined, stash)


@dataclass(frozen=True, slots=True)
class _Page:
    html: str
    stash: Stash


@lru_cache(maxsize=1)
def _inliner() -> CSSInliner:
    styles = (TEMPLATES / "_layout" / "inline.css").read_text("utf-8")
    return CSSInliner(load_remote_stylesheets=False, extra_css=styles)


def _with_links(page: _Page, links: _Links) -> str:
    """Replace where each `<a>` leads by its number, then put the marks and the head styles back."""

    def numbered(found: re.Match[str]) -> str:
        url = unescape(found[2])
        if _is_left_alone(url, page.stash):
            return found[0]
        return found[1] + links.slot(page.stash.back(url)) + found[3]

    html = page.stash.back(ANCHOR.sub(numbered, page.html), wrap=_slotted)
    styles = (TEMPLATES / "_layout" / "head.css").read_text("utf-8")
    return html.replace(STYLES, f"<style>\n{styles}</style>", 1) + "\n"


def _is_left_alone(url: str, stash: Stash) -> bool:
    ours = any(mark.name in OUR_LINKS for mark in stash.marks_in(url))
    return ours or url.startswith(("mailto:", "tel:"))


def _slotted(mark: Mark) -> str:
    """Write one of our own links as a slot: it needs no template to fill it."""
    return link_slot(mark.name) if mark.name in OUR_LINKS else mark.source


def _text_with_links(text: str, links: _Links) -> str:
    text = MARKED_LINK.sub(lambda found: links.slot(found[1]), text.rstrip("\n") + "\n")
    return "".join(part if isinstance(part, str) else _slotted(part) for part in cut(text))


def _target(source: str, values: dict[str, Any], brand: Brand) -> str:
    """Fill where an order letter's link leads; what cannot be filled leads to the account."""
    url = fill(source, values)
    return url if is_web_address(url) else brand.account_url


def _refuse_what_crept_in(flat: Flat) -> None:
    """Hold the whole letter against the allow-list again, after every tool has passed over it."""
    names = {*MERGE_FIELDS, "measured"}
    found = [each for part in flat.parts for each in refusals(part, names)]
    if found:
        raise ContentInvalid([Problem("body_markdown", each, "Take it out.") for each in found])
