"""docs/command-line.md tells of every command, option and exit code, and of no other."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mailer.cli import cli
from mailer.cli.exits import MEANING, Exit

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")


def commands(group: click.Group, path: str = "fpmail") -> Iterator[tuple[str, click.Command]]:
    """Walk the tree and give each command that does something with its whole name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


TREE = dict(commands(cli))


def test_the_page_lists_exactly_the_commands_that_there_are() -> None:
    headings = re.findall(r"^### `(fpmail [a-z -]+?)(?: [A-Z\[].*)?`$", PAGE, re.MULTILINE)
    assert headings == list(dict.fromkeys(headings))
    assert set(headings) == set(TREE)


@pytest.mark.parametrize("name", TREE)
def test_the_page_names_every_option_and_argument_of_a_command(name: str) -> None:
    section = PAGE.split(f"### `{name}", 1)[1].split("\n#", 1)[0]
    for parameter in TREE[name].params:
        if isinstance(parameter, click.Argument):
            wanted = parameter.make_metavar(click.Context(TREE[name]))
            assert wanted.strip("{}[]").upper() in section.upper(), parameter.name
        else:
            assert max(parameter.opts, key=len) in section, parameter.name


@pytest.mark.parametrize("name", TREE)
def test_every_command_says_what_it_does(name: str) -> None:
    assert TREE[name].help


def test_the_page_lists_every_exit_code_with_its_meaning() -> None:
    listed = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", PAGE, re.MULTILINE))
    assert listed == {str(code.value): meaning for code, meaning in MEANING.items()}
    assert set(MEANING) == set(Exit)
