"""Draws docs/house.svg from the import contract: `python -m mailer.development.house_picture`.

The layers are those that import-linter holds, the words are the rooms' own first lines, so that
the picture cannot say anything else than the code.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "house.svg"
WIDTH, TOP, ROW, GAP, LEFT, WORDS_AT = 1000, 74, 30, 8, 48, 236
LONGEST = 92
"""Characters of a room's sentence that fit on its line."""
TITLE = "The rooms of the house, in layers: a room may import from the layers below it"
STYLE = """
  text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: #14202b }
  .title { font-size: 18px; font-weight: 600 }
  .name { font-family: ui-monospace, "SF Mono", Consolas, "Liberation Mono", monospace; font-weight: 600; fill: #0b5a7a }
  .words, .hint { fill: #4a5968 }
  .ground { fill: #f5f7f9 }
  .layer { fill: #fff; stroke: #d2dae2 }
  .door { fill: #e2eff5; stroke: #0b5a7a }
  .arrow { stroke: #6b7b8c; stroke-width: 2; fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8eef4 }
    .name { fill: #74c4e6 }
    .words, .hint { fill: #a9b7c5 }
    .ground { fill: #0f161d }
    .layer { fill: #17212b; stroke: #2d3b49 }
    .door { fill: #122e3d; stroke: #74c4e6 }
    .arrow { stroke: #8394a6 }
  }
"""


@dataclass(frozen=True, slots=True)
class Room:
    """A module of the contract, and the first sentence that it says of itself."""

    name: str
    words: str

    @property
    def is_door(self) -> bool:
        """Whether people and systems come in here."""
        return self.name in {"mailer.cli", "preference_center", "workers"}


def read_layers(root: Path = ROOT) -> list[list[Room]]:
    """Return the layers of the contract from the top down, without rooms that are not built yet."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(each["layers"] for each in contracts["contracts"] if each["type"] == "layers")
    read = [[_room(root, name.strip(" ()")) for name in layer.split("|")] for layer in layers]
    built = ([room for room in layer if room is not None] for layer in read)
    return [layer for layer in built if layer]


def draw(layers: list[list[Room]]) -> str:
    """Return the picture as SVG; equal layers give equal text."""
    height = TOP + sum(ROW * len(layer) + GAP for layer in layers) + 14
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-labelledby="title">',
        f'<title id="title">{escape(TITLE)}</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>',
        f'<text class="title" x="{LEFT}" y="34">The house</text>',
        f'<text class="hint" x="{LEFT}" y="56">A room may import from any layer below its own, '
        "and from none above. Doors are tinted.</text>",
        *_arrow(height),
    ]
    return "\n".join([*rows, *_layers(layers), "</svg>", ""])


def _room(root: Path, name: str) -> Room | None:
    path = root.joinpath(*name.split("."))
    file = next(
        (each for each in (path / "__init__.py", path.with_suffix(".py")) if each.exists()), None
    )
    if file is None:
        return None
    said = ast.get_docstring(ast.parse(file.read_text())) or ""
    return Room(name, _first_sentence(said))


def _first_sentence(said: str) -> str:
    sentence = " ".join(said.split("\n\n", maxsplit=1)[0].split()).partition(". ")[0].rstrip(".")
    sentence = sentence.replace("`", "")
    if len(sentence) <= LONGEST:
        return sentence
    return sentence[: LONGEST - 1].rpartition(" ")[0].rstrip(",;:") + " …"


def _arrow(height: int) -> Iterator[str]:
    bottom = height - 26
    yield f'<path class="arrow" d="M24 {TOP + 6} V{bottom} m-6 -9 l6 9 l6 -9"/>'


def _layers(layers: list[list[Room]]) -> Iterator[str]:
    top = TOP
    for layer in layers:
        kind = "door" if any(room.is_door for room in layer) else "layer"
        tall = ROW * len(layer)
        yield (
            f'<rect class="{kind}" x="{LEFT - 12}" y="{top}" width="{WIDTH - LEFT - 4}" '
            f'height="{tall}" rx="6"/>'
        )
        for place, room in enumerate(layer):
            line = top + ROW * place + 20
            name = room.name.removeprefix("mailer.")
            yield f'<text class="name" x="{LEFT}" y="{line}">{escape(name)}</text>'
            yield f'<text class="words" x="{WORDS_AT}" y="{line}">{escape(room.words)}</text>'
        top += tall + GAP


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    target.write_text(draw(read_layers()))
