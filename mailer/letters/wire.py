"""Quoted-printable (RFC 2045 6.7) in pieces that can be put side by side in any order.

Each piece begins at column 0 and ends with CRLF or a soft break, so whatever a slot holds, no line
grows past 76 characters and none begins with a dot (SMTP) or with `From ` (mailboxes).
"""

import re
from collections.abc import Iterable, Iterator
from types import CodeType

from jinja2 import Template

LONGEST = 75
"""Characters of a line before its soft break."""
SAFE = re.compile(r"(?!\.|From )[!-<>-~ ]{0,75}", re.ASCII)
"""Text that stands on the wire as it is, in one line."""
LITERAL = frozenset(range(33, 127)) - {ord("=")} | {ord(" "), ord("\t")}
OCTETS = [bytes([octet]) if octet in LITERAL else b"=%02X" % octet for octet in range(256)]


def encode(text: str) -> bytes:
    """Write a piece of text as quoted-printable lines; line breaks become CRLF.

    Text must hold no lone surrogate. An empty piece stays empty.
    """
    if SAFE.fullmatch(text):
        return text.encode("ascii") + b"=\r\n" if text else b""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    *whole, rest = lines
    broken = [line for each in whole for line in (*_wrapped(_ended(each)), b"\r\n")]
    return b"".join([*broken, *_wrapped(_octets(rest)), b"=\r\n" if rest else b""])


def _octets(line: str) -> bytes:
    return b"".join([OCTETS[octet] for octet in line.encode()])


def _ended(line: str) -> bytes:
    """Encode a line before a hard break, where a last space or tab would be lost on the way."""
    wire = _octets(line)
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


def constants(template: Template) -> dict[str, bytes]:
    """Encode every text that is written into a compiled template: its static pieces."""
    return {text: encode(text) for text in _texts(template.root_render_func.__code__)}


def _texts(code: CodeType) -> Iterable[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _texts(constant)
