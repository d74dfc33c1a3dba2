"""What marketing may write between curly braces: a list of what is allowed, over the syntax tree.

Everything else is refused by name before anything is compiled: no calls, no attributes but those
of a loop, no indexes, no arithmetic, no tests, no assignments, loops over short written lists only.
"""

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
    """Say what in a template is not allowed, one sentence each; an empty list allows it.

    `names` are the values that it may use. Nothing is compiled or evaluated.
    """
    try:
        tree = READER.parse(source)
        return list(dict.fromkeys(_walk(tree, frozenset(names), Depth())))
    except TemplateSyntaxError as error:
        return [f"Line {error.lineno}: {error.message}"]
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
        return
    if not isinstance(node.iter, nodes.List | nodes.Tuple):
        yield 'A loop can run over a written list only, as in: for word in ["a", "b"].'
        return
    yield from _walk(node.iter, names, depth)
    target = node.target
    if not isinstance(target, nodes.Name) or target.name in names or not _is_new(target.name):
        yield "The name of a loop's value must be one new word."
        return
    inside, below = names | {target.name, "loop"}, Depth(depth.levels + 1, depth.loops + 1)
    for child in [*node.body, *node.else_]:
        yield from _walk(child, inside, below)


def _is_new(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_") and name not in ("loop", "caller")
