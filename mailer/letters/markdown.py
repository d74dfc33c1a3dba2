"""What marketing writes in Markdown becomes HTML and readable plain text, with its marks in place.

An image's title may give its size, as in `![The new till](https://… "600x200")`.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from mailer.letters.plain import plain_text
from mailer.letters.slots import Mark, Stash

OPENING = {"if": "endif", "for": "endfor"}
BETWEEN = ("else", "elif")
SIZE = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")
"""Width and height of an image in pixels; it stands where CommonMark has the title."""
LONGEST_OPENING = 320
"""Characters of a first paragraph that stand for its letter elsewhere."""
LONGEST_UNCUT = 3 * LONGEST_OPENING
"""Of one with a condition, which would break where it is cut."""
SENTENCE_END = re.compile(r"[.!?…](?= )")
DEMOTED = {"h1": "h2", "h4": "h3", "h5": "h3", "h6": "h3"}


@dataclass(frozen=True, slots=True)
class Link:
    """A web address that the text leads to (`href`) or shows (`src`), and the words for it."""

    kind: str
    url: str
    words: str
    holds_mark: bool
    is_sized: bool = True
    """An image has its width and height; what is no image needs none."""


@dataclass(frozen=True, slots=True)
class Written:
    """A Markdown text, ready for both parts of a letter, its marks where they were.

    `crossed` says that a condition or loop begins in one paragraph, list or emphasis and ends in
    another, so that the HTML would not close what it opens. `prose` has the words of each
    paragraph as they will be read, without code, which shows signs on purpose.
    """

    html: str
    text: str
    links: tuple[Link, ...]
    crossed: bool
    prose: tuple[str, ...] = ()


@lru_cache(maxsize=16)
def written(source: str) -> Written:
    """Read Markdown (CommonMark, no HTML) with marks in it. Raises MarksBroken.

    Kept for a while: what checks a letter and what compiles it read the same text six times.
    Links are reported as they are written, whatever their scheme: judging them is the caller's.
    """
    stash, parser = Stash(source), _parser()
    tokens = _apart(parser.parse(_blocks(stash, source)), stash)
    _give_sizes(tokens)
    tree = SyntaxTreeNode(tokens)
    return Written(
        html=stash.back(parser.renderer.render(tokens, parser.options, {}), wrap=isolated),
        text=stash.back(plain_text(tree)),
        links=tuple(_links(tree, stash)),
        crossed=_is_crossed(tree, stash),
        prose=tuple(_prose(tree, stash)),
    )


def opening(source: str) -> str:
    """Give the first paragraph that everybody reads, as a line of plain text with its marks.

    One inside a condition or loop is passed over, and a long one is cut after a sentence or a
    word; one that holds a condition cannot be cut, and says nothing where it is far too long.
    Empty where there is none. Raises MarksBroken.
    """
    stash = Stash(source)
    opened = 0
    for node in SyntaxTreeNode(_apart(_parser().parse(_blocks(stash, source)), stash)).children:
        if node.type == "html_block":
            words = [_word(mark) for mark in stash.marks_in(node.content)]
            opened += sum((each in OPENING) - (each in OPENING.values()) for each in words)
        elif node.type == "paragraph" and not opened:
            line = " ".join(_said(node).split())
            if stash.without(line).strip():
                return stash.back(_shortened(line, stash))
    return ""


def _prose(tree: SyntaxTreeNode, stash: Stash) -> Iterator[str]:
    for node in tree.walk():
        if node.type == "inline":
            yield stash.back(_said(node, silent=("image", "code_inline")))


def _said(node: SyntaxTreeNode, *, silent: Collection[str] = ("image",)) -> str:
    """Give the words of a paragraph, without what is `silent`."""
    if node.type in silent:
        return ""
    if node.children:
        return "".join(_said(each, silent=silent) for each in node.children)
    return " " if node.type in ("softbreak", "hardbreak") else node.content


def _shortened(line: str, stash: Stash) -> str:
    """Cut a long line; never between a condition's beginning and its end."""
    if len(line) <= LONGEST_OPENING:
        return line
    if not all(mark.is_value for mark in stash.marks_in(line)):
        return line if len(line) <= LONGEST_UNCUT else ""
    start = line[: LONGEST_OPENING + 1]
    ends = [found.end() for found in SENTENCE_END.finditer(start)]
    if ends and ends[-1] > LONGEST_OPENING // 3:
        return line[: ends[-1]]
    return f"{start.rpartition(' ')[0] or start}…"


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False})
    parser.validateLink = _any_link  # type: ignore[method-assign]  # the way that it documents
    return parser


