"""The table that was promised: its rows, what each is to reach, sizes, and the page that shows it."""

import re
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from bench import picture
from bench.letter import LINKS, large_letter
from bench.machine import describe
from bench.measures import MEASURES
from bench.measures.clicks import BROWSER
from bench.page import DOCS, kept_result, with_figures
from bench.spending import ELSEWHERE, place_of
from bench.values import FULL, LARGEST_QUICK, QUICK, Better, Result, Row, Spec
from mailer.cli import cli
from mailer.letters import MERGE_FIELDS, Brand, compile_promotional
from mailer.measure import Kind
from mailer.vocabulary import Topic
from preference_center.plain_click import plain_click

ROOT = Path(__file__).parents[2]
SPECS = [spec for measure in MEASURES for spec in measure.specs]
BRAND = Brand(
    company="FocalPoint",
    postal_address="FocalPoint, 10 Corporate Place South, Piscataway, NJ 08854",
    care_email="care@example.com",
    care_phone="",
    public_url="https://mail.example.com",
    shop_url="https://www.focalpointsystem.com",
)


def test_every_promised_measure_is_there_with_what_it_is_to_reach() -> None:
    assert [spec.reach for spec in SPECS] == [
        1.0, 50.0, 0.15, 3.0, 5.0, 1.0, 1.0, 1.0, 0.05, 0.9, 1.0, 1.0,
    ]  # fmt: skip


def test_no_two_rows_go_by_the_same_name_beside_the_same_yardstick() -> None:
    assert len({(spec.measure, spec.yardstick) for spec in SPECS}) == len(SPECS)


def test_times_bytes_and_memory_are_better_when_they_are_less() -> None:
    less = {spec.unit for spec in SPECS if spec.better is Better.LESS}
    assert less == {"µs", "bytes", "MB", "s", "ms"}
    assert all(spec.unit.endswith("/s") for spec in SPECS if spec.better is Better.MORE)


def test_a_full_run_takes_five_pairs_and_a_quick_one_no_size_that_is_large() -> None:
    assert FULL.pairs == 5
    assert QUICK.pick(LARGEST_QUICK, 1_000_000) == LARGEST_QUICK
    assert FULL.pick(LARGEST_QUICK, 1_000_000) == 1_000_000
    with pytest.raises(ValueError, match="no size for a quick run"):
        QUICK.pick(LARGEST_QUICK + 1, 1_000_000)


def test_the_letter_is_the_one_that_was_promised() -> None:
    letter = large_letter(datetime(2026, 11, 22, tzinfo=UTC))
    compiled = compile_promotional(letter, topic=Topic.SOFTWARE_UPDATES, brand=BRAND)
    assert len(compiled.targets) == LINKS == 12
    source = f"{letter.subject} {letter.heading} {letter.body_markdown}"
    fields = re.findall(r"\{\{ (\w+) \}\}", source)
    assert set(fields) >= set(MERGE_FIELDS)
    assert len([name for name in fields if name in MERGE_FIELDS]) >= 8
    assert "{% if " in source
    assert "{% for " in source


def test_the_machine_is_described_without_its_name() -> None:
    machine = describe(datetime(2026, 11, 22, tzinfo=UTC))
    assert machine["date"] == "2026-11-22T00:00:00+00:00"
    assert machine["cores"] >= 1
    assert {"cpu", "memory_gb", "kernel", "python", "versions"} <= machine.keys()
    assert not {"hostname", "user"} & machine.keys()


def test_the_page_shows_the_figures_of_the_kept_result_and_no_others() -> None:
    page = (DOCS / "performance.md").read_text(encoding="utf-8")
    assert with_figures(page, kept_result()) == page


def test_the_pictures_are_those_of_the_kept_result() -> None:
    kept = kept_result()
    assert (DOCS / "performance" / "ratios.svg").read_text("utf-8") == picture.ratios(kept.rows)
    assert (DOCS / "performance" / "spent.svg").read_text("utf-8") == picture.spent(kept.spent)


def test_new_figures_replace_the_old_ones_on_the_page() -> None:
    row = Row(Spec("parcels carried", "parcels/s", "a mule", 2.0), 7, 4.0, 1.0, 4.0, "counted")
    machine = describe(datetime(2026, 11, 22, tzinfo=UTC)) | {"run": "quick"}
    page = "above\n<!-- figures -->\nold\n<!-- /figures -->\nbelow\n"
    once = with_figures(page, Result(machine, (row,)))
    assert "| parcels carried | 7 | 4 parcels/s |" in once
    assert "old" not in once
    assert once.startswith("above\n")
    assert with_figures(once, Result(machine, (row,))) == once


def test_a_picture_is_well_formed_and_tells_each_ratio() -> None:
    rows = [
        Row(Spec("less than <asked>", "x/s", "y", 50.0), 1, 5.0, 1.0, 5.0),
        Row(Spec("more than asked", "x/s", "y", 1.0), 1, 3.0, 1.0, 3.0),
        Row(Spec("not measured", "x/s", "y", 1.0)),
    ]
    drawn = picture.ratios(rows)
    text = "".join(ElementTree.fromstring(drawn).itertext())  # noqa: S314 - drawn a line above
    assert "less than <asked>" in text
    assert "5 × of 50 ×" in text
    assert "3 × of 1 ×" in text
    assert "not measured" not in text


def test_a_moment_outside_every_room_is_counted_as_elsewhere() -> None:
    assert place_of(None) == ELSEWHERE


def test_the_clicks_that_are_measured_are_those_of_a_person() -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in BROWSER.items())
    asked = f"GET /c/a.b/7 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n{head}\r\n"
    assert plain_click(asked.encode()) == ("a.b", 7, Kind.GET)


def test_an_unknown_measure_is_refused_before_anything_starts() -> None:
    refused = CliRunner().invoke(cli, ["bench", "juggling"])
    assert refused.exit_code == 1
    assert "there is no measure juggling; there are: campaign, plain way" in refused.output


def test_the_installation_says_nothing_on_standard_output() -> None:
    recipe = (ROOT / "Makefile").read_text().split(".venv/installed:", 1)[1].split("\n\n", 1)[0]
    speaking = [line for line in recipe.splitlines() if "@echo" in line or "-m pip" in line]
    assert speaking
    assert all(line.endswith(">&2") for line in speaking)
