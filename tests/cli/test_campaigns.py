"""Campaigns on the command line: made, scheduled, steered, settled."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer import campaigns, delivery
from mailer.cli.exits import Exit
from mailer.letters import PromotionalContent
from tests.cli.conftest import NOW, House, Run


def test_a_campaign_is_made_from_a_file_and_steered(
    fpmail: Run, house: House, tmp_path: Path
) -> None:
    house.customer("Jo Example")
    body = {
        "name": "Autumn release",
        "topic": "company_news",
        "content": PromotionalContent.sample().fields,
        "audience": {},
    }
    file = tmp_path / "autumn.json"
    file.write_text(json.dumps(body))
    number = fpmail("campaign", "create", file, "--json").json["campaign"]
    again = fpmail("campaign", "create", "-", "--json", stdin=json.dumps(body)).json["campaign"]
    assert again != number
    before = fpmail("campaign", "status", number, "--json").json
    few = "fewer than 10"
    assert before["books"] == {"audience": few, "allowed": few, "held": few, "refused": {}}
    scheduled = fpmail("campaign", "schedule", number, "2099-12-02T14:00:00Z", "--json").json
    assert scheduled["state"] == "scheduled"
    for act, state in (
        ("start", "sending"),
        ("pause", "paused"),
        ("resume", "sending"),
        ("cancel", "cancelled"),
    ):
        said = fpmail("campaign", act, number)
        assert said.code == Exit.DONE
        assert state in said.out
    after = fpmail("campaign", "status", number, "--json").json
    assert (after["books"]["audience"], after["books"]["cancelled"]) == (1, 1)
    assert "Autumn release" in fpmail("campaign", "list").out
    assert len(fpmail("campaign", "list", "--json").json) == 2
    assert "cancelled" in fpmail("campaign", "status", number).out


def test_what_a_campaign_does_not_allow_ends_with_1_and_says_what_it_does(
    fpmail: Run, house: House
) -> None:
    number = house.draft()
    said = fpmail("campaign", "pause", number)
    assert said.code == Exit.FAILED
    assert (
        "Possible now: edit, schedule, start, cancel, approve, test, clone, pace, brake, delete."
        in said.err
    )
    assert fpmail("campaign", "start", 99).code == Exit.FAILED
    assert fpmail("campaign", "schedule", number, "tomorrow").code == Exit.USAGE
    assert fpmail("campaign", "schedule", number, "2026-12-02T14:00:00").code == Exit.USAGE
    assert fpmail("campaign", "schedule", number, "2001-01-01T00:00:00Z").code == Exit.FAILED


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"name": "x", "topic": "none", "content": {}}',
        '{"name": "x", "topic": "company_news", "content": {"subject": "s"}}',
        '{"name": "x", "topic": "company_news", "content": {}, "html": ""}',
        '{"name": "x", "topic": "company_news", "content": {}, "audience": {"a": 1}}',
    ],
)
def test_a_campaign_file_that_makes_no_sense_is_told_in_one_line(
    fpmail: Run, house: House, text: str
) -> None:
    said = fpmail("campaign", "create", "-", stdin=text)
    assert said.code == Exit.FAILED
    assert said.err.startswith("fpmail: ")
    assert said.err.count("\n") == 1


def test_every_fault_of_a_campaign_file_is_told_with_its_place_and_what_mends_it(
    fpmail: Run,
) -> None:
    text = '{"name": "x", "topic": "none", "content": {"subject": "s"}, "pace": {"per_minut": 3}}'
    said = fpmail("campaign", "create", "-", stdin=text).err
    assert "topic is none of the words that there are: send one of: company_news" in said
    assert "content.heading is missing" in said
    assert "pace.per_minut is no field that we know" in said


def test_the_status_of_a_draft_names_nothing_that_it_has_not(fpmail: Run, house: House) -> None:
    status = fpmail("campaign", "status", house.draft()).out
    assert "–" not in status
    assert "audience" in status


def test_a_campaign_shows_when_it_started_and_why_people_were_left_out(
    fpmail: Run, house: House
) -> None:
    house.crowd(10)
    fpmail("remove", house.customer("Anna Becker").email)
    number = house.draft()
    fpmail("campaign", "schedule", number, "2099-12-02T14:00:00Z")
    assert "2099-12-02 14:00 UTC" in fpmail("campaign", "list").out
    status = fpmail("campaign", "status", number).out
    assert "not.all" in status
    assert "stopped all promotional mail" in status
    fpmail("campaign", "start", number)
    listed = fpmail("campaign", "list").out
    assert "2099" not in listed
    assert f"{NOW:%Y-%m-%d}" in listed


def test_the_figures_of_a_campaign_under_way_add_up_and_nobody_looks_lost(
    fpmail: Run, house: House
) -> None:
    for name in ("Jo Example", "Anna Becker", "Ada Novak"):
        house.customer(name)
    number = house.draft()
    fpmail("campaign", "start", number)
    told = fpmail("campaign", "status", number).out
    parts = dict(line.rsplit(maxsplit=1) for line in told.splitlines() if line[-1:].isdigit())
    names = ("accepted", "refused", "rejected", "unknown", "cancelled", "to go")
    assert int(parts["audience"]) == sum(int(parts[name]) for name in names) == 3
    assert "is told when nobody is to go any more: 3 are." in told
    assert "-3" not in told
    assert "held" not in told
    _put_off(house)
    assert "of them held  3" in fpmail("campaign", "status", number).out


def _put_off(house: House) -> None:
    with house.parts.database.transaction() as session:
        session.execute(text("UPDATE delivery_batch SET not_before = now() + interval '1 hour'"))


def test_what_changed_since_the_count_is_told_when_nobody_is_to_go(
    fpmail: Run, house: House
) -> None:
    house.customer("Jo Example")
    number = house.draft()
    fpmail("campaign", "start", number)
    fpmail("campaign", "cancel", number)
    told = fpmail("campaign", "status", number).out.split("Since the count of")[1]
    assert [line.split("│")[-1].strip() for line in told.splitlines() if "cancelled" in line] == [
        "1"
    ]


def test_a_brake_that_withholds_a_figure_says_why_and_tells_what_the_books_tell(
    fpmail: Run, house: House
) -> None:
    house.customer("Jo Example")
    number = house.draft()
    fpmail("campaign", "start", number)
    brake = fpmail("campaign", "status", number).out.split("The safety brake")[1]
    rows = {line.split("│")[0].strip(): line for line in brake.splitlines() if "│" in line}
    assert "fewer than 10" not in rows["unknown, but not by a restore"]
    assert "fewer than 10" in rows["rejected, at once or later"]
    assert "is told from ten people on; the books are exact." in brake


def test_a_batch_of_known_fate_cannot_be_settled_by_hand(fpmail: Run, house: House) -> None:
    assert fpmail("batch", "list", "--json").json == []
    said = fpmail("batch", "settle", 7, "--as", "accepted", "--why", "log of 10:41")
    assert said.code == Exit.FAILED
    assert "nobody in batch 7 is of unknown fate" in said.err


def test_a_batch_of_unknown_fate_is_settled_by_evidence(fpmail: Run, house: House) -> None:
    house.customer("Jo Example")
    number = house.draft()
    fpmail("campaign", "start", number)
    batch = _given_up(house)
    assert [each["batch"] for each in fpmail("batch", "list", "--json").json] == [batch]
    said = fpmail("batch", "settle", batch, "--as", "accepted", "--why", "log of 10:41", "--json")
    assert said.json == {"batch": batch, "outcome": "accepted", "people": 1}
    assert fpmail("campaign", "status", number, "--json").json["books"]["accepted"] == 1
    assert fpmail("batch", "list", "--json").json == []


def _given_up(house: House) -> int:
    """Leave the only batch as the reaper does."""
    with house.parts.database.transaction() as session:
        batch: int = session.execute(
            text(
                "UPDATE delivery_batch SET state = 'unknown', unknown = size, handing_at = now(),"
                " settled_at = now(), token = gen_random_uuid() RETURNING id"
            )
        ).scalar_one()
        session.execute(
            text(
                "INSERT INTO delivery_tally SELECT mailing_id, 0, 0, unknown, 0, 0, 0"
                " FROM delivery_batch"
            )
        )
    return batch


def test_a_command_that_closes_the_brake_prints_its_answer_alone(
    fpmail: Run, house: House, environment: dict[str, str]
) -> None:
    for name in ("Ann", "Ben", "Cem", "Dea"):
        house.customer(name)
    number = house.draft()
    fpmail("campaign", "brake", number, "--rejected", "1", "--after", "1")
    fpmail("campaign", "start", number)
    batch = _given_up(house)
    said = _in_a_process_of_its_own(
        environment, "batch", "settle", str(batch), "--as", "rejected", "--why", "log of 10:41"
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert "braked" not in said.stdout
    with house.parts.database.reading() as session:
        mailing = campaigns.campaign_of(session, number).mailing_id
        assert mailing is not None
        assert delivery.braked_of(session, mailing) is not None


def _in_a_process_of_its_own(
    environment: dict[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does: in a process that has logged, a logger may be kept as it was."""
    return subprocess.run(
        [sys.executable, "-m", "mailer", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_schedule_is_told_before_it_is_saved_and_kept_as_it_was_said(
    fpmail: Run, house: House
) -> None:
    house.crowd(12)
    number = house.draft()
    words = ("campaign", "schedule", number, "2098-10-26T09:00", "--zone", "Europe/Berlin")
    more = ("--local", "--quiet-hours", "20:00-08:00")
    told = fpmail(*words, *more, "--preview")
    assert told.code == Exit.DONE
    assert "Europe/Berlin" in told.out
    assert "back by 60 minutes at 03:00 that day" in told.out
    assert "too late" not in told.out, "nothing here has an end"
    assert "Last" not in told.out, "all of a zone have one moment"
    ahead = fpmail(*words, *more, "--preview", "--json").json
    assert (ahead["audience"], ahead["first"]) == (12, "2098-10-26T08:00:00+00:00")
    assert fpmail("campaign", "list", "--json").json[0]["state"] == "draft"
    saved = fpmail(*words, *more, "--json").json
    assert saved["plan"]["quiet_hours"] == {}
    weekly = fpmail(*words, "--every", "week", "--on", "monday", "--times", 3, "--json").json
    assert weekly["plan"]["repeat"] == {"every": "week", "on": ["monday"], "times": 3}
    assert "every week" not in fpmail("campaign", "list").out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("2026-12-02T09:00",), "--zone is missing: write the zone of these times"),
        (("2026-12-02T09:00", "--zone", "Mars/Base"), "--zone is no time zone"),
        (
            ("now", "--zone", "UTC", "--quiet-hours", "late"),
            "--quiet-hours is not a time of day: write it like 20:00-08:00\n",
        ),
        (
            ("now", "--zone", "UTC", "--quiet-hours", "08:00-20:00"),
            "--quiet-hours leave no time: write TO earlier than FROM",
        ),
        (
            ("28.3.2027 9:00",),
            "AT is not a moment: write it like 2026-12-02T09:00 --zone Europe/Berlin, "
            "2026-12-02T14:00:00Z or now",
        ),
        (
            ("2026-12-02T09:00", "--zone", "UTC", "--use-by", "2026-12-01T09:00"),
            "--use-by is not after AT: write a later one, or none",
        ),
        (("2026-12-02T09:00", "--zone", "UTC", "--step", "2"), "--every is missing: add it"),
        (
            ("2026-12-02T09:00", "--zone", "UTC", "--every", "day", "--until", "soon"),
            "--until is not a day: write it like 2026-12-31",
        ),
        (
            ("2026-12-02T09:00", "--zone", "UTC", "--every", "month", "--on", "monday"),
            "--on names days of a week: leave it out, or repeat every week",
        ),
    ],
)
def test_a_schedule_that_cannot_be_followed_says_which_option_and_why(
    fpmail: Run, house: House, words: tuple[str, ...], why: str
) -> None:
    said = fpmail("campaign", "schedule", house.draft(), *words)
    assert said.code == Exit.USAGE
    assert why in said.err
    assert "`" not in said.err