def _any_link(url: str) -> bool:  # noqa: ARG001 - the parser names it
    """Let every link through to its judge; the parser would show a bad one as plain text."""
    return True


def isolated(mark: Mark) -> str:
    """Write a value so that its direction of writing does not disturb the text around it."""
    return f"<bdi>{mark.source}</bdi>" if mark.is_value else mark.source


def plain_as_html(source: str) -> str:
    """Write a line of plain text with marks in it as HTML. Raises MarksBroken."""
    stash = Stash(source)
    return stash.back(escape(stash.away(source)), wrap=isolated)


def _blocks(stash: Stash, source: str) -> str:
    """Put marks away; commands on lines of their own become blocks of their own."""
    lines = []
    for line in stash.away(source).split("\n"):
        lines += ["", line.strip(), ""] if _is_commands(line, stash) else [line]
    return "\n".join(lines)


def _is_commands(text: str, stash: Stash) -> bool:
    marks = stash.marks_in(text)
    only_commands = bool(marks) and not any(mark.is_value for mark in marks)
    return only_commands and not stash.without(text).strip()


def _apart(tokens: Sequence[Token], stash: Stash) -> list[Token]:
    """Lift commands that stand alone out of their paragraph; demote headings below the letter's."""
    apart: list[Token] = []
    for token in tokens:
        token.tag = DEMOTED.get(token.tag, token.tag)
        if token.type == "inline" and _is_commands(token.content, stash):
            apart[-1] = Token("html_block", "", 0, content=token.content + "\n")
        elif token.type != "paragraph_close" or apart[-1].type != "html_block":
            apart.append(token)
    return apart


def _give_sizes(tokens: Sequence[Token]) -> None:
    """Turn a title such as 600x200 into the image's width and height."""
    for token in tokens:
        _give_sizes(token.children or ())
        size = SIZE.fullmatch(str(token.attrs.get("title", "")))
        if token.type == "image" and size:
            del token.attrs["title"]
            token.attrs |= {"width": size[1], "height": size[2]}


def _is_crossed(tree: SyntaxTreeNode, stash: Stash) -> bool:
    """Say whether the parts of a condition stand at different places of the text's structure."""
    opened: list[tuple[str, SyntaxTreeNode | None]] = []
    leaves = (node for node in tree.walk() if not node.is_root and not node.children)
    commands = (
        (_word(mark), node.parent) for node in leaves for mark in stash.marks_in(node.content)
    )
    for word, place in commands:
        if word in OPENING:
            opened.append((OPENING[word], place))
        elif word and _is_elsewhere(word, place, opened):
            return True
    return bool(opened)


def _is_elsewhere(
    word: str, place: SyntaxTreeNode | None, opened: list[tuple[str, SyntaxTreeNode | None]]
) -> bool:
    """Say whether a command stands elsewhere than the one that it goes with; close what it ends."""
    if not opened or opened[-1][1] is not place:
        return True
    return word not in BETWEEN and opened.pop()[0] != word


def _word(mark: Mark) -> str:
    """Give the word of a command, or "" for a value."""
    return "" if mark.is_value else mark.source.strip("{%-+ \n").split()[0]


def _links(tree: SyntaxTreeNode, stash: Stash) -> Iterator[Link]:
    for node in tree.walk():
        for kind in ("href", "src"):
            if node.type in ("link", "image") and kind in node.attrs:
                words = "".join(each.content for each in node.walk() if each.type == "text")
                about = " ".join(str(value) for value in node.attrs.values())
                shown = words if kind == "src" else ""
                is_sized = kind == "href" or "width" in node.attrs
                held = stash.holds(about + shown)
                yield Link(kind, str(node.attrs[kind]), words, held, is_sized)
