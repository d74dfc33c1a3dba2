"""A click in the plainest form, read in one walk over its bytes. Pure."""

import re
from collections.abc import Iterable
from itertools import groupby

from mailer.measure import PURPOSE_HEADERS, Kind, kind_of

PlainClick = tuple[str, int, Kind]
"""Token, number of the link, and what kind of request it was."""

NOT_PLAIN = PURPOSE_HEADERS | {b"content-length", b"transfer-encoding", b"upgrade", b"expect"}
"""Headers of a request with a body, of one that becomes something else, or was made ahead of time."""
NAME_LETTERS = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAME_LETTER = rb"[%b]" % re.escape(NAME_LETTERS)
VALUE = rb"(?=[^\r]*+\r\n).*+\n(?<=\r\n)"
"""To the line's end, without another CR or LF. A class of letters would take three times as long."""


def _any_case(word: bytes) -> bytes:
    """Match a word in capital letters or small; the first is a class, which is tried at a glance."""
    first, rest = word[:1], re.escape(word[1:])
    return rb"[%b%b](?i:%b)" % (first, first.upper(), rest)


def _line_of_another(names: Iterable[bytes]) -> bytes:
    """Match the line of a header that has none of these names.

    Names are tried by their first letter: most of a browser's lines are held against none.
    """
    firsts, beginnings = b"", []
    for first, same in groupby(sorted(names), key=lambda name: name[:1]):
        firsts += first + first.upper()
        rests = b"|".join(re.escape(name[1:]) for name in same)
        beginnings.append(rb"[%b%b](?!(?i:%b):)" % (first, first.upper(), rests))
    others = re.escape(NAME_LETTERS.translate(None, firsts))
    return rb"(?:[%b]|%b)%b*+:%b" % (others, b"|".join(beginnings), NAME_LETTER, VALUE)


PLAIN = re.compile(
    rb"(GET|HEAD) /c/([A-Za-z0-9_.-]{1,160}+)/(0|[1-9][0-9]{0,2}+) HTTP/1\.1\r\n(?:%b|%b|%b)++\r\n"
    % (
        _line_of_another(NOT_PLAIN | {b"connection", b"user-agent"}),
        rb"%b:(%b)" % (_any_case(b"user-agent"), VALUE),
        rb"%b:[ \t]*+%b\r\n" % (_any_case(b"connection"), _any_case(b"keep-alive")),
    )
)


def plain_click(data: bytes) -> PlainClick | None:
    """Read a request; None for whatever is not one whole click, or is more than a plain one."""
    found = PLAIN.fullmatch(data)
    if found is None or b"\0" in data:
        return None
    method, token, number, agent = found.groups()
    told = () if agent is None else ((b"user-agent", agent),)
    return token.decode(), int(number), kind_of(method.decode(), told)
