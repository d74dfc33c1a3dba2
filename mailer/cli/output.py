"""What a command says: a table or sentences for people, JSON for scripts, a bar on a terminal only."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

UNWRAPPED = 100_000
"""Columns where nothing is to be wrapped."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def say(text: str) -> None:
    """Print one line for people."""
    click.echo(text)


def say_json(value: object) -> None:
    """Print one JSON document in one line."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table as wide as the terminal; nothing in it is taken for markup.

    Where no terminal reads it, no line is wrapped.
    """
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", show_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    width = None if sys.stdout.isatty() else UNWRAPPED
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(drawn)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def facts(pairs: Mapping[str, object]) -> None:
    """Print names and values, one to a line."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        click.echo(f"{name:<{width}}  {_cell(value)}")


@contextmanager
def progress(label: str, *, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """Yield `advance_to(done, total)`; a bar on stderr where that is a terminal, else silence."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return short(value) if isinstance(value, datetime) else str(value)


def short(at: datetime) -> str:
    """Write a moment for people: to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _plain(value: Any) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
