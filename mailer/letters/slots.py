"""Templates cut into static text and marks (`{{ }}`, `{% %}`), so that tools may pass over the text.

A mark is replaced by a word that no tool touches, or in HTML by a comment, and put back later.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

LEXER = SandboxedEnvironment(keep_trailing_newline=True)
"""Reads the curly marks of the second stage; it renders nothing."""
STRAY = re.compile(r"\{(?=[{%#]|$)")
ENDINGS = {"variable_begin": "variable_end", "block_begin": "block_end"}


class MarksBroken(Exception):
    """The marks of a template cannot be read, or a tool has lost or doubled one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One `{{ … }}` (a value) or `{% … %}` (a command), as it was written."""

    source: str
    is_value: bool

    @property
    def name(self) -> str:
        """What a value that is a name alone is called."""
        return self.source.strip("{}-+ ") if self.is_value else ""


def cut(source: str) -> list[str | Mark]:
    """Cut a template into static text and marks; comments are dropped.

    Raises MarksBroken with what Jinja says where it cannot be read, and for `{% raw %}`.
    """
    try:
        return list(_cut(LEXER.lex(source)))
    except TemplateSyntaxError as error:
        raise MarksBroken(f"line {error.lineno}: {error.message}") from None


def _cut(tokens: Iterator[tuple[int, str, str]]) -> Iterator[str | Mark]:
    for _, kind, value in tokens:
        if kind in ENDINGS:
            inside = value + "".join(_until(tokens, ENDINGS[kind]))
            yield Mark(inside, is_value=kind == "variable_begin")
        elif kind == "raw_begin":
            raise MarksBroken("{% raw %} cannot be used")
        elif kind == "comment_begin":
            for _ in _until(tokens, "comment_end"):
                pass
        elif kind == "data":
            yield value


def _until(tokens: Iterator[tuple[int, str, str]], ending: str) -> Iterator[str]:
    for _, kind, value in tokens:
        yield value
        if kind == ending:
            return


def guard(static: str) -> str:
    """Write static text so that no brace in it, or at its end, can open a mark."""
    return STRAY.sub("{{ '{' }}", static)


def over_static(source: str, change: Callable[[str], str]) -> str:
    """Change the static text of a template and leave its marks as they are."""
    return "".join(
        part.source if isinstance(part, Mark) else guard(change(part)) for part in cut(source)
    )


class Stash:
    """Marks put away under words, while a tool works on the text between them."""

    def __init__(self, *texts: str) -> None:
        self._word = next(
            word for word in _words() if not any(word in text.lower() for text in texts)
        )
        self._marks: list[Mark] = []
        self._found = re.compile(f"(<!--)?{self._word}([0-9]+)z(?(1)-->)")

    def away(self, source: str, *, comments: bool = False) -> str:
        """Replace each mark by a word, or a command by an HTML comment with `comments`."""
        return "".join(
            part if isinstance(part, str) else self.put(part, comments=comments)
            for part in cut(source)
        )

    def put(self, mark: Mark, *, comments: bool = False) -> str:
        """Put one mark away and give the word that stands for it."""
        self._marks.append(mark)
        word = f"{self._word}{len(self._marks) - 1}z"
        return f"<!--{word}-->" if comments and not mark.is_value else word

    def holds(self, text: str) -> bool:
        """Say whether a mark stands in `text`."""
        return bool(self._found.search(text))

    def marks_in(self, text: str) -> list[Mark]:
        """Give the marks that stand in `text`, in order."""
        return [self._marks[int(found[2])] for found in self._found.finditer(text)]

    def without(self, text: str) -> str:
        """Give `text` without its marks."""
        return self._found.sub("", text)

    def back(self, text: str, *, wrap: Callable[[Mark], str] | None = None) -> str:
        """Put the marks back, each as it was or as `wrap` writes it; stray braces are guarded."""
        parts = []
        end = 0
        for found in self._found.finditer(text):
            mark = self._marks[int(found[2])]
            parts += [guard(text[end : found.start()]), wrap(mark) if wrap else mark.source]
            end = found.end()
        return "".join([*parts, guard(text[end:])])

    def all_there(self, text: str) -> bool:
        """Say whether every mark stands in `text` exactly once."""
        seen = [int(found[2]) for found in self._found.finditer(text)]
        return sorted(seen) == list(range(len(self._marks)))


def _words() -> Iterator[str]:
    number = 0
    while True:
        yield f"qz{number}x"
        number += 1
