"""A letter that is ready for many people: its static pieces are on the wire form already.

Per person only the slots are filled and encoded. `Compiled.reference` renders the same letter the
plain way; tests hold the two together.
"""

import quopri
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, AnyStr, NamedTuple, Protocol

from jinja2 import Template
from markupsafe import escape

from mailer.letters.headers import one_line
from mailer.letters.letter import Letter
from mailer.letters.moulds import Moulds
from mailer.letters.person import merged
from mailer.letters.shown import habits_of, shown
from mailer.letters.uses import Use
from mailer.letters.wire import LINK, encode, fill_slots, wire_part
from mailer.vocabulary import Stream, Topic


class PersonLinks(Protocol):
    """The links of one message; `mailer.links` signs the real ones."""

    def click(self, n: int, /) -> str:
        """Give the measured link to target `n` of the mailing, counted from 0."""

    @property
    def clicks(self) -> str:
        """What every measured link begins with; the target's number ends it."""

    @property
    def open(self) -> str:
        """Where the open pixel is fetched."""

    @property
    def unsubscribe(self) -> str:
        """Where promotional mail is stopped."""

    @property
    def preferences(self) -> str:
        """Where the customer chooses."""

    @property
    def why(self) -> str:
        """Where it is said why this mail came."""


class Rendered(NamedTuple):
    """A letter filled for one person: its subject, and both parts in quoted-printable pieces."""

    subject: str
    text: list[bytes]
    html: list[bytes]
    boundary: str
    stream: Stream
    topic: Topic | None

    @property
    def plain(self) -> str:
        """The text part, decoded."""
        return _decoded(self.text)

    @property
    def page(self) -> str:
        """The HTML part, decoded."""
        return _decoded(self.html)


def _decoded(pieces: list[bytes]) -> str:
    return quopri.decodestring(b"".join(pieces)).decode().replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class Reference:
    """The same letter rendered the plain way, not yet encoded."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Compiled:
    """One letter, compiled once per mailing.

    `targets` are the web addresses behind `links.click(n)`, in order: keep them with the mailing,
    a click reads them there. `version` changes with every template or content that made it.
    `uses` says how a letter to many uses each field.
    """

    letter: Letter
    topic: Topic | None
    targets: tuple[str, ...]
    version: str
    subject: Template = field(repr=False, compare=False)
    text: Template = field(repr=False, compare=False)
    html: Template = field(repr=False, compare=False)
    uses: Mapping[str, Use] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def _moulds(self) -> Moulds | None:
        """The moulds of a letter to many; a letter to one reader has none."""
        if self.uses is None:
            return None
        return Moulds(self.subject, self.text, self.html, self.uses)

    @cached_property
    def _direct(self) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """The targets themselves, encoded for the text part and for HTML (C17)."""
        named = {f"{LINK}{n}": url for n, url in enumerate(self.targets)}
        return _encoded(named), _encoded(_escaped(named))

    @property
    def stream(self) -> Stream:
        """Order update or promotional."""
        return self.letter.stream

    @property
    def boundary(self) -> str:
        """The boundary between the parts.

        It begins with `=_`, which quoted-printable never writes, so nothing that a slot holds can
        be taken for it.
        """
        return f"=_{self.version}"

    def render(self, person: Mapping[str, str], links: PersonLinks, *, tracking: bool) -> Rendered:
        """Fill the letter for one person. A missing value gets its fallback, never a hole (C03).

        Without `tracking`, links lead straight to their targets and there is no pixel (C17).
        """
        values = self._values(person, tracking=tracking)
        text_links, html_links = self._encoded_links(links, tracking=tracking)
        moulds = self._moulds
        mould = moulds.of(values) if moulds else None
        if moulds is None or mould is None:
            return self._rendered(values, text_links, html_links)
        words = moulds.words_of(values)
        text_words, html_words = _encoded_twice(words)
        return self._whole(
            subject="".join(mould.subject.filled(words)),
            text=mould.text.filled(text_links | text_words),
            html=mould.html.filled(html_links | html_words),
        )

    def _rendered(
        self,
        values: dict[str, Any],
        text_links: Mapping[str, bytes],
        html_links: Mapping[str, bytes],
    ) -> Rendered:
        """Run the templates, for a letter or a reader without a mould."""
        tracking = values["measured"]
        text, html = self.text.new_context(values), self.html.new_context(values)
        return self._whole(
            subject="".join(self.subject.root_render_func(text)),
            text=wire_part(self.text).encoded(text, text_links, tracking=tracking),
            html=wire_part(self.html).encoded(html, html_links, tracking=tracking),
        )

    def _whole(self, *, subject: str, text: list[bytes], html: list[bytes]) -> Rendered:
        return Rendered(
            subject=one_line(subject),
            text=text,
            html=html,
            boundary=self.boundary,
            stream=self.stream,
            topic=self.topic,
        )

    def reference(
        self, person: Mapping[str, str], links: PersonLinks, *, tracking: bool
    ) -> Reference:
        """Fill the letter the plain way: what `render` must come out as."""
        values = self._values(person, tracking=tracking)
        urls = _and_why(self._urls(links, tracking=tracking))
        for n, target in enumerate(self.targets):
            urls[f"{LINK}{n}"] = links.click(n) if tracking else target
        return Reference(
            subject=one_line(self.subject.render(values)),
            text=fill_slots(self.text.render(values), urls),
            html=fill_slots(self.html.render(values), _escaped(urls)),
        )

    def _values(self, person: Mapping[str, str], *, tracking: bool) -> dict[str, Any]:
        values: dict[str, Any] = merged(person)
        values["measured"] = tracking
        if self.stream is Stream.ORDER_UPDATE:
            values.update(shown(self.letter, habits_of(values)))
        return values

    def _urls(self, links: PersonLinks, *, tracking: bool) -> dict[str, str]:
        """Name the links that are this person's own; those to targets differ in a number only."""
        urls = {"preferences": links.preferences, "pixel": links.open if tracking else ""}
        if self.stream is Stream.PROMOTIONAL:
            urls["unsubscribe"] = links.unsubscribe
        if tracking:
            urls["clicks"] = links.clicks
        return urls

    def _encoded_links(
        self, links: PersonLinks, *, tracking: bool
    ) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Encode the links for the text part and for HTML."""
        text, html = map(_and_why, _encoded_twice(self._urls(links, tracking=tracking)))
        if tracking:
            return text, html
        return text | self._direct[0], html | self._direct[1]


def _and_why(links: dict[str, AnyStr]) -> dict[str, AnyStr]:
    """Add where it is said why a mail came: on the preference page, until that has one of its own."""
    return {**links, "why": links["preferences"]}


def _encoded_twice(words: Mapping[str, str]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Encode words for the text part and for HTML; they differ only where one has markup."""
    text = html = _encoded(words)
    if _holds_markup("".join(words.values())):
        html = _encoded(_escaped(words))
    return text, html


def _holds_markup(text: str) -> bool:
    return "&" in text or "<" in text or ">" in text or '"' in text or "'" in text


def _encoded(words: Mapping[str, str]) -> dict[str, bytes]:
    return {name: encode(word) for name, word in words.items()}


def _escaped(words: Mapping[str, str]) -> dict[str, str]:
    return {name: str(escape(word)) for name, word in words.items()}
