"""The documents say what is so: settings, links, decisions, licence."""

import re
from enum import Enum
from pathlib import Path

import pytest

from mailer.settings import Settings

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs" / "operations.md"
VARIABLE = re.compile(r"\bMAILER_[A-Z_]+\b")
SETTING = re.compile(r"\| `(MAILER_[A-Z_]+)` \| (?:`([^|]*)`|–) \| .+ \|")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
BARE_PROGRAM = re.compile(
    r"(?<!\.venv/bin/)\b(?:python3? -m (?:mailer|tests|bench|pytest)|pytest )"
)
"""What a fresh clone has in `.venv/bin` alone."""
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def variables() -> dict[str, str]:
    """Each setting's variable with its default, as the table writes it."""
    return {
        f"MAILER_{name.upper()}": _written(field.default)
        for name, field in Settings.model_fields.items()
    }


def _written(default: object) -> str:
    if isinstance(default, Enum):
        return str(default.value)
    if isinstance(default, float | int):
        return f"{default:g}"
    return str(default) if default != () else ""


def test_operations_has_every_setting_with_its_default_and_no_other() -> None:
    rows = [SETTING.fullmatch(line) for line in OPERATIONS.read_text().splitlines()]
    told = {row[1]: row[2] or "" for row in rows if row}
    assert told == variables()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_variable_that_does_not_exist(page: Path) -> None:
    assert set(VARIABLE.findall(page.read_text())) - variables().keys() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [target for target in targets if not _is_there(page, target)] == []


def _is_there(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not anchor or anchor in _anchors(file))


def _anchors(page: Path) -> set[str]:
    headings = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", each).strip().lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"])
def test_a_command_of_a_checkout_is_written_so_that_a_fresh_clone_has_it(page: Path) -> None:
    assert BARE_PROGRAM.findall(page.read_text()) == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_a_page_that_tells_of_commands_leads_to_where_they_lie(page: Path) -> None:
    text = page.read_text()
    told = ".venv/bin/fpmail" in text or "(command-line.md)" in text
    assert told or "fpmail " not in text


def test_where_commands_lie_is_told_before_the_first_of_them() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "command-line.md"):
        told, first = page.read_text().index(".venv/bin/fpmail"), page.read_text().index("\n```sh")
        assert told < first


def test_the_index_of_decisions_holds_each_under_its_own_title() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    decisions = [file for file in folder.glob("*.md") if file.name != "README.md"]
    missing = [
        file.name
        for file in decisions
        if f"- [{file.read_text().splitlines()[0].removeprefix('# ')}]({file.name})" not in index
    ]
    assert missing == []


def test_every_decision_has_its_four_parts() -> None:
    parts = ("**Context.**", "**Decision.**", "**Consequences.**", "**Alternatives.**")
    folder = ROOT / "docs" / "decisions"
    short = [
        file.name
        for file in folder.glob("*.md")
        if file.name != "README.md" and not all(part in file.read_text() for part in parts)
    ]
    assert short == []


def test_the_readme_names_the_two_commands_and_what_is_not_there() -> None:
    readme = (ROOT / "README.md").read_text()
    for words in ("`make run`", "`make test`", "docs/house.svg", "## What is not there yet"):
        assert words in readme


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