def test_a_campaign_is_slowed_down_under_way(fpmail: Run, house: House) -> None:
    house.customer("Ada Novak")
    number = str(house.draft())
    fpmail("campaign", "start", number)
    slow = fpmail(
        "campaign", "pace", number, "--per-minute", "300", "--warm-up", "500,1000", "--json"
    )
    assert slow.json["pace"] == {"per_minute": 300, "warm_up": [500, 1000]}
    assert "300 a minute, a warm-up of 500, 1,000" in fpmail("campaign", "status", number).out
    fast = fpmail(
        "campaign", "pace", number, "--unlimited", "--reason", "The queue is empty.", "--json"
    )
    assert fast.json["pace"] is None


def test_what_stops_a_campaign_is_changed_under_way(fpmail: Run, house: House) -> None:
    house.customer("Ada Novak")
    number = str(house.draft())
    fpmail("campaign", "start", number)
    careful = fpmail("campaign", "brake", number, "--complaints", "0.05", "--after", "50", "--json")
    assert careful.json["brake"] == {"complaints": 0.05, "after": 50}
    said = fpmail("campaign", "status", number).out
    assert "complaints 0.05" in said
    assert "0.05 %" in said.split("The safety brake")[1]
    told = fpmail("campaign", "status", number, "--json").json
    assert (told["next_turn"], told["waiting"]) == (None, 0)
    assert told["brake_figures"][0]["limit"] == 0.05
    assert fpmail("campaign", "brake", number, "--installation", "--json").json["brake"] is None


