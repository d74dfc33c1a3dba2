"""A promotional letter rendered once for each kind of reader, with holes for their own words.

A kind is what the template decides by: the country that a condition reads, whether there is a
name to greet by. Within a kind only the printed words and the links differ, so a reader's letter
is the kind's mould with its holes filled, and no template is run for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template

from mailer.letters.person import FALLBACKS
from mailer.letters.uses import Use
from mailer.letters.wire import SLOT_FROM, SLOT_TO, Frame, encode, plain_frame, wire_frame

KINDS_KEPT = 256
"""Kinds of readers that a letter keeps a mould for; whoever is of a further kind is rendered."""
FIELDS = (*FALLBACKS, "measured")
OWN_WORDS = ("first_name", "name", "city")
"""Fields with as many values as there are readers: a letter that reads one has no kinds."""


class _Hole(str):
    """Stands in for a reader's word while a mould is made; there or missing as the word is."""

    __slots__ = ("_is_there",)
    _is_there: bool

    def __new__(cls, name: str, *, is_there: bool) -> "_Hole":
        hole = super().__new__(cls, f"{SLOT_FROM}{name}{SLOT_TO}")
        hole._is_there = is_there
        return hole

    def __bool__(self) -> bool:
        return self._is_there


@dataclass(frozen=True, slots=True)
class Mould:
    """A letter for one kind of reader; what stands between the holes of its parts is encoded."""

    subject: Frame[str]
    text: Frame[bytes]
    html: Frame[bytes]


class _Encoded(dict[str, bytes]):
    """Static texts on the wire form; the moulds of a letter share what they have in common."""

    def __missing__(self, text: str) -> bytes:
        self[text] = wire = encode(text)
        return wire


class Moulds:
    """The moulds of one letter, each made when the first reader of its kind comes."""

    def __init__(
        self, subject: Template, text: Template, html: Template, uses: Mapping[str, Use]
    ) -> None:
        self._subject, self._text, self._html = subject, text, html
        self._read = _used(uses, Use.READ)
        self._asked = _used(uses, Use.ASKED)
        self._printed = tuple(name for name in FALLBACKS if uses.get(name, Use.READ) < Use.READ)
        self._most = 0 if set(self._read) & set(OWN_WORDS) else KINDS_KEPT
        self._made: dict[tuple[object, ...], Mould] = {}
        self._encoded = _Encoded()

    def of(self, values: Mapping[str, Any]) -> Mould | None:
        """Return the mould for a reader of these values; None where the letter must be rendered."""
        kind = (
            *[values[name] for name in self._read],
            *[bool(values[name]) for name in self._asked],
        )
        mould = self._made.get(kind)
        if mould is None and len(self._made) < self._most:
            mould = self._made[kind] = self._make(values)
        return mould

    def words_of(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the reader's own words, by the names of the holes that they fill."""
        return {name: str(values[name]) for name in self._printed}

    def _make(self, values: Mapping[str, Any]) -> Mould:
        holes = {name: _Hole(name, is_there=bool(values[name])) for name in self._printed}
        values = {**values, **holes}
        measured, encoded = bool(values["measured"]), self._encoded.__getitem__
        return Mould(
            subject=plain_frame(self._subject.render(values)),
            text=wire_frame(self._text.render(values), measured=measured, encoded=encoded),
            html=wire_frame(self._html.render(values), measured=measured, encoded=encoded),
        )


def _used(uses: Mapping[str, Use], use: Use) -> tuple[str, ...]:
    """Name the fields of this use; what a loop names is the template's own."""
    return tuple(sorted(name for name in FIELDS if uses.get(name) is use))
