"""How a template uses each of its fields, read from its syntax tree.

What is only printed differs from reader to reader without changing anything round it, so a letter
need not be rendered anew for it (`moulds`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum

from jinja2 import nodes

from mailer.letters.allowed import READER


class Use(IntEnum):
    """What of a field's value changes a template; the strongest use of a field counts."""

    PRINTED = 0
    """Its text stands in the letter, and changes nothing else."""
    ASKED = 1
    """And the template asks whether it is there."""
    READ = 2
    """Its value decides, or is changed before it is printed."""


Look = Callable[[nodes.Node], Iterator[tuple[str, Use]]]


def uses_of(sources: Iterable[str]) -> Mapping[str, Use]:
    """Return the strongest use of each name in these templates. Raises TemplateSyntaxError."""
    uses: dict[str, Use] = {}
    for source in sources:
        for name, use in _walk(READER.parse(source)):
            uses[name] = max(use, uses.get(name, Use.PRINTED))
    return uses


def _walk(node: nodes.Node) -> Iterator[tuple[str, Use]]:
    if isinstance(node, nodes.Name):
        yield node.name, Use.READ
    elif isinstance(node, nodes.Output):
        yield from _all(node.nodes, _printed)
    elif isinstance(node, nodes.If | nodes.CondExpr):
        yield from _asked(node.test)
        yield from _all(node.iter_child_nodes(exclude=("test",)), _walk)
    else:
        yield from _all(node.iter_child_nodes(), _walk)


def _printed(node: nodes.Node) -> Iterator[tuple[str, Use]]:
    """Look at what stands between `{{` and `}}`."""
    if isinstance(node, nodes.Name):
        yield node.name, Use.PRINTED
    elif isinstance(node, nodes.Filter) and node.name == "default" and node.node:
        # It gives the value itself, or where that is missing the words that are written.
        yield from _asked(node.node)
        yield from _all(node.args, _walk)
    else:
        yield from _walk(node)


def _asked(node: nodes.Node) -> Iterator[tuple[str, Use]]:
    """Look at a condition: a name that stands alone in it is only asked for."""
    if isinstance(node, nodes.Name):
        yield node.name, Use.ASKED
    elif isinstance(node, nodes.Not | nodes.And | nodes.Or):
        yield from _all(node.iter_child_nodes(), _asked)
    else:
        yield from _walk(node)


def _all(some: Iterable[nodes.Node], look: Look) -> Iterator[tuple[str, Use]]:
    for each in some:
        yield from look(each)
