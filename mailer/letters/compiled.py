"""A letter that is ready for many people: its static pieces are on the wire form already.

Per person only the slots are filled and encoded. `Compiled.reference` renders the same letter the
plain way; tests hold the two together.
"""

import quopri
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from jinja2 import Template

from mailer.letters.headers import one_line
from mailer.letters.letter import Letter
from mailer.letters.person import merged
from mailer.letters.shown import habits_of, shown
from mailer.letters.wire import constants, encode
from mailer.vocabulary import Stream, Topic


class PersonLinks(Protocol):
    """The links of one message; `mailer.links` signs the real ones."""

    def click(self, n: int, /) -> str:
        """Give the measured link to target `n` of the mailing, counted from 0."""

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


@dataclass(frozen=True, slots=True)
class Rendered:
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
    """

    letter: Letter
    topic: Topic | None
    targets: tuple[str, ...]
    version: str
    subject: Template = field(repr=False)
    text: Template = field(repr=False)
    html: Template = field(repr=False)
    _wire: dict[str, bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_wire", constants(self.text) | constants(self.html))

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
        values = self._values(person, links, tracking=tracking)
        return Rendered(
            subject=one_line("".join(_pieces(self.subject, values))),
            text=self._encoded(self.text, values),
            html=self._encoded(self.html, values),
            boundary=self.boundary,
            stream=self.stream,
            topic=self.topic,
        )

    def reference(
        self, person: Mapping[str, str], links: PersonLinks, *, tracking: bool
    ) -> Reference:
        """Fill the letter the plain way: what `render` must come out as."""
        values = self._values(person, links, tracking=tracking)
        return Reference(
            subject=one_line(self.subject.render(values)),
            text=self.text.render(values),
            html=self.html.render(values),
        )

    def _values(
        self, person: Mapping[str, str], links: PersonLinks, *, tracking: bool
    ) -> dict[str, Any]:
        values: dict[str, Any] = merged(person)
        for n, target in enumerate(self.targets):
            values[f"link_{n}"] = links.click(n) if tracking else target
        values["pixel"] = links.open if tracking else ""
        values["preferences"] = links.preferences
        if self.letter.stream is Stream.PROMOTIONAL:
            values["unsubscribe"] = links.unsubscribe
            # The preference page says why, until there is a page of its own for it.
            values["why"] = links.preferences
        else:
            values.update(shown(self.letter, habits_of(values)))
        return values

    def _encoded(self, template: Template, values: dict[str, Any]) -> list[bytes]:
        known = self._wire.get
        return [known(piece) or encode(piece) for piece in _pieces(template, values)]


def _pieces(template: Template, values: dict[str, Any]) -> Any:
    return template.root_render_func(template.new_context(values))
