"""Digests by the command line: written in a file, looked at before they are cut."""

import json
from pathlib import Path

from mailer.letters import PromotionalContent
from tests.cli.conftest import House, Run


def test_a_digest_is_written_in_the_file_and_looked_at(
    house: House, fpmail: Run, tmp_path: Path
) -> None:
    told = {
        "name": "All in one mail",
        "topic": "company_news",
        "content": PromotionalContent.sample().fields,
        "digest": {"within_days": 21},
    }
    file = tmp_path / "campaign.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    made = fpmail("campaign", "create", file, "--json").json
    assert made["digest"] == {"within_days": 21}
    ahead = fpmail("campaign", "digest", made["campaign"], "--json").json
    few = "fewer than 10"
    assert (ahead["audience"], ahead["letters"], ahead["told_of"]) == (few, few, [])
    assert "Different letters: fewer than 10." in fpmail("campaign", "digest", made["campaign"]).out
    plain = fpmail("campaign", "digest", house.draft())
    assert (plain.code, "is no digest" in plain.err) == (1, True)


def test_a_digest_that_cannot_be_made_is_refused_in_a_line(fpmail: Run, tmp_path: Path) -> None:
    file = tmp_path / "campaign.json"
    told = {"name": "All", "topic": "company_news", "content": PromotionalContent.sample().fields}
    file.write_text(json.dumps({**told, "digest": {"within_days": 90}}), encoding="utf-8")
    refused = fpmail("campaign", "create", file)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "within_days" in refused.err
