"""The result as a table for a terminal, and as tables in Markdown for docs/performance.md."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from bench.values import Result, Row


def print_table(result: Result, console: Console) -> None:
    """Print every row, and below it what was checked and what there is to know."""
    drawn = Table(title=machine_line(result), title_justify="left", show_lines=True)
    for name in ("measure", "size", "ours", "beside", "ratio", "reach", ""):
        drawn.add_column(name, justify="right" if name in ("size", "ratio", "reach") else "left")
    for row in result.rows:
        drawn.add_row(*cells(row))
    console.print(drawn)
    for row in result.rows:
        console.print(f"{row.spec.measure}:", style="dim")
        for note in filter(None, (row.checked, *row.notes)):
            console.print(Padding(note, (0, 0, 0, 2), expand=False), style="dim")


def cells(row: Row) -> list[str]:
    """Return a row's cells in words; a figure that was not measured is a dash."""
    return [
        row.spec.measure,
        f"{row.size:,}" if row.size else "–",
        f"{figure(row.ours)} {row.spec.unit}",
        beside(row),
        f"{figure(row.ratio)} ×",
        f"{row.spec.reach:g} ×",
        verdict(row),
    ]


def beside(row: Row) -> str:
    """Say what a row stands beside, with its figure; a goal is a figure itself."""
    if row.spec.is_goal:
        return f"goal {row.spec.yardstick}"
    return f"{row.spec.yardstick}: {figure(row.yardstick)} {row.spec.unit}"


def verdict(row: Row) -> str:
    """Say how a row ended."""
    if row.is_broken:
        return "check failed"
    if row.ratio is None:
        return "not measured"
    return "reached" if row.reached else "not reached"


def figure(value: float | None) -> str:
    """Write a figure with three digits that count; large ones whole."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def machine_line(result: Result) -> str:
    """Say in a line how much of a run it was, and on what machine."""
    machine = result.machine
    run = f"A {machine['run']} run" if result.is_whole else f"Part of a {machine['run']} run"
    return (
        f"{run}: {machine['cores']} × {machine['cpu']}, {machine['memory_gb']} GB, {machine['system']},"
        f" {machine['kernel']}, Python {machine['python']}, {str(machine['date'])[:10]}"
    )


def markdown(result: Result) -> str:
    """Return the machine, the table and its notes as Markdown."""
    head = ["measure", "size", "ours", "beside", "ratio", "reach", ""]
    lines = [f"{machine_line(result)}.", ""]
    lines += [_line(head), _line(["---"] * len(head))]
    lines += [_line(cells(row)) for row in result.rows]
    lines += ["", *(_told(row) for row in result.rows)]
    return "\n".join(lines)


def _line(words: Sequence[str]) -> str:
    return f"| {' | '.join(words)} |"


def _told(row: Row) -> str:
    told = "; ".join(filter(None, (row.checked, *row.notes)))
    name = "goal " * row.spec.is_goal + row.spec.yardstick
    return f"- {row.spec.measure} ({name}): {told}."
