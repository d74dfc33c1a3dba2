"""What marketing may write between curly braces: a list of what is allowed, over the syntax tree.

Everything else is refused by name before anything is compiled: no calls, no attributes but those
of a loop, no indexes, no arithmetic, no tests, no assignments, loops over short written lists only.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment

FILTERS = frozenset({"default", "upper", "lower", "capitalize"})
LOOP_WORDS = frozenset({"first", "last", "index"})
LONGEST_LIST = 20
LONGEST_VALUE = 1000
DEEPEST_LOOP = 2
DEEPEST = 40
"""Levels of the syntax tree; what nests deeper could not be compiled."""
READER = SandboxedEnvironment(keep_trailing_newline=True)
ENDINGS = {"variable_begin": "variable_end", "block_begin": "block_end"}
COMMAND = re.compile(r"\{%[-+]?\s*(\w+)")
LOOP_NAMES = re.compile(r"\{%[-+]?\s*for\s+(\w+)")

PLAIN = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
)
"""Nodes that are harmless whatever they hold, since what they hold is looked at too."""


def refusals(source: str, names: Collection[str]) -> list[str]:
    """Say everything in a template that is not allowed, one sentence each; an empty list allows it.

    `names` are the values that it may use. Nothing is compiled or evaluated. Of one that cannot be
    read as a whole each mark is read by itself, so that not every try finds one fault more.
    """
    try:
        tree = READER.parse(source)
        return list(dict.fromkeys(_walk(tree, frozenset(names), Depth())))
    except TemplateSyntaxError as error:
        return _of_broken(source, frozenset(names), f"Line {error.lineno}: {error.message}")
    except RecursionError:
        return ["It is nested too deeply."]


def _of_broken(source: str, names: frozenset[str], whole: str) -> list[str]:
    """Say what is wrong with each mark, and with the whole where that is said of none of them."""
    marks = list(_marks(source))
    inside = names | {"loop", *(name for _, mark in marks for name in LOOP_NAMES.findall(mark))}
    found = [
        each
        for line, mark in marks
        for each in _of_mark(mark, line, names if LOOP_NAMES.match(mark) else inside)
    ]
    is_said = any(whole.startswith(each) for each in found)
    return list(dict.fromkeys(found if is_said else [whole, *found]))


def _marks(source: str) -> Iterator[tuple[int, str]]:
    """Yield each mark with its line, as far as they can be told from the text."""
    mark, began = "", 0
    try:
        for line, kind, value in READER.lex(source):
            if kind in ENDINGS:
                mark, began = value, line
            elif mark:
                mark += value
                if kind in ENDINGS.values():
                    yield began, mark
                    mark = ""
    except TemplateSyntaxError:
        return


def _of_mark(mark: str, line: int, names: frozenset[str]) -> list[str]:
    """Say what is wrong with one mark by itself; what opens something is closed behind it."""
    word = COMMAND.match(mark)
    match word and word[1]:
        case "else" | "endif" | "endfor":
            return []
        case "if" | "elif":
            mark = COMMAND.sub("{% if", mark) + "{% endif %}"
        case "for":
            mark += "{% endfor %}"
    try:
        return list(_walk(READER.parse(mark), names, Depth()))
    except TemplateSyntaxError as error:
        return [f"Line {line}: {error.message}"]
    except RecursionError:
        return ["It is nested too deeply."]


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep a node stands: levels of the tree, and loops round it."""

    levels: int = 0
    loops: int = 0


def _walk(node: nodes.Node, names: frozenset[str], depth: Depth) -> Iterator[str]:
    if depth.levels > DEEPEST:
        yield "It is nested too deeply."
        return
    if isinstance(node, nodes.For):
        yield from _loop(node, names, depth)
        return
    yield from _one(node, names)
    if not (isinstance(node, nodes.Getattr) and _is_loop_word(node)):
        below = Depth(depth.levels + 1, depth.loops)
        for child in node.iter_child_nodes():
            yield from _walk(child, names, below)


def _one(node: nodes.Node, names: frozenset[str]) -> Iterable[str]:
    """Say what is wrong with a node itself, whatever it holds."""
    if isinstance(node, PLAIN):
        return ()
    look = LOOKS.get(type(node))
    return look(node, names) if look else [f"“{type(node).__name__.lower()}” cannot be used here."]


def _name(node: nodes.Name, names: frozenset[str]) -> Iterator[str]:
    if node.name not in names:
        yield f"There is no field “{node.name}”."


def _value(node: nodes.Const, _: frozenset[str]) -> Iterator[str]:
    if not isinstance(node.value, str | int | bool) or len(str(node.value)) > LONGEST_VALUE:
        yield "Only short texts and whole numbers can be written as values."


def _filter(node: nodes.Filter, _: frozenset[str]) -> Iterator[str]:
    if node.name not in FILTERS or node.kwargs or node.dyn_args or node.dyn_kwargs:
        yield f"The filter “{node.name}” cannot be used here."


def _comparison(node: nodes.Operand, _: frozenset[str]) -> Iterator[str]:
    if node.op not in ("eq", "ne", "in", "notin"):
        yield "Compare with == and != only, or with “in” a written list."


def _dot(node: nodes.Getattr, names: frozenset[str]) -> Iterator[str]:
    if not _is_loop_word(node) or "loop" not in names:
        yield "Dots cannot be used here, but for loop.first, loop.last and loop.index."


def _list(node: nodes.List | nodes.Tuple, _: frozenset[str]) -> Iterator[str]:
    if len(node.items) > LONGEST_LIST:
        yield f"A list may hold up to {LONGEST_LIST} entries."
    if not all(isinstance(item, nodes.Const) for item in node.items):
        yield "A list may hold written values only."


LOOKS: Mapping[type[nodes.Node], Callable[[Any, frozenset[str]], Iterable[str]]] = {
    nodes.Name: _name,
    nodes.Const: _value,
    nodes.Filter: _filter,
    nodes.Operand: _comparison,
    nodes.Getattr: _dot,
    nodes.List: _list,
    nodes.Tuple: _list,
}
"""How each other node that may stand is looked at; a node without an entry is refused."""


def _is_loop_word(node: nodes.Getattr) -> bool:
    target = node.node
    return isinstance(target, nodes.Name) and target.name == "loop" and node.attr in LOOP_WORDS


def _loop(node: nodes.For, names: frozenset[str], depth: Depth) -> Iterator[str]:
    if node.test or node.recursive or depth.loops >= DEEPEST_LOOP:
        yield "A loop cannot be recursive, filtered, or deeper than two."
    if isinstance(node.iter, nodes.List | nodes.Tuple):
        yield from _walk(node.iter, names, depth)
    else:
        yield 'A loop can run over a written list only, as in: for word in ["a", "b"].'
    target = node.target
    if not isinstance(target, nodes.Name) or target.name in names or not _is_new(target.name):
        yield "The name of a loop's value must be one new word."
    made = {
        each.name for each in (target, *target.find_all(nodes.Name)) if isinstance(each, nodes.Name)
    }
    inside, below = names | made | {"loop"}, Depth(depth.levels + 1, depth.loops + 1)
    for child in [*node.body, *node.else_]:
        yield from _walk(child, inside, below)


def _is_new(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_") and name not in ("loop", "caller")
