"""Header fields on the wire: ASCII only, folded, nothing in them that could end a header early.

RFC 5322 (lines, display names) and RFC 2047 (encoded words). Written by hand because the standard
library takes milliseconds a message; tests hold it to the standard library's own parser.
"""

import re
from base64 import b64encode
from functools import lru_cache

from mailer.letters.fields import UNSAFE

FOLD_AT = 78
LONGEST_TEXT = 250
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
MAILBOX = re.compile(r"\s*(?P<name>.*?)\s*<(?P<address>[^<>\s]+)>\s*")
WORD_ROOM = 45
"""Octets of UTF-8 in one encoded word: 60 characters of base64, 72 with its frame."""


class AddressUnusable(Exception):
    """An address cannot stand in a header; the text does not repeat it."""


def one_line(text: str) -> str:
    """Make any rendered text fit for a header: one line, no controls, of bearable length."""
    if not text.isprintable():
        text = UNSAFE.sub(" ", text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1].rstrip() + "…"


def text_header(name: str, text: str) -> bytes:
    """Write an unstructured field, for example the subject, with its CRLF."""
    line = f"{name}: {text}"
    if text.isascii() and "=?" not in text:
        if len(line) <= FOLD_AT:
            return line.encode("ascii") + b"\r\n"
        folded = _folded(line)
        if max(map(len, folded.split(b"\r\n"))) <= FOLD_AT:
            return folded + b"\r\n"
    return f"{name}: ".encode("ascii") + _encoded_words(text, len(name) + 2) + b"\r\n"


def mailbox_header(name: str, display: str, address: str) -> bytes:
    """Write a field of one mailbox, for example To. Raises AddressUnusable.

    The display name is cleaned; where nothing is left of it, the address stands alone.
    """
    if not ADDRESS.fullmatch(address):
        raise AddressUnusable("an address is not written in ASCII, or holds what no header may")
    shown = _phrase(one_line(display), len(name) + 2)
    if not shown:
        return f"{name}: {address}".encode("ascii") + b"\r\n"
    start = f"{name}: ".encode("ascii") + shown
    last = len(start) - start.rfind(b"\n") - 1
    gap = b" " if last + len(address) + 3 <= FOLD_AT else b"\r\n "
    return start + gap + b"<" + address.encode("ascii") + b">\r\n"


@lru_cache(maxsize=256)
def fixed_mailbox_header(name: str, mailbox: str) -> bytes:
    """Write a field of one mailbox given as `Name <address>`, as settings hold it."""
    found = MAILBOX.fullmatch(mailbox)
    if found:
        return mailbox_header(name, found["name"].strip('"'), found["address"])
    return mailbox_header(name, "", mailbox.strip())


def _phrase(display: str, used: int) -> bytes:
    if not display:
        return b""
    short = used + len(display) + 2 <= FOLD_AT
    if display.isascii() and "=?" not in display and short:
        if ATOMS.fullmatch(display):
            return display.encode("ascii")
        return b'"' + re.sub(r'(["\\])', r"\\\1", display).encode("ascii") + b'"'
    return _encoded_words(display, used)


def _folded(line: str) -> bytes:
    lines, room = [""], FOLD_AT
    for word in re.findall(r" *[^ ]+", line):
        if lines[-1] and len(lines[-1]) + len(word) > room:
            lines.append("")
        lines[-1] += word
    return "\r\n".join(lines).encode("ascii")


def _encoded_words(text: str, used: int) -> bytes:
    words, start = [], 0
    room = min(WORD_ROOM, (FOLD_AT - used - 12) // 4 * 3)
    if len(octets := text.encode()) <= room:  # as most names do
        return b"=?utf-8?B?" + b64encode(octets) + b"?="
    while start < len(text):
        size, end = 0, start
        while end < len(text) and size + (width := len(text[end].encode())) <= room:
            size, end = size + width, end + 1
        words.append(b"=?utf-8?B?" + b64encode(text[start:end].encode()) + b"?=")
        start, room = end, WORD_ROOM
    return b"\r\n ".join(words)
