"""After a replay every no of the journal holds, in a database that had never heard of it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from mailer import ledger, orders, people, permission, recovery
from mailer.delivery import News
from mailer.journal import JournalBroken
from mailer.permission import NewSuppression
from mailer.vocabulary import (
    AddressId,
    Door,
    Frequency,
    Heard,
    Lane,
    Reason,
    Refused,
    Scope,
    SuppressionReason,
    Topic,
)
from tests.people_of_tests import TestPerson
from tests.promises.trouble import an_order
from tests.recovery.conftest import NEWS, Machine, arrives

UPDATES = Topic.SOFTWARE_UPDATES


@pytest.fixture
def jo(machine: Machine) -> TestPerson:
    return machine.road.customer("Jo Example", topics=(NEWS, UPDATES))


def address_of(machine: Machine, email: str) -> AddressId:
    with machine.road.database.transaction() as session:
        found = people.address_id_of(session, machine.road.vault, email, create=True)
    assert found is not None
    return found


def hashed(machine: Machine, who: TestPerson, *, generation: int) -> None:
    """Let an address stand under one of the index keys, newest first, as a rotation leaves it."""
    vault = machine.road.vault
    with machine.road.database.transaction() as session:
        session.execute(
            text("UPDATE people_address SET blind = :blind, index_key = :key WHERE id = :id"),
            {
                "id": who.address_id,
                "blind": vault.indexes("email", who.email)[generation],
                "key": vault.index_names[generation],
            },
        )


@pytest.mark.clause("C08")
def test_a_forgotten_no_holds_again_as_it_was_spoken(machine: Machine, jo: TestPerson) -> None:
    machine.back_up()
    machine.no(jo)
    spoken, version = machine.road.now, machine.version(jo)
    machine.restore()
    assert not machine.is_refused(jo)
    assert not machine.sender.deliver_one(Lane.PROMOTIONAL)
    done = machine.replay()
    assert (done.persons, done.brought_back) == (1, 1)
    assert machine.verdict(jo) == Refused(Reason.NOT_TOPIC, since=spoken)
    with machine.road.database.reading() as session:
        [*_, word] = permission.consents_of(session, jo.person_id)
        [entry, *_] = ledger.story_of(session, jo.person_id, limit=1)
    assert (word.act, word.topic, word.at, word.door) == (
        "no",
        NEWS,
        spoken,
        Door.PREFERENCE_PAGE,
    )
    assert word.version == version == machine.version(jo)
    assert entry.kind == "journal.brought_back"
    assert not machine.is_refused(jo, UPDATES)
    machine.later()
    assert machine.watch.token() is not None


@pytest.mark.clause("C08")
def test_a_yes_comes_back_and_never_over_a_later_no(machine: Machine, jo: TestPerson) -> None:
    ann = machine.road.customer("Ann")
    machine.no(jo)
    machine.no(ann)
    machine.back_up()
    machine.yes(jo)
    machine.yes(ann)
    machine.no(ann)
    machine.restore()
    machine.replay()
    assert not machine.is_refused(jo)
    assert machine.is_refused(ann)


@pytest.mark.clause("C08")
def test_a_no_said_after_the_restore_stands_against_a_yes_from_before_it(
    machine: Machine, jo: TestPerson
) -> None:
    machine.no(jo)
    machine.back_up()
    machine.wish(jo, paused_until=machine.road.now + timedelta(days=3))
    machine.yes(jo)
    machine.restore()
    machine.no(jo)  # versions begin anew, so that this one is lower than the yes
    machine.replay()
    assert machine.is_refused(jo)


def test_what_else_they_wanted_less_of_holds_again(machine: Machine, jo: TestPerson) -> None:
    until = machine.road.now + timedelta(days=30)
    machine.back_up()
    machine.wish(jo, paused_until=until, frequency=Frequency.MONTHLY, tracking=False, gpc=True)
    machine.restore()
    machine.replay()
    with machine.road.database.reading() as session:
        standing = permission.standing_of(session, jo.person_id)
    assert standing is not None
    assert (standing.paused_until, standing.frequency, standing.tracking) == (
        until,
        Frequency.MONTHLY,
        False,
    )
    assert standing.gpc_since is not None


@pytest.mark.clause("C08")
def test_complaints_bounces_and_removals_hold_again(machine: Machine, jo: TestPerson) -> None:
    road = machine.road
    ann, max_ = road.customer("Ann"), road.customer("Max")
    mailing = road.campaign()
    while machine.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    machine.back_up()
    road.opt_outs.hear(
        News(mailing, jo.person_id, Heard.COMPLAINED, road.now),
        News(mailing, ann.person_id, Heard.BOUNCED, road.now, 550, "5.1.1 no such user"),
    )
    removed = NewSuppression(
        Scope.PROMOTIONAL, SuppressionReason.OPT_OUT, Door.SUPPORT, address_id=max_.address_id
    )
    road.opt_outs.suppress(removed, persons=[max_.person_id])
    machine.restore()
    machine.replay()
    assert all(map(machine.is_refused, (jo, ann, max_)))


@pytest.mark.clause("C08")
def test_two_who_were_merged_are_one_again_and_the_no_of_either_holds(
    machine: Machine, jo: TestPerson
) -> None:
    other = machine.road.customer("Jo Other")
    road = machine.road
    with road.database.transaction() as session:
        orders.place(session, road.vault, an_order("A-1", other, road.now), now=road.now)
    machine.back_up()
    machine.no(other)
    road.opt_outs.merge(survivor=jo.person_id, merged=other.person_id)
    machine.restore()
    done = machine.replay()
    assert done.merges == 1
    with road.database.reading() as session:
        assert people.identity_of(session, other.person_id).survivor == jo.person_id
        assert [each.number for each in orders.orders_of(session, jo.person_id)] == ["A-1"]
    assert machine.is_refused(jo)


@pytest.mark.clause("C08")
def test_a_no_waits_at_the_address_that_somebody_had_moved_to(
    machine: Machine, jo: TestPerson
) -> None:
    machine.no(jo)
    machine.back_up()
    machine.road.opt_outs.change_address(jo.person_id, "new@example.com")
    machine.restore()
    machine.replay()
    assert machine.is_refused(jo)
    assert machine.is_refused(arrives(machine, "new@example.com"))


@pytest.mark.clause("C08")
def test_who_came_after_the_backup_is_met_by_their_no_when_they_come_again(
    machine: Machine,
) -> None:
    machine.back_up()
    lost = machine.road.customer("Jo Example")
    machine.no(lost)
    machine.restore()
    done = machine.replay()
    assert done.addresses == 1
    again = arrives(machine, lost.email)
    assert again.person_id > lost.person_id
    assert machine.is_refused(again)
    assert not machine.is_refused(arrives(machine, "somebody.else@example.com"))


@pytest.mark.clause("C08")
def test_an_address_that_was_nobodys_is_suppressed_again(machine: Machine) -> None:
    machine.back_up()
    address = address_of(machine, "nobody@example.com")
    machine.road.opt_outs.suppress(
        NewSuppression(Scope.ALL, SuppressionReason.MANUAL, Door.SUPPORT, address_id=address)
    )
    machine.restore()
    machine.replay()
    assert machine.is_refused(arrives(machine, "nobody@example.com"))


@pytest.mark.clause("C08")
def test_an_address_hashed_under_another_key_than_the_lines_is_known_again(
    machine: Machine,
) -> None:
    road = machine.road
    jo = road.customer("Jo Example")
    hashed(machine, jo, generation=1)
    machine.back_up()
    hashed(machine, jo, generation=0)
    road.opt_outs.suppress(
        NewSuppression(
            Scope.PROMOTIONAL, SuppressionReason.OPT_OUT, Door.SUPPORT, address_id=jo.address_id
        )
    )
    machine.restore()
    machine.replay()
    assert machine.is_refused(jo)


def test_a_second_replay_finds_nothing_to_do(machine: Machine, jo: TestPerson) -> None:
    machine.back_up()
    machine.no(jo)
    machine.restore()
    machine.replay()
    version = machine.version(jo)
    again = machine.replay()
    assert (again.lines, again.brought_back, again.addresses) == (0, 0, 0)
    assert machine.version(jo) == version


@pytest.mark.clause("C08")
def test_a_replay_that_was_killed_is_done_again(machine: Machine) -> None:
    crowd = machine.road.crowd(45)
    machine.back_up()
    for each in crowd:
        machine.no(each)
    machine.restore()
    assert machine.watch.token() is None

    class Killed(BaseException):
        pass

    def end(done: int, of: int) -> None:
        if done > 20:
            raise Killed

    with pytest.raises(Killed):
        machine.replay(progress=end)
    machine.later()
    assert machine.watch.token() is None
    machine.replay()
    assert all(map(machine.is_refused, crowd))
    nos = machine.rows("SELECT person_id FROM permission_consent WHERE act = 'no'")
    assert len(nos) == len(crowd)
    machine.later()
    assert machine.watch.token() is not None


@pytest.mark.clause("C08")
def test_a_database_that_is_restored_under_a_replay_is_put_right_again(machine: Machine) -> None:
    crowd = machine.road.crowd(25)
    machine.back_up()
    for each in crowd:
        machine.no(each)
    machine.restore()
    restores = [machine.restore]

    def restore_once(done: int, of: int) -> None:
        if restores and done < of:
            restores.pop()()

    machine.replay(progress=restore_once)
    assert not restores
    assert all(map(machine.is_refused, crowd))
    assert machine.rows("SELECT count(*) FROM ledger_entry WHERE kind = 'journal.replayed'") == [
        (1,)
    ]


def test_a_dry_run_tells_and_changes_nothing(machine: Machine, jo: TestPerson) -> None:
    machine.back_up()
    machine.no(jo)
    machine.restore()
    assert machine.watch.token() is None
    assert machine.replay(dry_run=True).brought_back == 1
    assert not machine.is_refused(jo)
    assert machine.halts() != []


def test_a_broken_file_is_replayed_up_to_the_break_where_somebody_says_so(
    machine: Machine, jo: TestPerson
) -> None:
    ann = machine.road.customer("Ann")
    machine.back_up()
    machine.no(jo)
    machine.no(ann)
    machine.restore()
    [file] = machine.road.journal.folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b'"version":2,', b'"version":3,', 1))
    with pytest.raises(JournalBroken):
        machine.replay()
    done = machine.replay(up_to_the_break=True)
    assert [(each.line, each.lines_behind) for each in done.skipped] == [(3, 1)]
    assert (machine.is_refused(jo), machine.is_refused(ann)) == (True, False)
    machine.later()
    assert machine.watch.token() is not None
    machine.no(ann)  # the process that lives goes on writing to that file
    machine.later()
    assert machine.watch.token() is not None


@pytest.mark.clause("C08")
def test_lines_of_the_first_format_are_replayed_by_their_numbers(
    machine: Machine, jo: TestPerson
) -> None:
    ann = machine.road.customer("Ann")
    for who, number in ((jo, 1), (ann, 2)):
        machine.road.journal.write(
            "no",
            at=machine.road.now,
            person=who.person_id,
            version=7,
            reference=f"P-OLD-{number}",
            acts="stop",
            addresses=str(who.address_id),
        )
    machine.road.journal.write("handing", at=machine.road.now, mailing=900, batch=9000)
    machine.replay()
    assert machine.is_refused(jo)
    assert machine.is_refused(ann)
    assert machine.version(jo) == 7


def test_who_was_erased_stays_erased(machine: Machine, jo: TestPerson) -> None:
    road = machine.road
    machine.no(jo)
    machine.back_up()
    machine.wish(jo, stop_all=True)
    machine.restore()
    with road.database.transaction() as session:
        people.erase(session, road.vault, jo.person_id, now=road.now)
        permission.forget(session, jo.person_id)
    machine.replay()
    with road.database.reading() as session:
        assert permission.standing_of(session, jo.person_id) is None
    assert machine.is_refused(arrives(machine, jo.email), UPDATES)


def test_nothing_is_said_of_an_empty_journal(machine: Machine) -> None:
    assert machine.replay().lines == 0
    assert recovery.verify(machine.road.database, machine.road.journal.folder).files == 0


def test_an_address_is_known_by_its_mark_alone(machine: Machine, jo: TestPerson) -> None:
    with machine.road.database.reading() as session:
        told = people.marks_of(session, [jo.address_id])[jo.address_id]
        mark = people.AddressMark.read(told)
        assert "@" not in told
        found = people.addresses_by_mark(session, {AddressId(999): mark})
        assert found == {AddressId(999): frozenset({jo.address_id})}
        with pytest.raises(ValueError, match="mark"):
            people.AddressMark.read("x.00.00")
