"""The table of mutants in docs/promises.md, between its marks."""

from collections.abc import Iterable
from pathlib import Path

from tests.mutants.listed import BY_FILE
from tests.mutants.values import Mutant

PAGE = Path(__file__).resolve().parents[2] / "docs" / "promises.md"
BEGIN, END = "<!-- mutants -->\n", "<!-- /mutants -->\n"


def table_of(mutants: Iterable[Mutant]) -> str:
    """Say of each what is edited, in which file the edit stands, and which test catches it."""
    rows = (f"| {_linked(each)} | {each.what} | caught by `{each.catcher}` |\n" for each in mutants)
    return "| | the edit | |\n| --- | --- | --- |\n" + "".join(rows)


def _linked(mutant: Mutant) -> str:
    file = next(name for name, those in BY_FILE.items() if mutant in those)
    return f"[{mutant.name}](../tests/mutants/{file})"


def table_on(page: str) -> str:
    """Return what stands between the marks of a page."""
    return page.partition(BEGIN)[2].partition(END)[0]


def with_table(page: str, mutants: Iterable[Mutant]) -> str:
    """Return a page with the table between its marks. Raises ValueError where they are missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for the table: {BEGIN.strip()} … {END.strip()}")
    return head + begin + table_of(mutants) + end + tail


def write_page(mutants: Iterable[Mutant]) -> None:
    """Write the table anew."""
    PAGE.write_text(with_table(PAGE.read_text(), mutants))