@pytest.mark.parametrize(
    "words",
    [(), ("--unknown", "5", "--installation"), ("--unknown", "101"), ("--unknown", "nan")],
)
def test_a_brake_that_says_nothing_clear_is_refused(
    fpmail: Run, house: House, words: tuple[str, ...]
) -> None:
    assert fpmail("campaign", "brake", str(house.draft()), *words).code == 2


@pytest.mark.parametrize(
    "words", [(), ("--per-day", "5", "--unlimited"), ("--warm-up", "500,x"), ("--warm-up", "0")]
)
def test_a_pace_that_says_nothing_clear_is_refused(
    fpmail: Run, house: House, words: tuple[str, ...]
) -> None:
    assert fpmail("campaign", "pace", str(house.draft()), *words).code == 2


def test_a_draft_is_replaced_from_a_file(fpmail: Run, house: House) -> None:
    number = house.draft()
    body = {
        "name": "Winter release",
        "topic": "company_news",
        "content": PromotionalContent.sample().fields,
    }
    edited = fpmail(
        "campaign", "edit", number, "-", "--reason", "Snow.", "--json", stdin=json.dumps(body)
    )
    assert (edited.json["campaign"], edited.json["name"]) == (number, "Winter release")
    fpmail("campaign", "start", number)
    assert fpmail("campaign", "edit", number, "-", stdin=json.dumps(body)).code == Exit.FAILED


def test_a_draft_is_deleted_and_what_has_begun_is_not(fpmail: Run, house: House) -> None:
    number, other, third = house.draft(), house.draft(), house.draft()
    assert fpmail("campaign", "delete", number, "--reason", "Twice.").out == (
        f"Campaign {number} is deleted.\n"
    )
    assert fpmail("campaign", "show", number).code == Exit.FAILED
    assert fpmail("campaign", "delete", third, "--json").json == {
        "campaign": third,
        "deleted": True,
    }
    fpmail("campaign", "start", other)
    said = fpmail("campaign", "delete", other)
    assert said.code == Exit.FAILED
    assert "Cancel it instead" in said.err
