"""`fpmail campaign show`: the letter, the audience in a sentence, the plan."""

import json

from mailer.cli.exits import Exit
from mailer.letters import PromotionalContent
from tests.cli.conftest import House, Run

DRAFT = {
    "name": "Autumn release",
    "topic": "company_news",
    "content": PromotionalContent.sample().fields,
    "audience": {"rule": {"kind": "country", "any_of": ["DE"]}},
    "pace": {"per_minute": 600},
}


def made(fpmail: Run, **more: object) -> int:
    file = json.dumps({**DRAFT, **more})
    number: int = fpmail("campaign", "create", "-", "--json", stdin=file).json["campaign"]
    return number


def test_a_draft_shows_its_letter_and_whom_it_goes_to(fpmail: Run, house: House) -> None:
    number = made(fpmail)
    said = fpmail("campaign", "show", number)
    assert said.code == Exit.DONE
    assert "Customers who live in Germany (DE)." in said.out
    assert PromotionalContent.sample().subject in said.out
    assert "The fiscal journal follows the rules of 2027 already." in said.out
    assert "pace      600 a minute" in said.out
    assert "leaves" not in said.out
    assert "preheader" in said.out
    assert fpmail("campaign", "show", 99).code == Exit.FAILED


def test_a_scheduled_campaign_shows_its_plan_by_the_clock_that_it_names(
    fpmail: Run, house: House
) -> None:
    number = made(fpmail)
    fpmail("campaign", "schedule", number, "2098-12-02T09:00", "--zone", "Europe/Berlin")
    assert "on Tuesday 2098-12-02 at 09:00, Europe/Berlin" in fpmail("campaign", "show", number).out


def test_a_split_test_shows_what_differs_in_each_variant(fpmail: Run, house: House) -> None:
    variants = [
        {"name": "Plain"},
        {"name": "Question", "content": {"subject": "Is it fast?"}, "later_minutes": 60},
    ]
    said = fpmail("campaign", "show", made(fpmail, split={"variants": variants})).out
    plain, question = said.split("Variant “")[1:]
    assert "subject" not in plain
    assert "Is it fast?" in question
    assert "later minutes  60" in question


def test_a_split_test_shows_who_tries_it_and_who_gets_nothing(fpmail: Run, house: House) -> None:
    variants = [{"name": "Plain"}, {"name": "Question", "content": {"subject": "Is it fast?"}}]
    sample = {"percent": 20, "wait_minutes": 240, "again_minutes": 60, "otherwise": "all"}
    split = {"variants": variants, "measure": "opt_outs", "sample": sample, "holdout_percent": 5}
    said = fpmail("campaign", "show", made(fpmail, split=split)).out
    assert "opt-outs" in said
    assert "20 % of the audience; the others wait for the choice" in said
    assert "240 minutes after the sample's last moment, once more after 60" in said
    assert "the others get their own by share" in said
    assert "5 % of the audience get nothing" in said


def test_a_preview_of_a_split_test_says_when_the_last_of_a_zone_are_due(
    fpmail: Run, house: House
) -> None:
    house.crowd(12)
    later = [{"name": "Plain"}, {"name": "Late", "later_minutes": 90}]
    number = made(fpmail, audience={}, split={"variants": later})
    words = ("campaign", "schedule", number, "2098-12-02T09:00", "--zone", "UTC", "--preview")
    lines = fpmail(*words).out.splitlines()
    zones = [each for each in lines if "2098-12-02 09:00" in each and "2098-12-02 10:30" in each]
    assert len(zones) == 1


def test_what_scripts_are_shown_can_be_sent_again(fpmail: Run, house: House) -> None:
    number = made(fpmail)
    told = fpmail("campaign", "show", number, "--json").json
    assert told["audience_sentence"] == "Customers who live in Germany (DE)."
    assert told["audience"] == DRAFT["audience"]
    again = {name: told[name] for name in DRAFT}
    copy = fpmail("campaign", "create", "-", "--json", stdin=json.dumps(again)).json["campaign"]
    assert fpmail("campaign", "show", copy, "--json").json["content"] == told["content"]


def test_the_status_says_plan_and_pace_in_the_words_of_show(fpmail: Run, house: House) -> None:
    number = house.draft()
    fpmail("campaign", "schedule", number, "2099-12-02T09:00", "--zone", "Europe/Berlin", "--local")
    fpmail("campaign", "pace", number, "--per-minute", "300")
    shown, status = (fpmail("campaign", which, number).out for which in ("show", "status"))
    for line in ("leaves", "pace"):
        (said,) = (each for each in shown.splitlines() if each.startswith(line))
        (told,) = (each for each in status.splitlines() if each.startswith(line))
        assert said.split() == told.split()
    assert "by everybody's own clock" in status
    assert "per_minute" not in status
    assert "local True" not in status
    told = fpmail("campaign", "status", number, "--json").json
    assert told["pace"] == {"per_minute": 300}
    assert told["plan"]["local"] is True
