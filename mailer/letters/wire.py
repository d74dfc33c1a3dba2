"""Quoted-printable (RFC 2045 6.7) in pieces that can be put side by side in any order.

Each piece begins at column 0 and ends with CRLF or a soft break, so whatever a slot holds, no line
grows past 76 characters and none begins with a dot (SMTP) or with `From ` (mailboxes).
"""

import re
from binascii import b2a_qp
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import AnyStr, Generic

from jinja2 import Template
from jinja2.runtime import Context

LONGEST = 75
"""Characters of a line before its soft break."""
SLOT_FROM, SLOT_TO = "\x0e", "\x0f"
LINK = "link_"
CLICKS = "clicks"
"""The slot of what every measured link begins with; a target's number follows it."""
SLOT = re.compile(f"{SLOT_FROM}([a-z_0-9]+){SLOT_TO}")
LITERAL = frozenset(range(33, 127)) - {ord("=")} | {ord(" "), ord("\t")}
OCTETS = [bytes([octet]) if octet in LITERAL else b"=%02X" % octet for octet in range(256)]


def encode(text: str) -> bytes:
    """Write a piece of text as quoted-printable lines; line breaks become CRLF.

    Text must hold no lone surrogate. An empty piece stays empty.
    """
    if _is_safe(text):
        if len(text) <= LONGEST:
            return f"{text}=\r\n".encode("ascii") if text else b""
        if len(text) <= 2 * LONGEST and _is_safe(text[LONGEST:]):
            return f"{text[:LONGEST]}=\r\n{text[LONGEST:]}=\r\n".encode("ascii")
    if text.isprintable():
        return _one_line(text.encode())
    # A piece may be Markup, whose own methods are slow and escape what they are given.
    lines = str.replace(str.replace(text, "\r\n", "\n"), "\r", "\n").split("\n")
    *whole, rest = lines
    broken = [line for each in whole for line in (*_wrapped(_ended(each)), b"\r\n")]
    return b"".join([*broken, *_wrapped(_octets(rest.encode())), b"=\r\n" if rest else b""])


def _is_safe(text: str) -> bool:
    """Say whether text stands on the wire as it is; checked without a pattern, for speed."""
    plain = text.isascii() and text.isprintable() and "=" not in text
    return plain and not text.startswith((".", "From "))


def _one_line(octets: bytes) -> bytes:
    """Encode text without line breaks; most of what a person fills is a word that stays one line."""
    if len(octets) <= LONGEST // 3 and not octets.startswith((b".", b"From ")):
        return b2a_qp(octets) + b"=\r\n"
    return b"".join(_wrapped(_octets(octets))) + b"=\r\n"


def _octets(line: bytes) -> bytes:
    return b"".join([OCTETS[octet] for octet in line])


def _ended(line: str) -> bytes:
    """Encode a line before a hard break, where a last space or tab would be lost on the way."""
    wire = _octets(line.encode())
    return wire[:-1] + b"=%02X" % wire[-1] if wire[-1:] in (b" ", b"\t") else wire


def _wrapped(wire: bytes) -> Iterator[bytes]:
    """Cut encoded text into lines, never inside an escape; all but the last end softly."""
    start = 0
    while True:
        head = _head(wire[start : start + 5])
        start += len(head[1])
        room = LONGEST - len(head[0])
        if len(wire) - start <= room:
            yield head[0] + wire[start:]
            return
        end = start + room
        end -= next((back for back in (1, 2) if wire[end - back] == ord("=")), 0)
        yield head[0] + wire[start:end] + b"=\r\n"
        start = end


def _head(beginning: bytes) -> tuple[bytes, bytes]:
    """Give the escaped form of what a line must not begin with, and what it stands for."""
    if beginning.startswith(b"."):
        return b"=2E", b"."
    if beginning == b"From ":
        return b"=46", b"F"
    return b"", b""


def link_slot(name: str) -> str:
    """Give the place of a link in static text: it is filled on the wire, not by the template."""
    return f"{SLOT_FROM}{name}{SLOT_TO}"


def fill_slots(text: str, urls: Mapping[str, str]) -> str:
    """Fill the places of links in rendered text: the plain way, for comparison."""
    return SLOT.sub(lambda found: urls[found[1]], text)


@dataclass(frozen=True, slots=True)
class Frame(Generic[AnyStr]):
    """Pieces in their order, and which of them are holes for what."""

    pieces: list[AnyStr]
    holes: tuple[tuple[int, str], ...]

    def filled(self, words: Mapping[str, AnyStr]) -> list[AnyStr]:
        """Return the pieces with every hole filled; the static ones are not copied."""
        filled = self.pieces.copy()
        for at, name in self.holes:
            filled[at] = words[name]
        return filled


class WirePart:
    """A part of a letter whose static pieces are encoded already."""

    def __init__(self, template: Template) -> None:
        self._pieces = template.root_render_func
        texts = set(_texts(self._pieces.__code__))
        framed = {text for text in texts if SLOT.search(text)}
        self._whole = {text: encode(text) for text in texts - framed}
        self._measured = {text: wire_frame(text, measured=True) for text in framed}
        self._direct = {text: wire_frame(text, measured=False) for text in framed}

    def encoded(
        self, context: Context, links: Mapping[str, bytes], *, tracking: bool
    ) -> list[bytes]:
        """Render and encode: static pieces are looked up, what a person fills is encoded.

        `links` are encoded addresses by the names of their slots; with `tracking`, `clicks` (what
        each measured link begins with) stands for all that lead to targets.
        """
        frames = self._measured if tracking else self._direct
        whole = self._whole
        wire: list[bytes] = []
        add = wire.append  # this runs a hundred times a person
        for piece in self._pieces(context):
            known = whole.get(piece)
            if known is not None:
                add(known)
            elif piece in frames:
                wire += frames[piece].filled(links)
            else:
                add(encode(piece))
        return wire


@lru_cache(maxsize=128)
def wire_part(template: Template) -> WirePart:
    """Give the part made of a template; kept, since order letters share theirs."""
    return WirePart(template)


def wire_frame(
    text: str, *, measured: bool, encoded: Callable[[str], bytes] = encode
) -> Frame[bytes]:
    """Cut a static text at its slots and encode the rest, so that a slot's filling is all to do.

    With `measured`, a slot of a link is one for what all measured links begin with, and the
    number behind it; else it is one for the whole address.
    """
    pieces: list[bytes] = []
    holes: list[tuple[int, str]] = []
    for at, part in enumerate(SLOT.split(text)):
        if at % 2 == 0:
            pieces.append(encoded(part))
            continue
        is_measured = measured and part.startswith(LINK)
        holes.append((len(pieces), CLICKS if is_measured else part))
        pieces.append(b"")
        if is_measured:
            pieces.append(encoded(part.removeprefix(LINK)))
    return Frame(pieces, tuple(holes))


def plain_frame(text: str) -> Frame[str]:
    """Cut a static text at its slots."""
    pieces = SLOT.split(text)
    return Frame(pieces, tuple((at, pieces[at]) for at in range(1, len(pieces), 2)))


def _texts(code: CodeType) -> Iterable[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _texts(constant)
