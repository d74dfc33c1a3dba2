"""Checks, approval and copies of campaigns by the command line."""

import pytest

from mailer import access, campaigns
from mailer.cli.house import the_actor
from tests.cli.conftest import NOW, House, Run


def test_check_tells_what_was_found_and_ends_well_where_nothing_stops_it(
    house: House, fpmail: Run
) -> None:
    said = fpmail("campaign", "check", house.draft())
    assert said.code == 0
    assert "Fewer than 10 people, or nobody, belong to the audience now." in said.out
    told = fpmail("campaign", "check", house.draft(), "--json").json
    assert told["audience"] == "fewer than 10"
    assert {each["check"] for each in told["findings"]} == {"sender", "audience"}


def test_a_second_person_approves_by_name(
    house: House, fpmail: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_APPROVAL_ABOVE", "0")
    number = house.draft()
    stopped = fpmail("campaign", "check", number)
    assert (stopped.code, "approval" in stopped.out) == (1, True)
    refused = fpmail("campaign", "start", number)
    assert refused.code == 1
    assert "nobody else has approved it" in refused.err
    stale = fpmail("campaign", "approve", number, "--by", "Anna Becker", "--revision", "0" * 16)
    assert (stale.code, "look again" in stale.err) == (1, True)
    approved = fpmail("campaign", "approve", number, "--by", "Anna Becker", "--json").json
    assert approved["approved_by"] == "command_line:Anna Becker"
    assert fpmail("campaign", "start", number, "--json").json["state"] == "sending"
    assert fpmail("campaign", "pause", number, "--reason", "Complaints rose.").code == 0
    assert fpmail("campaign", "resume", number, "--reason", "jo@example.com asked").code == 1


def test_what_was_approved_for_a_moment_is_taken_back_and_approved_to_start_now(
    house: House, fpmail: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_APPROVAL_ABOVE", "0")
    number = house.draft()
    said = fpmail("campaign", "approve", number, "--by", "Ada").out
    assert "is a draft, approved by command_line:Ada." in said
    said = fpmail("campaign", "schedule", number, "2099-12-02T14:00:00Z").out
    assert "is scheduled for 2099-12-02 14:00 UTC, approved by command_line:Ada." in said
    refused = fpmail("campaign", "start", number)
    assert (refused.code, "back to the drafts first" in refused.err) == (1, True)
    assert "is a draft." in fpmail("campaign", "unschedule", number).out
    assert fpmail("campaign", "approve", number, "--by", "Ada").code == 0
    assert "is sending." in fpmail("campaign", "start", number).out


def test_a_second_approval_says_whose_stands(house: House, fpmail: Run) -> None:
    number = house.draft()
    assert "already" not in fpmail("campaign", "approve", number, "--by", "Ada").out
    second = fpmail("campaign", "approve", number, "--by", "Anna Becker")
    assert second.code == 0
    assert "It was already approved by command_line:Ada; that approval stands." in second.out
    assert "already" not in fpmail("campaign", "approve", number, "--by", "Ada").out


def test_a_key_that_approved_is_named_as_staff_named_it(house: House, fpmail: Run) -> None:
    with house.parts.database.transaction() as session:
        made = access.create_key(
            session,
            name="Ada at the till",
            scopes=[access.ApiScope.APPROVE],
            secret_bytes=bytes(32),
            now=NOW,
        )
    actor = f"api_key:{made.id}"
    for by, words in ((actor, f"Ada at the till ({actor})"), ("api_key:999", "api_key:999")):
        number = house.draft()
        with house.parts.database.transaction() as session:
            campaigns.approve(session, number, brand=house.parts.brand, by=by, now=NOW)
        assert words in fpmail("campaign", "status", number).out
        told = fpmail("campaign", "status", number, "--json").json
        assert (told["approved_by"], told["approved_by_name"]) == (by, words.split(" (")[0])


def test_whoever_wrote_it_by_command_line_approves_it_under_no_name_of_theirs(
    house: House, fpmail: Run
) -> None:
    login = the_actor().removeprefix("command_line:")
    assert login
    number = fpmail("campaign", "clone", house.draft(), "--json").json["campaign"]
    refused = fpmail("campaign", "approve", number, "--by", login)
    assert (refused.code, "cannot approve it" in refused.err) == (1, True)
    assert fpmail("campaign", "approve", number, "--by", "Anna Becker").code == 0
    with house.parts.database.reading() as session:
        made = campaigns.campaign_of(session, campaigns.CampaignId(number))
    assert (made.created_by, made.approved_by) == (the_actor(), "command_line:Anna Becker")


def test_an_address_is_no_name(house: House, fpmail: Run) -> None:
    assert fpmail("campaign", "approve", house.draft(), "--by", "jo@example.com").code == 2


def test_a_copy_is_a_draft_with_its_own_number(house: House, fpmail: Run) -> None:
    number = house.draft()
    fpmail("campaign", "cancel", number)
    copy = fpmail("campaign", "clone", number, "--name", "Winter release", "--json").json
    assert (copy["campaign"], copy["name"], copy["state"]) == (
        number + 1,
        "Winter release",
        "draft",
    )


def test_a_test_goes_to_staff_alone(house: House, fpmail: Run) -> None:
    number = house.draft()
    said = fpmail("campaign", "test", number, "anna@focalpointsystem.com", "--json")
    assert len(said.json["mailings"]) == 1
    refused = fpmail("campaign", "test", number, "jo@example.com", "--reader", "unknown")
    assert refused.code == 1
    assert "jo@example.com" not in refused.err
    assert fpmail("campaign", "test", number, "anna").code == 1
