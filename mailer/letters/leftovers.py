"""Signs of a letter that are printed as they stand, where their author meant a link or HTML."""

import re
from collections.abc import Iterator

from mailer.letters.content import Problem
from mailer.letters.markdown import Written

LINK = re.compile(
    r"!?\[[^\[\]]*\](?:\([^()]*\)?| \((?:https?:|www\.|mailto:)[^()]*\)?|\[[^\[\]]*\])"
)
"""A link or picture that is none to CommonMark, mostly for a blank in or before its address."""
HTML = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>|<!--", re.IGNORECASE)
LONGEST_QUOTE = 80


def leftovers(body: Written) -> Iterator[Problem]:
    """Say which links and which HTML a reader would see as signs."""
    for paragraph in body.prose:
        for found in LINK.finditer(paragraph):
            text = f"“{_quoted(found[0])}” is no link: it is printed as it stands."
            fix = (
                "Write [words](https://…): no blank before the address, and %20 for one within it."
            )
            yield Problem("body_markdown", text, fix)
        if tag := HTML.search(paragraph):
            text = f"“{_quoted(tag[0])}” is HTML: it is printed as it stands."
            fix = "Write Markdown: **bold**, *slanted*, ## for a heading, [words](https://…)."
            yield Problem("body_markdown", text, fix)


def _quoted(signs: str) -> str:
    return signs if len(signs) <= LONGEST_QUOTE else f"{signs[:LONGEST_QUOTE]}…"
