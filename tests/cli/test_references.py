"""What was acknowledged under a reference: whole, and with nothing said that is not known."""

from collections.abc import Iterator

import pytest

from mailer import delivery, ledger
from mailer.cli.exits import Exit
from mailer.delivery import Halt
from mailer.journal import TornLine, read_journal
from mailer.permission import Change
from mailer.vocabulary import Door, Topic
from tests.cli.conftest import House, Run
from tests.people_of_tests import TestPerson
from tests.recovery.backups import Backup, back_up

STOP = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
NOT_ON_RECORD = "It is not in the consent record.\n"
CHANGED_NOTHING = "it changed nothing there"


def no_to(*topics: Topic) -> Change:
    return Change(Door.ONE_CLICK, policy_version="2026-11", topics_off=frozenset(topics))


@pytest.fixture
def jo(house: House) -> TestPerson:
    """Jo Example, who wants company news."""
    return house.customer("Jo Example")


@pytest.fixture
def backup(house: House, jo: TestPerson) -> Iterator[Backup]:
    """A backup from when Jo was a customer."""
    backup = back_up(house.parts.database)
    yield backup
    backup.forget()


@pytest.mark.clause("C26")
def test_whoever_says_no_twice_is_found_by_either_reference(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    first, again = (
        fpmail("remove", jo.email, "--json").json["acknowledgements"][0]["reference"]
        for _ in range(2)
    )
    assert first != again
    (said,) = fpmail("reference", first, "--json").json
    assert (said["customer"], said["acts"], said["in_the_consent_record"]) == (
        jo.person_id,
        ["stop"],
        True,
    )
    (repeated,) = fpmail("reference", f" {again.lower()}", "--json").json
    without_dashes = again.replace("-", "")
    assert fpmail("reference", without_dashes, "--json").json[0]["reference"] == again
    assert repeated | {"reference": first, "at": said["at"]} == said | {
        "in_the_consent_record": False
    }
    assert "it changed nothing there" in fpmail("reference", again).out
    with house.parts.database.reading() as session:
        story = ledger.story_of(session, jo.person_id, limit=20)
    assert [each.kind for each in story].count("support.look") == 4


def test_a_reference_that_nobody_was_given_is_told_so_and_an_address_without_a_customer_is_found(
    fpmail: Run, house: House
) -> None:
    assert fpmail("reference", "P-2222-2222").code == Exit.FAILED
    fpmail("remove", "anna@example.com", "--scope", "all")
    (line,) = read_journal(house.parts.journal.folder)
    assert not isinstance(line, TornLine)
    (told,) = fpmail("reference", line.ids["reference"], "--json").json
    assert (told["customer"], told["acts"]) == (None, ["suppress"])


@pytest.mark.clause("C26")
def test_a_wish_that_was_new_in_part_is_told_whole(
    fpmail: Run, house: House, jo: TestPerson
) -> None:
    news, partners = Topic.COMPANY_NEWS, Topic.PARTNER_OFFERS
    house.parts.opt_outs.change(jo.person_id, no_to(partners))
    both = house.parts.opt_outs.change(jo.person_id, no_to(news, partners))
    assert both.acts == (("no", news),)
    (told,) = fpmail("reference", both.reference, "--json").json
    assert told["acts"] == ["no:company_news", "no:partner_offers"]
    assert told["in_the_consent_record"]
    assert "may be missing" not in fpmail("reference", both.reference).out


@pytest.mark.parametrize("is_broken", [False, True])
def test_where_the_journal_has_nothing_of_it_the_record_answers_and_says_what_may_be_missing(
    fpmail: Run, house: House, jo: TestPerson, *, is_broken: bool
) -> None:
    said = house.parts.opt_outs.change(jo.person_id, STOP)
    (file,) = house.parts.journal.folder.iterdir()
    if is_broken:
        file.write_text("{}\n")
    else:
        file.unlink()
    (told,) = fpmail("reference", said.reference, "--json").json
    assert (told["acts"], told["in_this_journal"]) == (["stop"], False)
    assert "a no that held already may be missing" in fpmail("reference", said.reference).out


@pytest.mark.clause("C08")
@pytest.mark.parametrize("wish", [STOP, no_to(Topic.COMPANY_NEWS)])
def test_a_no_that_a_restore_lost_is_not_said_to_have_changed_nothing(
    fpmail: Run, house: House, jo: TestPerson, backup: Backup, wish: Change
) -> None:
    said = house.parts.opt_outs.change(jo.person_id, wish)
    backup.restore()
    assert fpmail("reference", said.reference).out.endswith(NOT_ON_RECORD)
    # Nor where the same no was said again after it.
    again = house.parts.opt_outs.change(jo.person_id, wish)
    assert again.already_since is None
    assert fpmail("reference", said.reference).out.endswith(NOT_ON_RECORD)
    fpmail("journal", "replay")
    assert CHANGED_NOTHING not in fpmail("reference", said.reference).out


def test_of_a_database_that_forgot_nos_no_no_is_said_to_have_changed_nothing(
    fpmail: Run, house: House, jo: TestPerson
) -> None:
    house.parts.opt_outs.change(jo.person_id, STOP)
    again = house.parts.opt_outs.change(jo.person_id, STOP)
    assert CHANGED_NOTHING in fpmail("reference", again.reference).out
    with house.parts.database.transaction() as session:
        delivery.halt(session, Halt("a journal", "it is behind", house.parts.clock()))
    assert fpmail("reference", again.reference).out.endswith(NOT_ON_RECORD)


def test_a_move_a_merge_and_a_no_that_was_taken_back_are_not_said_to_have_changed_nothing(
    fpmail: Run, house: House, jo: TestPerson
) -> None:
    opt_outs, anna = house.parts.opt_outs, house.customer("Anna Becker")
    opt_outs.change(jo.person_id, no_to(Topic.COMPANY_NEWS))
    repeated = opt_outs.change(jo.person_id, no_to(Topic.COMPANY_NEWS))
    moved = opt_outs.change_address(jo.person_id, "jo.new@example.com")
    merged = opt_outs.merge(survivor=anna.person_id, merged=jo.person_id)
    for each in (moved, merged):
        assert fpmail("reference", each.reference).out.endswith(NOT_ON_RECORD)
    assert CHANGED_NOTHING in fpmail("reference", repeated.reference).out
    wanted = frozenset({Topic.COMPANY_NEWS})
    opt_outs.change(
        anna.person_id, Change(Door.PREFERENCE_PAGE, policy_version="2026-11", topics_on=wanted)
    )
    assert fpmail("reference", repeated.reference).out.endswith(NOT_ON_RECORD)
