"""docs/letters.md tells of every merge field and filter, and its examples read as it says."""

import re
from pathlib import Path

import pytest

from mailer.letters.allowed import FILTERS, LONGEST_LIST, refusals
from mailer.letters.person import FALLBACKS, LONGEST, MERGE_FIELDS
from mailer.letters.subjects import subject_for

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "letters.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^\| `(.*[{].*)` \| (.*?) ?\| (.*?) ?\|$", re.MULTILINE)
JO = {
    "first_name": "Jo",
    "name": "Jo Example",
    "city": "Kiel",
    "country": "Germany",
    "country_code": "DE",
}


def test_the_page_lists_exactly_the_merge_fields_with_what_is_read_instead() -> None:
    listed = dict(re.findall(r"^\| `([a-z_]+)` \| .+ \| (.+) \|$", PAGE, re.MULTILINE))
    assert listed == {name: FALLBACKS[name] for name in MERGE_FIELDS}


def test_the_page_lists_exactly_the_filters_and_the_limits() -> None:
    listed = PAGE.split("- **Filters**: ", 1)[1].splitlines()[0]
    assert set(re.findall(r"`(\w+)`", listed)) == FILTERS
    assert f"up to {LONGEST_LIST} entries" in PAGE
    assert f"longer than {LONGEST} signs" in PAGE


EXAMPLES = [(each[0].replace(r"\|", "|"), each[1], each[2]) for each in EXAMPLE.findall(PAGE)]


def test_the_page_shows_each_filter_and_command_once_at_least() -> None:
    shown = " ".join(source for source, _, _ in EXAMPLES)
    assert [
        word for word in (*FILTERS, "if", "elif", "else", "for", "or") if word not in shown
    ] == []


@pytest.mark.parametrize(("source", "jo", "nobody"), EXAMPLES)
def test_an_example_of_the_page_is_allowed_and_reads_as_it_says(
    source: str, jo: str, nobody: str
) -> None:
    assert refusals(source, MERGE_FIELDS) == []
    assert subject_for(source, JO).strip() == jo
    assert subject_for(source, {}).strip() == nobody


def test_the_readme_and_the_campaigns_of_the_api_lead_to_the_page() -> None:
    assert "(docs/letters.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(letters.md)" in (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
