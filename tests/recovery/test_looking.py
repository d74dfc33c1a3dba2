"""A database that is behind its journal is known as such, and no other one is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from mailer import people, permission, recovery
from mailer.delivery import News, halt_sentence
from mailer.journal import Journal
from mailer.permission import NewSuppression
from mailer.vocabulary import (
    Door,
    Heard,
    Lane,
    Scope,
    SuppressionReason,
    Topic,
)
from tests.recovery.conftest import NEWS, Machine


def lines_of(folder: Path) -> Path:
    [file] = folder.glob("*.jsonl")
    return file


@contextmanager
def restored_behind_the_comparison(machine: Machine) -> Iterator[None]:
    """Put the database back once, as soon as the lines were compared with the one before."""
    engine, compared = machine.road.database.engine, [0]

    def see(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "SELECT person_id, version FROM permission_standing" in statement:
            compared[0] += 1

    def restore(*_: Any) -> None:
        if compared[0] == 1:
            compared[0] += 1
            machine.restore()

    event.listen(engine, "after_cursor_execute", see)
    event.listen(engine, "checkin", restore)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", see)
        event.remove(engine, "checkin", restore)
    assert compared[0] > 1


def test_an_installation_that_was_never_restored_is_never_stopped(machine: Machine) -> None:
    road = machine.road
    jo, ann, max_, eve = (road.customer(name) for name in ("Jo", "Ann", "Max", "Eve"))
    mailing = road.campaign()
    assert machine.sender.deliver_one(Lane.PROMOTIONAL)
    machine.no(jo)
    machine.no(jo)
    machine.yes(jo)
    machine.wish(ann, stop_all=True)
    machine.wish(ann, stop_all=True, tracking=False)
    machine.wish(ann, stop_all=True, tracking=False)
    machine.wish(ann, topics_on=frozenset({NEWS}), seen_version=machine.version(ann))
    machine.wish(ann, stop_all=True, paused_until=road.now + timedelta(days=9))
    road.opt_outs.merge(survivor=ann.person_id, merged=max_.person_id)
    road.opt_outs.change_address(jo.person_id, "jo.new@example.com")
    road.opt_outs.hear(News(mailing, eve.person_id, Heard.COMPLAINED, road.now))
    stranger = NewSuppression(
        Scope.ALL, SuppressionReason.MANUAL, Door.SUPPORT, address_id=eve.address_id
    )
    number, _ = road.opt_outs.suppress(stranger)
    with road.database.transaction() as session:
        permission.lift(session, number, why="asked for it back", now=road.now)
        people.erase(session, road.vault, ann.person_id, now=road.now)
        permission.forget(session, ann.person_id)
    machine.later()
    assert machine.watch.token() is not None
    assert machine.halts() == []
    found = recovery.verify(road.database, road.journal.folder)
    assert (found.is_behind, found.is_sound, found.cut) == (False, True, [])
    assert found.lines > 8


@pytest.mark.clause("C08")
def test_an_opt_out_that_the_database_forgot_stops_campaigns_and_no_order_update(
    machine: Machine,
) -> None:
    road = machine.road
    jo = road.customer("Jo")
    machine.back_up()
    machine.no(jo)
    machine.restore()
    road.campaign()
    assert not machine.sender.deliver_one(Lane.PROMOTIONAL)
    road.order_update(jo)
    assert machine.sender.deliver_one(Lane.ORDERS)
    assert road.got() == [jo.email]
    [halt] = machine.halts()
    assert (halt.persons, halt.mailings) == (1, 0)
    assert "fpmail journal replay" in (halt_sentence([halt]) or "")


def test_looks_at_a_restored_database_say_so_in_one_line_that_names_nobody(
    machine: Machine,
) -> None:
    jo = machine.road.customer("Jo")
    machine.back_up()
    machine.no(jo)
    machine.restore()
    with capture_logs() as lines:
        for _ in range(3):
            assert machine.watch.token() is None
            machine.later()
    [line] = lines
    assert (line["event"], line["log_level"]) == ("promotional.refused", "warning")
    assert "older than the journal" in line["why"]
    assert line["more"] == "fpmail journal verify"
    assert jo.email not in str(line)


def test_a_second_restore_is_told_again(machine: Machine) -> None:
    jo = machine.road.customer("Jo")
    machine.back_up()
    machine.no(jo)
    with capture_logs() as lines:
        for _ in range(2):
            machine.restore()
            assert machine.watch.token() is None
            machine.replay()
            machine.later()
            assert machine.watch.token() is not None
    assert [line["event"] for line in lines].count("promotional.refused") == 2


@pytest.mark.clause("C08")
def test_a_look_vouches_for_no_database_that_came_in_the_place_of_the_one_it_compared(
    machine: Machine,
) -> None:
    jo = machine.road.customer("Jo")
    machine.watch.token()
    machine.back_up()
    machine.no(jo)
    machine.later()
    with restored_behind_the_comparison(machine):
        assert machine.watch.token() is None
    assert [halt.persons for halt in machine.halts()] == [1]
    machine.replay()
    assert machine.is_refused(jo)


def test_looks_leave_one_token_of_each_process_behind(machine: Machine) -> None:
    for _ in range(3):
        machine.no(machine.road.customer("Jo"))
        machine.watch.token()
        machine.later()
    assert machine.rows("SELECT count(*) FROM delivery_clearance") == [(1,)]


@pytest.mark.clause("C08")
def test_a_worker_that_lives_through_a_restore_looks_before_it_claims(machine: Machine) -> None:
    road = machine.road
    jo = road.customer("Jo")
    machine.back_up()
    assert machine.watch.token() is not None
    machine.no(jo)
    assert machine.backup is not None
    machine.backup.restore()  # and its last look is still fresh
    road.campaign()
    assert not machine.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []


def test_a_new_connection_ends_a_look(machine: Machine) -> None:
    machine.watch.token()
    first = machine.watch.token()
    assert machine.watch.token() == first
    machine.road.database.close()  # as a server that goes away does it
    assert machine.road.database.is_ready()
    assert machine.watch.token() != first


def test_what_was_in_hand_and_is_forgotten_stops_campaigns_too(machine: Machine) -> None:
    road = machine.road
    road.customer("Jo")
    road.campaign()
    machine.back_up()
    assert machine.sender.deliver_one(Lane.PROMOTIONAL)
    machine.restore()
    assert not machine.sender.deliver_one(Lane.PROMOTIONAL)
    assert len(road.got()) == 1
    assert machine.halts()[0].mailings == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_no_by_address_alone_is_missed_like_any_other(machine: Machine, when: str) -> None:
    road = machine.road
    road.customer("Jo")
    if when == "after":
        machine.back_up()
    with road.database.transaction() as session:
        address = people.address_id_of(session, road.vault, "nobody@example.com", create=True)
    if when == "before":
        machine.back_up()
    no = NewSuppression(Scope.ALL, SuppressionReason.MANUAL, Door.SUPPORT, address_id=address)
    road.opt_outs.suppress(no)
    machine.restore()
    assert machine.watch.token() is None


def test_a_lift_that_was_asked_for_just_before_a_repeated_no_is_no_restore(
    machine: Machine,
) -> None:
    road = machine.road
    jo = road.customer("Jo")
    no = NewSuppression(Scope.ALL, SuppressionReason.MANUAL, Door.SUPPORT, address_id=jo.address_id)
    number, _ = road.opt_outs.suppress(no)
    road.later(seconds=20)
    asked_for = road.now
    road.later(seconds=2)
    road.opt_outs.suppress(no)  # keeps the one that stands, before the lift commits
    with road.database.transaction() as session:
        permission.lift(session, number, why="asked for it back", now=asked_for)
    assert machine.watch.token() is not None


def test_a_lift_by_a_host_whose_clock_is_behind_is_no_restore(machine: Machine) -> None:
    road = machine.road
    jo = road.customer("Jo")
    no = NewSuppression(Scope.ALL, SuppressionReason.MANUAL, Door.SUPPORT, jo.address_id)
    earlier = road.now
    road.later(minutes=5)
    number, _ = road.opt_outs.suppress(no)
    with road.database.transaction() as session:
        permission.lift(session, number, why="asked for it back", now=earlier)
    assert machine.watch.token() is not None


def test_a_bounce_told_twice_is_no_restore_where_staff_lifted_it_and_wrote_another_no(
    machine: Machine,
) -> None:
    road = machine.road
    jo = road.customer("Jo")
    bounce = News(road.campaign(), jo.person_id, Heard.BOUNCED, road.now, 550, "5.1.1 no such user")
    assert machine.sender.deliver_one(Lane.PROMOTIONAL)
    road.opt_outs.hear(bounce)
    road.later(minutes=1)
    with road.database.transaction() as session:
        [held] = permission.suppressions_page(session, address_ids=[jo.address_id])
        permission.lift(session, held.id, why="it works again", now=road.now)
    other = NewSuppression(
        Scope.PROMOTIONAL,
        SuppressionReason.HARD_BOUNCE,
        Door.API,
        address_id=jo.address_id,
    )
    road.later(minutes=1)
    road.opt_outs.suppress(other)
    road.later(minutes=1)
    road.opt_outs.hear(bounce)
    machine.later()
    assert machine.watch.token() is not None


def test_a_customer_who_came_after_the_backup_and_opted_out_is_missed(machine: Machine) -> None:
    machine.back_up()
    machine.no(machine.road.customer("Jo"))
    machine.restore()
    assert machine.watch.token() is None


def test_a_torn_last_line_stops_nothing_and_is_told(machine: Machine) -> None:
    machine.no(machine.road.customer("Jo"))
    file = lines_of(machine.road.journal.folder)
    with file.open("ab") as lines:
        lines.write(b'{"before":"')
    assert machine.watch.token() is not None
    found = recovery.verify(machine.road.database, machine.road.journal.folder)
    assert (found.torn, found.is_sound) == ([file.name], True)


def test_a_broken_line_stops_campaigns_until_somebody_decides(machine: Machine) -> None:
    road = machine.road
    for name in ("Jo", "Ann", "Max"):
        machine.no(road.customer(name))
    file = lines_of(road.journal.folder)
    file.write_bytes(file.read_bytes().replace(b"no:company_news", b"no:partner_offers", 1))
    assert machine.watch.token() is None
    assert f"{file.name}, line 3" in machine.halts()[0].why
    found = recovery.verify(road.database, road.journal.folder)
    assert [(each.file, each.line) for each in found.broken] == [(file.name, 3)]


@pytest.mark.clause("C08")
@pytest.mark.parametrize("lost", [{"stop_all": True}, {"tracking": False}])
def test_a_lost_no_is_found_though_versions_went_on_since_the_restore(
    machine: Machine, lost: dict[str, bool]
) -> None:
    road = machine.road
    jo = road.customer("Jo")
    machine.back_up()
    machine.wish(jo, **lost)
    version = machine.version(jo)
    machine.restore()
    with road.database.transaction() as session:  # the shop's list comes in once more
        permission.import_permissions(
            session,
            [permission.ImportedYes(jo.person_id, frozenset({Topic.SOFTWARE_UPDATES}), "shop")],
            policy_version="2026-11",
            reference="P-LIST",
            now=road.now,
        )
    assert machine.version(jo) >= version
    assert machine.watch.token() is None
    assert [halt.persons for halt in machine.halts()] == [1]


def test_a_file_that_goes_while_it_is_looked_at_holds_up_this_process_alone(
    machine: Machine,
) -> None:
    machine.no(machine.road.customer("Jo"))
    gone = machine.road.journal.folder / "20261101T000000-web-0.jsonl"
    gone.symlink_to("nowhere")
    assert machine.watch.token() is None
    assert machine.halts() == []
    gone.unlink()
    machine.later()
    assert machine.watch.token() is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_listed_is_no_empty_one(machine: Machine) -> None:
    machine.no(machine.road.customer("Jo"))
    folder = machine.road.journal.folder
    machine.watch.token()
    folder.chmod(0o300)
    machine.later()
    assert machine.watch.token() is None
    folder.chmod(0o700)
    assert len(machine.halts()) == 1


def test_a_journal_that_is_gone_stops_nothing_and_is_told(machine: Machine) -> None:
    road = machine.road
    machine.no(road.customer("Jo"))
    machine.watch.token()
    assert recovery.is_whole(road.database, road.journal.folder)
    lines_of(road.journal.folder).unlink()
    machine.later()
    assert machine.watch.token() is not None
    assert not recovery.is_whole(road.database, road.journal.folder)
    assert len(recovery.verify(road.database, road.journal.folder).cut) == 1


def test_another_folder_is_another_journal_even_with_files_of_the_same_name(
    machine: Machine, tmp_path: Path
) -> None:
    road = machine.road
    machine.no(road.customer("Jo"))
    machine.watch.token()
    other = Journal(tmp_path / "other", process="test")
    other.write("handing", at=road.now, mailing=1, batch=10_000)
    lines_of(other.folder).rename(other.folder / lines_of(road.journal.folder).name)
    halt = recovery.look_again(road.database, other.folder, now=road.now)
    assert halt is not None
    machine.later()
    assert machine.watch.token() is not None  # this machine's journal is known whole
    road.campaign()
    assert not machine.sender.deliver_one(Lane.PROMOTIONAL)  # and the other's stops it too


def test_a_second_look_reads_what_came_since(machine: Machine) -> None:
    road = machine.road
    machine.no(road.customer("Jo"))
    machine.watch.token()
    [(line, size)] = machine.rows("SELECT line, bytes FROM recovery_mark")
    assert (line, size) == (2, lines_of(road.journal.folder).stat().st_size)
    machine.no(road.customer("Ann"))
    machine.later()
    machine.watch.token()
    assert machine.rows("SELECT line FROM recovery_mark") == [(3,)]


def test_what_is_made_before_a_replay_gets_no_number_of_something_lost(machine: Machine) -> None:
    road = machine.road
    jo = road.customer("Jo")
    machine.back_up()
    lost = road.customer("Ann")
    mailing = road.campaign()
    assert machine.sender.deliver_one(Lane.PROMOTIONAL)
    machine.no(lost)
    machine.restore()
    assert machine.watch.token() is None
    assert road.customer("Eve").person_id > lost.person_id
    assert road.order_update(jo) > mailing
