"""`fpmail campaign report`: for people, for scripts, for a spreadsheet."""

import csv
from pathlib import Path

from mailer.cli.exits import Exit
from tests.cli.conftest import House, Run


def started(fpmail: Run, house: House) -> int:
    for name in ("Jo Example", "Anna Example"):
        house.customer(name)
    number = house.draft()
    assert fpmail("campaign", "start", number).code == Exit.DONE
    return number


def test_a_report_is_told_for_people(fpmail: Run, house: House) -> None:
    said = fpmail("campaign", "report", started(fpmail, house), "--by", "hour")
    assert said.code == Exit.DONE
    assert "Autumn release" in said.out
    assert "fewer than 10" in said.out


def test_what_has_not_started_has_nothing_to_report_and_shows_no_zeros(
    fpmail: Run, house: House
) -> None:
    house.customer("Jo Example")
    number = house.draft()
    said = fpmail("campaign", "report", number)
    assert said.code == Exit.DONE
    assert "It has not started" in said.out
    assert f"fpmail campaign status {number}" in said.out
    assert "audience" not in said.out
    told = fpmail("campaign", "report", number, "--json").json
    assert (told["audience"], told["to_go"]) == (None, None)
    assert told["why_empty"] in said.out
    assert "books,,audience,\r\n" in fpmail("campaign", "report", number, "--csv", "-").out
    fpmail("campaign", "cancel", number)
    assert "It was cancelled before it started." in fpmail("campaign", "report", number).out


def test_json_is_the_same_document_as_the_apis(fpmail: Run, house: House) -> None:
    told = fpmail("campaign", "report", started(fpmail, house), "--json").json
    assert (told["audience"], told["to_go"], told["zone"]) == (2, 2, "UTC")
    assert told["figures"]["clicks"]["people"] == "fewer than 10"


def test_csv_goes_to_a_file_or_to_standard_output(
    fpmail: Run, house: House, tmp_path: Path
) -> None:
    number = started(fpmail, house)
    file = tmp_path / "report.csv"
    assert fpmail("campaign", "report", number, "--csv", file).code == Exit.DONE
    assert b"\r\n" in file.read_bytes()
    rows = list(csv.reader(file.read_bytes().decode().splitlines()))
    assert ["books", "", "audience", "2"] in rows
    said = fpmail("campaign", "report", number, "--csv", "-")
    assert said.out.startswith("part,of,figure,value")


def test_what_cannot_be_told_is_refused_in_one_line(fpmail: Run, house: House) -> None:
    number = started(fpmail, house)
    said = fpmail("campaign", "report", number, "--zone", "Mars/Olympus")
    assert (said.code, said.err.count("\n")) == (Exit.FAILED, 1)
    assert "time zone database" in said.err
    both = fpmail("campaign", "report", number, "--json", "--csv", "-")
    assert both.code == Exit.USAGE
    assert fpmail("campaign", "report", 99).code == Exit.FAILED
