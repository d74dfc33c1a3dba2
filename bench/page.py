"""Draws docs/performance.md's figures and pictures from the kept result: `python -m bench.page`.

Everything else on the page is written by hand.
"""

import json
import re
from pathlib import Path
from typing import Any

from bench import picture
from bench.measures import MEASURES
from bench.show import markdown
from bench.values import Result, Row, Spec

DOCS = Path(__file__).resolve().parents[1] / "docs"
KEPT = Path(__file__).with_name("results") / "latest.json"
FIGURES = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)


def write_page(result: Result) -> None:
    """Write the figures into the page, and the pictures beside it."""
    page = DOCS / "performance.md"
    page.write_text(with_figures(page.read_text(encoding="utf-8"), result), encoding="utf-8")
    pictures = DOCS / "performance"
    pictures.mkdir(exist_ok=True)
    (pictures / "ratios.svg").write_text(picture.ratios(result.rows), encoding="utf-8")
    (pictures / "spent.svg").write_text(picture.spent(result.spent), encoding="utf-8")


def with_figures(page: str, result: Result) -> str:
    """Return the page with these figures between its two marks."""
    text = f"\n{markdown(result)}\n\n"
    return FIGURES.sub(lambda _: text, page)


def kept_result(file: Path = KEPT) -> Result:
    """Read the kept result back."""
    document = json.loads(file.read_text(encoding="utf-8"))
    specs = {(spec.measure, spec.yardstick): spec for each in MEASURES for spec in each.specs}
    rows = tuple(_row(specs[row["measure"], row["beside"]], row) for row in document["rows"])
    return Result(document["machine"], rows, document.get("spent", {}))


def _row(spec: Spec, row: dict[str, Any]) -> Row:
    return Row(
        spec,
        size=row["size"],
        ours=row["ours"],
        yardstick=row["yardstick"],
        ratio=row["ratio"],
        checked=row["checked"],
        notes=tuple(row["notes"]),
    )


if __name__ == "__main__":
    write_page(kept_result())
