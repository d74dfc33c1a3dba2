"""The result as pictures: the ratios, and where the time of one person goes (SVG, light and dark)."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from bench.show import figure
from bench.values import Row

WIDTH, LEFT, RIGHT, LINE = 860, 430, 90, 34
SHADES = ("#2f6f8f", "#d9822b", "#4d8c57", "#8f5a99", "#b5524a", "#7a7f35", "#5b6b8c", "#8a8a8a")
STYLE = """
<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .dim { fill: #57606a } .axis { stroke: #57606a; stroke-dasharray: 3 3 }
  .yes { fill: #2f6f8f } .no { fill: #d9822b }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .dim { fill: #9da7b1 } .axis { stroke: #9da7b1 }
    .yes { fill: #6fb3d2 } .no { fill: #f0a35e }
  }
</style>
"""


def ratios(rows: Sequence[Row]) -> str:
    """Draw how far each row came on its way to what is to be reached; the scale is logarithmic."""
    measured = [row for row in rows if row.ratio is not None]
    height = LINE * len(measured) + 40
    body = [_ratio(row, n) for n, row in enumerate(measured)]
    goal = _x(1.0)
    axis = f'<line class="axis" x1="{goal:.0f}" y1="24" x2="{goal:.0f}" y2="{height - 8}"/>'
    title = f'<text class="dim" x="{goal:.0f}" y="16" text-anchor="middle">to be reached</text>'
    return _document(height, "How each measure stands to what it is to reach", [title, axis, *body])


def _ratio(row: Row, n: int) -> str:
    part = (row.ratio or 0) / row.spec.reach
    y, x, goal = 32 + n * LINE, _x(part), _x(1.0)
    kind = "yes" if row.reached else "no"
    start, end = min(x, goal), max(x, goal)
    at, anchor = (end + 6, "start") if x >= goal else (start - 6, "end")
    words = f"{figure(row.ratio)} × of {row.spec.reach:g} ×"
    return (
        f'<text x="0" y="{y + 15}">{escape(_short(row.spec.measure))}</text>'
        f'<rect class="{kind}" x="{start:.1f}" y="{y + 3}" width="{max(end - start, 2):.1f}"'
        f' height="16" rx="3"/>'
        f'<text class="dim" x="{at:.1f}" y="{y + 15}" text-anchor="{anchor}">{words}</text>'
    )


def _x(part: float) -> float:
    """Place a share of the goal between a thousandth and a thousandfold on a logarithmic axis."""
    room = WIDTH - LEFT - 2 * RIGHT
    exponent = max(-2.0, min(2.0, math.log10(max(part, 1e-9))))
    return LEFT + RIGHT + room * (exponent + 2.0) / 4.0


def _short(text: str) -> str:
    return text if len(text) <= 62 else f"{text[:60]}…"


def spent(parts: Mapping[str, float]) -> str:
    """Draw where the microseconds of one person go, the largest first."""
    ranked = sorted(parts.items(), key=lambda part: -part[1])
    most = max(parts.values(), default=1.0) or 1.0
    body = []
    for n, (name, us) in enumerate(ranked):
        y, width = 32 + n * LINE, (WIDTH - 330 - RIGHT) * us / most
        body.append(
            f'<text x="0" y="{y + 15}">{escape(name)}</text>'
            f'<rect x="330" y="{y + 3}" width="{max(width, 1):.1f}" height="16" rx="3"'
            f' fill="{SHADES[n % len(SHADES)]}"/>'
            f'<text class="dim" x="{336 + width:.1f}" y="{y + 15}">{us:.0f} µs</text>'
        )
    head = f'<text class="dim" x="330" y="16">{sum(parts.values()):.0f} µs for each person</text>'
    return _document(LINE * len(ranked) + 40, "Where the time of one person goes", [head, *body])


def _document(height: int, title: str, body: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"{STYLE}{''.join(body)}</svg>\n"
    )
