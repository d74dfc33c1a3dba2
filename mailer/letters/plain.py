"""Markdown as text that a person would have typed: no marks of markup, links numbered below."""

from markdown_it.tree import SyntaxTreeNode

LINK_FROM, LINK_TO = "\x02", "\x03"
"""Stand round a web address in a text part, until the letter knows the number of its link."""
BREAKS = {"softbreak": " ", "hardbreak": "\n"}


def plain_text(tree: SyntaxTreeNode) -> str:
    """Write a tree of Markdown as plain text, one line a paragraph, ending with one line break.

    Links are numbered anew in each paragraph and stand right below it, so that a paragraph that a
    condition leaves out takes its links along.
    """
    return _Writer().blocks(tree).rstrip("\n") + "\n"


class _Writer:
    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def blocks(self, node: SyntaxTreeNode) -> str:
        return "".join(self._block(child) for child in node.children)

    def _block(self, node: SyntaxTreeNode) -> str:
        write = {
            "html_block": self._command,
            "heading": self._heading,
            "bullet_list": self._list,
            "ordered_list": self._list,
            "blockquote": self._quote,
            "hr": self._rule,
            "fence": self._code,
            "code_block": self._code,
        }.get(node.type, self._paragraph)
        return write(node)

    def _command(self, node: SyntaxTreeNode) -> str:
        """Write a command that stands alone: its line leaves nothing behind."""
        return node.content.strip()

    def _paragraph(self, node: SyntaxTreeNode) -> str:
        self._numbers = {}
        return f"{self._line(node)}\n{self._notes()}\n"

    def _heading(self, node: SyntaxTreeNode) -> str:
        self._numbers = {}
        line = self._line(node)
        return f"{line}\n{'-' * min(len(line), 40)}\n{self._notes()}\n"

    def _list(self, node: SyntaxTreeNode) -> str:
        return "".join(self._item(child) for child in node.children) + "\n"

    def _quote(self, node: SyntaxTreeNode) -> str:
        return _begun(self.blocks(node), "> ", "> ") + "\n"

    def _rule(self, _: SyntaxTreeNode) -> str:
        return "* * *\n\n"

    def _code(self, node: SyntaxTreeNode) -> str:
        return _begun(node.content, "    ", "    ") + "\n"

    def _item(self, node: SyntaxTreeNode) -> str:
        if node.type != "list_item":
            return self._block(node)
        bullet = f"{node.info}{node.markup} " if node.info else "- "
        return _begun(self.blocks(node), bullet, " " * len(bullet))

    def _line(self, node: SyntaxTreeNode) -> str:
        if node.type == "link":
            return self._link(node)
        if node.type == "image":
            return f"[{node.content}]"
        if node.children:
            return "".join(self._line(child) for child in node.children)
        return BREAKS.get(node.type, node.content)

    def _link(self, node: SyntaxTreeNode) -> str:
        words = "".join(self._line(child) for child in node.children)
        url = str(node.attrs["href"])
        if url.startswith("mailto:"):
            address = url.removeprefix("mailto:").partition("?")[0]
            return words if words == address else f"{words} ({address})"
        if words == url:
            return f"{LINK_FROM}{url}{LINK_TO}"
        return f"{words} [{self._numbers.setdefault(url, len(self._numbers) + 1)}]"

    def _notes(self) -> str:
        return "".join(
            f"[{number}] {LINK_FROM}{url}{LINK_TO}\n" for url, number in self._numbers.items()
        )


def _begun(text: str, first: str, others: str) -> str:
    """Begin the first line of a text with `first` and the rest with `others`."""
    lines = text.rstrip("\n").split("\n")
    rest = [f"{others}{line}".rstrip() for line in lines[1:]]
    return "\n".join([first + lines[0], *rest]) + "\n"
