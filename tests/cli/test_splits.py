"""Split tests by the command line: written in a file, chosen by hand, told in the report."""

import json
from pathlib import Path

from mailer.letters import PromotionalContent
from tests.cli.conftest import House, Run

VARIANTS = [{"name": "Plain"}, {"name": "Question", "content": {"subject": "Why 9?"}}]
SPLIT = {
    "variants": VARIANTS,
    "sample": {"percent": 50, "wait_minutes": 60},
}


def a_file(folder: Path, **split: object) -> Path:
    file = folder / "campaign.json"
    told = {
        "name": "Autumn release",
        "topic": "company_news",
        "content": PromotionalContent.sample().fields,
        "split": {**SPLIT, **split},
    }
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def test_a_split_is_written_in_the_file_and_chosen_by_hand(
    house: House, fpmail: Run, tmp_path: Path
) -> None:
    for number in range(12):
        house.customer(f"Jo {number}")
    number = fpmail("campaign", "create", a_file(tmp_path), "--json").json["campaign"]
    assert fpmail("campaign", "choose", number, "Plain").code == 1
    assert fpmail("campaign", "start", number).code == 0
    assert fpmail("campaign", "choose", number).code == 2
    assert fpmail("campaign", "choose", number, "Plain", "--all").code == 2
    unknown = fpmail("campaign", "choose", number, "Loud")
    assert (unknown.code, "It has: Plain, Question." in unknown.err) == (1, True)
    chosen = fpmail("campaign", "choose", number, "--all", "--reason", "Both are good.", "--json")
    assert chosen.json["choice"]["variant"] is None
    assert chosen.json["choice"]["why"] == "Both are good."
    assert "by_hand" in fpmail("campaign", "status", number).out
    told = fpmail("campaign", "report", number).out
    assert "Variants by clicks" in told
    assert "Question" in told


def test_a_split_that_cannot_be_made_is_refused_in_one_line(fpmail: Run, tmp_path: Path) -> None:
    refused = fpmail("campaign", "create", a_file(tmp_path, variants=VARIANTS[:1]))
    assert refused.code == 1
    assert "nothing to compare" in refused.err
    assert refused.err.count("\n") == 1
