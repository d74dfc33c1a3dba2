"""The journal from the command line: verified, replayed, and told by check and readiness."""

import pytest

from mailer.permission import Change
from mailer.recovery import look_again
from mailer.vocabulary import Door
from preference_center.systems import health
from tests.cli.conftest import House, Run
from tests.recovery.backups import back_up

STOP = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)


@pytest.fixture
def behind(house: House) -> House:
    """A house whose database has forgotten an opt-out."""
    jo = house.customer("Jo")
    backup = back_up(house.parts.database)
    house.parts.opt_outs.change(jo.person_id, STOP)
    backup.restore()
    backup.forget()
    return house


def test_a_sound_journal_and_a_database_that_knows_it_all_end_with_0(
    house: House, fpmail: Run
) -> None:
    house.parts.opt_outs.change(house.customer("Jo").person_id, STOP)
    said = fpmail("journal", "verify", "--json")
    assert said.code == 0
    told = said.json
    assert (told["files"], told["lines"], told["behind"], told["broken"]) == (1, 1, False, [])
    assert told["first"] == told["last"]


@pytest.mark.clause("C08")
def test_a_database_that_is_behind_is_told_and_brought_up(behind: House, fpmail: Run) -> None:
    said = fpmail("journal", "verify")
    assert said.code == 1
    assert "fpmail journal replay" in said.err
    assert fpmail("journal", "verify", "--json").json["persons_behind"] == 1
    dry = fpmail("journal", "replay", "--dry-run", "--json").json
    assert (dry["dry_run"], dry["brought_back"]) == (True, 1)
    assert fpmail("journal", "verify").code == 1
    done = fpmail("journal", "replay")
    assert done.code == 0
    assert "brought back" in done.out
    assert fpmail("journal", "verify").code == 0
    assert fpmail("journal", "replay", "--json").json["brought_back"] == 0


def test_readiness_says_why_campaigns_are_refused_and_stays_ready(
    behind: House, fpmail: Run
) -> None:
    assert not health.look(behind.parts)["restored"]
    [check] = [each for each in health.CHECKS if each.name == "restored"]
    assert not check.needed  # opt-outs must come in
    assert "fpmail journal replay" in check.missing
    assert "older than the journal" in fpmail("check").out.replace("\n", " ")
    fpmail("journal", "replay")
    assert health.look(behind.parts)["restored"]


def test_a_broken_file_is_named_with_its_line_and_decided_about(house: House, fpmail: Run) -> None:
    for name in ("Jo", "Ann"):
        house.parts.opt_outs.change(house.customer(name).person_id, STOP)
    [file] = house.parts.journal.folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b'"version":2', b'"version":3', 1))
    said = fpmail("journal", "verify", "--json")
    assert said.code == 1
    assert said.json["broken"] == [{"file": file.name, "line": 3, "lines_behind": 1}]
    refused = fpmail("journal", "replay")
    assert refused.code == 1
    assert f"{file.name}, line 3" in refused.err
    assert "--up-to-the-break" in refused.err
    done = fpmail("journal", "replay", "--up-to-the-break", "--json")
    assert done.json["skipped"] == [{"file": file.name, "line": 3, "lines_behind": 1}]


def test_a_file_that_was_put_back_is_sound_and_mail_stays_refused_until_a_replay(
    house: House, fpmail: Run
) -> None:
    for name in ("Jo", "Ann"):
        house.parts.opt_outs.change(house.customer(name).person_id, STOP)
    folder = house.parts.journal.folder
    [file] = folder.glob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"version":2', b'"version":3', 1))
    assert look_again(house.parts.database, folder, now=house.parts.clock()) is not None
    file.write_bytes(whole)
    assert look_again(house.parts.database, folder, now=house.parts.clock()) is not None
    said = fpmail("journal", "verify", "--json")
    assert (said.code, said.json["broken"], said.json["behind"]) == (1, [], False)
    assert "stays refused until you run: fpmail journal replay" in said.err
    assert fpmail("journal", "replay").code == 0
    assert fpmail("journal", "verify").code == 0
    assert look_again(house.parts.database, folder, now=house.parts.clock()) is None


def test_a_folder_that_lost_its_files_is_a_note_of_check(house: House, fpmail: Run) -> None:
    house.parts.opt_outs.change(house.customer("Jo").person_id, STOP)
    fpmail("journal", "replay")
    [file] = house.parts.journal.folder.glob("*.jsonl")
    file.unlink()
    found = {each["check"]: each for each in fpmail("check", "--json").json["checks"]}
    assert (found["journal_whole"]["ok"], found["journal_whole"]["needed"]) == (False, False)
    assert found["restored"]["ok"]
