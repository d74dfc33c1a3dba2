"""The command line: what each command does, says, and ends with."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer import access, ledger
from mailer.cli.exits import Exit
from mailer.letters import PromotionalContent
from mailer.settings import KEY_BYTES, read_settings
from tests.cli.conftest import NOW, House, Run


def test_help_answers_without_any_setting(
    fpmail: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in environment:
        monkeypatch.delenv(name)
    said = fpmail("--help")
    assert (said.code, said.err) == (Exit.DONE, "")
    assert "explain" in said.out


def test_a_command_that_is_not_there_ends_with_2_in_one_line(fpmail: Run) -> None:
    for words in (("nothing",), ("campaign", "start"), ("campaign", "start", "x"), ("check", "-x")):
        said = fpmail(*words)
        assert said.code == Exit.USAGE
        assert said.err.startswith("fpmail: ")
        assert said.err.count("\n") == 1


def test_missing_settings_end_with_3_and_name_each(
    fpmail: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAILER_DATABASE_URL")
    said = fpmail("campaign", "list")
    assert said.code == Exit.CONFIGURATION
    assert "MAILER_DATABASE_URL" in said.err
    monkeypatch.delenv("MAILER_SECRET_KEYS")
    said = fpmail("campaign", "list")
    assert said.code == Exit.CONFIGURATION
    assert "MAILER_SECRET_KEYS" in said.err
    assert "fpmail keys create" in said.err


@pytest.mark.parametrize("part", ["web", "worker", "beat"])
def test_a_part_without_a_broker_refuses_and_says_so(fpmail: Run, part: str) -> None:
    said = fpmail(part)
    assert said.code == Exit.CONFIGURATION
    assert "MAILER_BROKER_URL" in said.err
    assert "fpmail up" in said.err


def test_a_database_that_is_away_ends_with_4(fpmail: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    said = fpmail("campaign", "list")
    assert said.code == Exit.AWAY
    assert said.err.count("\n") == 1
    assert "secret" not in said.err
    assert "MAILER_DATABASE_URL" in said.err
    assert "Error" not in said.err
    assert "DatabaseAway" not in said.err


def test_new_keys_are_strong_enough_for_the_settings(
    fpmail: Run, environment: dict[str, str]
) -> None:
    made = fpmail("keys", "create", "--json").json
    settings = read_settings({**environment, **made})
    assert {len(key) for key in (*settings.secret_keys, *settings.vault_keys)} == {KEY_BYTES}
    lines = fpmail("keys", "create").out.splitlines()
    assert [line.partition("=")[0] for line in lines] == list(made)
    assert made["MAILER_VAULT_KEYS"] not in "".join(lines)


def test_keys_rotate_brings_everybody_under_the_newest(
    fpmail: Run, house: House, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.customer("Jo Example")
    new = fpmail("keys", "create", "--json").json
    for name in ("MAILER_VAULT_KEYS", "MAILER_INDEX_KEYS"):
        monkeypatch.setenv(name, f"{environment[name]},{new[name]}")
    assert fpmail("keys", "rotate", "--json").json == {"wrapped": 1, "hashed": 1}
    assert fpmail("keys", "rotate", "--json").json == {"wrapped": 0, "hashed": 0}
    monkeypatch.setenv("MAILER_VAULT_KEYS", new["MAILER_VAULT_KEYS"])
    assert len(fpmail("explain", "jo.example@example.com", "--json").json["customers"]) == 1


def test_an_api_key_is_shown_once_and_can_be_revoked(fpmail: Run, house: House) -> None:
    made = fpmail("api-keys", "create", "--name", "shop", "--scope", "orders", "--json").json
    with house.parts.database.reading() as session:
        assert access.key_of(session, made["key"]) is not None
    listed = fpmail("api-keys", "list", "--json")
    assert [(each["name"], each["scopes"]) for each in listed.json] == [("shop", ["orders"])]
    assert made["key"] not in listed.out + fpmail("api-keys", "list").out
    assert fpmail("api-keys", "revoke", made["id"]).code == Exit.DONE
    with house.parts.database.reading() as session:
        assert access.key_of(session, made["key"]) is None
    assert fpmail("api-keys", "revoke", made["id"]).code == Exit.FAILED
    assert fpmail("api-keys", "create", "--name", "x", "--scope", "all").code == Exit.USAGE


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
    assert before["books"] == {"audience": 1, "allowed": 1, "held": 0, "refused": {}}
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
        "Possible now: edit, schedule, start, cancel, approve, test, clone, pace, brake."
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
    house.customer("Jo Example")
    anna = house.customer("Anna Becker")
    fpmail("remove", anna.email)
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


def test_what_no_terminal_reads_is_not_wrapped(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    fpmail("campaign", "start", house.draft())
    lines = fpmail("explain", jo.email).out.splitlines()
    (to_go,) = (line for line in lines if "to go" in line)
    assert len(to_go) > 150
    assert to_go.endswith("“Send me these by e-mail.”.")
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.clause("C08")
@pytest.mark.parametrize("command", ["explain", "remove"])
def test_what_is_no_address_is_named_so_and_not_repeated(fpmail: Run, command: str) -> None:
    said = fpmail(command, "jo.example")
    assert (said.code, said.err) == (1, "fpmail: the address has no @ sign\n")


def test_remove_is_the_opt_out_and_explain_says_so(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    before = fpmail("explain", jo.email, "--json").json["customers"][0]
    allowed = {each["topic"]: each["allowed"] for each in before["now"]}
    assert allowed[None]
    assert allowed["company_news"]
    assert not allowed["partner_offers"]
    done = fpmail("remove", "-", "--json", stdin=f"{jo.email}\n").json
    assert done["acknowledgements"][0]["reference"].startswith("P-")
    after = fpmail("explain", "-", "--json", stdin=f"{jo.email}\n").json["customers"][0]
    now = {each["topic"]: each for each in after["now"]}
    assert now[None]["allowed"]
    assert now["company_news"]["reason"] == "not.all"
    assert now["company_news"]["sentence"].startswith("You stopped all promotional mail on ")
    assert "by customer care" in now["company_news"]["sentence"]
    assert "in force since" in fpmail("remove", jo.email).out
    assert "Order updates" in fpmail("explain", jo.email).out


def test_a_look_and_a_removal_stand_in_the_ledger(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    fpmail("explain", jo.email)
    fpmail("remove", jo.email, "--scope", "topic", "--topic", "company_news")
    with house.parts.database.reading() as session:
        story = ledger.story_of(session, jo.person_id, limit=10)
    assert {("support.look", "command_line"), ("support.removal", "command_line")} <= {
        (each.kind, each.actor) for each in story
    }


def test_an_address_that_nobody_has_can_be_removed_too(fpmail: Run, house: House) -> None:
    assert "nothing is known" in fpmail("explain", "anna@example.com").out
    done = fpmail("remove", "anna@example.com", "--scope", "all", "--json").json
    assert done["acknowledgements"] == []
    assert done["suppression"]
    assert "never-mail list" in fpmail("explain", "anna@example.com").out


def test_what_is_no_address_or_no_scope_is_refused(fpmail: Run, house: House) -> None:
    assert fpmail("remove", "nothing").code == Exit.FAILED
    assert fpmail("explain", "-", stdin="").code == Exit.FAILED
    assert fpmail("remove", "jo@example.com", "--scope", "topic").code == Exit.USAGE
    assert fpmail("remove", "jo@example.com", "--topic", "company_news").code == Exit.USAGE


def test_an_import_reports_every_row_and_ends_with_5_when_some_were_refused(
    fpmail: Run, house: House, tmp_path: Path
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(
        "external_id,email,name,source\n"
        "C-1,jo@example.com,Jo Example,shop\n"
        "C-2,no address,Anna Becker,shop\n"
    )
    rehearsed = fpmail("import", "customers", file, "--dry-run", "--json")
    assert rehearsed.json["created"] == 1
    assert "nothing is known" in fpmail("explain", "jo@example.com").out
    rejects = tmp_path / "rejects.csv"
    said = fpmail("import", "customers", file, "--rejects", rejects, "--json")
    assert said.code == Exit.PARTLY
    assert (said.json["created"], said.json["rejected"]) == (1, 1)
    assert "no address" not in said.err
    assert "3,email," in rejects.read_text()
    clean = tmp_path / "clean.csv"
    clean.write_text("email,source\nanna@example.com,shop\n")
    assert fpmail("import", "customers", clean).code == Exit.DONE
    assert fpmail("import", "customers", tmp_path / "missing.csv").code == Exit.USAGE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("emial,source\njo@example.com,shop\n", "has no column email; it has emial"),
        ("email,source,colour\njo@example.com,shop,red\n", "mean nothing here: colour"),
        ("email\njo@example.com\n", "no source was given with --source"),
        ("", "is empty"),
        ("email,source\n\xff\n".encode("utf-16").decode("latin-1"), "save it as CSV in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_1_in_one_line(
    fpmail: Run, house: House, tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes(text.encode("latin-1"))
    said = fpmail("import", "customers", file)
    assert (said.code, said.out, said.err.count("\n")) == (Exit.FAILED, "", 1)
    assert said.err.startswith("fpmail: customers.csv ")
    assert why in said.err


def test_an_installation_that_lacks_something_is_not_fit_to_send(fpmail: Run, house: House) -> None:
    said = fpmail("check", "--json")
    assert said.code == Exit.FAILED
    found = {each["check"]: each for each in said.json["checks"]}
    assert found["database"]["ok"]
    assert found["primary"]["ok"]
    assert not found["broker"]["ok"]
    assert found["broker"]["say"]
    assert not said.json["fit"]
    assert "Not fit to send." in fpmail("check").out


def test_a_batch_of_known_fate_cannot_be_settled_by_hand(fpmail: Run, house: House) -> None:
    assert fpmail("batch", "list", "--json").json == []
    said = fpmail("batch", "settle", 7, "--as", "accepted", "--why", "log of 10:41")
    assert said.code == Exit.FAILED
    assert "not of unknown fate" in said.err


def test_a_batch_of_unknown_fate_is_settled_by_evidence(fpmail: Run, house: House) -> None:
    house.customer("Jo Example")
    number = house.draft()
    fpmail("campaign", "start", number)
    with house.parts.database.transaction() as session:  # as the reaper leaves it
        batch = session.execute(
            text(
                "UPDATE delivery_batch SET state = 'unknown', unknown = size, handing_at = now(),"
                " settled_at = now(), token = gen_random_uuid() RETURNING id"
            )
        ).scalar_one()
    assert [each["batch"] for each in fpmail("batch", "list", "--json").json] == [batch]
    said = fpmail("batch", "settle", batch, "--as", "accepted", "--why", "log of 10:41", "--json")
    assert said.json == {"batch": batch, "outcome": "accepted", "people": 1}
    assert fpmail("campaign", "status", number, "--json").json["books"]["accepted"] == 1
    assert fpmail("batch", "list", "--json").json == []


def test_the_demo_leaves_a_used_database_alone(fpmail: Run, house: House) -> None:
    house.customer("Jo Example")
    said = fpmail("demo")
    assert said.code == Exit.FAILED
    assert "customers already" in said.err
    assert fpmail("demo", "--if-empty", "--json").json == {"made": False}


def test_the_demo_is_refused_outside_development(
    fpmail: Run, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("MAILER_ENV", "production"),
        ("MAILER_PROVIDER", "smtp"),
        ("MAILER_SMTP_URL", "smtp://mail.example.com:587"),
        ("MAILER_PUBLIC_URL", "https://mail.example.com"),
    ):
        monkeypatch.setenv(name, value)
    assert fpmail("demo").code == Exit.CONFIGURATION


def test_a_schedule_is_told_before_it_is_saved_and_kept_as_it_was_said(
    fpmail: Run, house: House
) -> None:
    house.customer("Jo Example")
    number = house.draft()
    words = ("campaign", "schedule", number, "2098-10-26T09:00", "--zone", "Europe/Berlin")
    more = ("--local", "--quiet-hours", "20:00-08:00")
    told = fpmail(*words, *more, "--preview")
    assert told.code == Exit.DONE
    assert "Europe/Berlin" in told.out
    assert "back by 60 minutes at 03:00 that day" in told.out
    ahead = fpmail(*words, *more, "--preview", "--json").json
    assert (ahead["audience"], ahead["first"]) == (1, "2098-10-26T08:00:00+00:00")
    assert fpmail("campaign", "list", "--json").json[0]["state"] == "draft"
    saved = fpmail(*words, *more, "--json").json
    assert saved["plan"]["quiet_hours"] == {}
    weekly = fpmail(*words, "--every", "week", "--on", "monday", "--times", 3, "--json").json
    assert weekly["plan"]["repeat"] == {"every": "week", "on": ["monday"], "times": 3}
    assert "every week" not in fpmail("campaign", "list").out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("2026-12-02T09:00",), "`zone` is missing: send the zone of these times"),
        (("2026-12-02T09:00", "--zone", "Mars/Base"), "zone is no time zone"),
        (("now", "--zone", "UTC", "--quiet-hours", "late"), "before"),
        (("tomorrow", "--zone", "UTC"), "at is not a moment"),
        (("2026-12-02T09:00", "--zone", "UTC", "--step", "2"), "every"),
    ],
)
def test_a_schedule_that_cannot_be_followed_says_which_option_and_why(
    fpmail: Run, house: House, words: tuple[str, ...], why: str
) -> None:
    said = fpmail("campaign", "schedule", house.draft(), *words)
    assert said.code == Exit.USAGE
    assert why in said.err


def test_a_campaign_is_slowed_down_under_way(fpmail: Run, house: House) -> None:
    house.customer("Ada Novak")
    number = str(house.draft())
    fpmail("campaign", "start", number)
    slow = fpmail(
        "campaign", "pace", number, "--per-minute", "300", "--warm-up", "500,1000", "--json"
    )
    assert slow.json["pace"] == {"per_minute": 300, "warm_up": [500, 1000]}
    assert "per_minute 300" in fpmail("campaign", "status", number).out
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
