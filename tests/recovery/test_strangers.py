"""A number that was somebody's who was lost is no word about whoever gets it after a restore."""

import pytest

from mailer import people
from mailer.permission import Change
from mailer.vocabulary import Door, Lane
from tests.people_of_tests import TestPerson
from tests.recovery.conftest import Machine, arrives


@pytest.fixture
def jo(machine: Machine) -> TestPerson:
    return machine.road.customer("Jo Example")


@pytest.mark.clause("C08")
def test_a_customer_who_got_the_number_of_a_lost_one_keeps_their_own_wishes(
    machine: Machine,
) -> None:
    machine.back_up()
    lost = machine.road.customer("Jo Example")
    machine.no(lost)
    machine.restore()
    machine.road.later(minutes=10)
    other = arrives(machine, "somebody.else@example.com")  # before anybody thought of a replay
    assert other.person_id == lost.person_id
    machine.replay()
    assert not machine.is_refused(other)
    assert machine.is_refused(arrives(machine, lost.email))


@pytest.mark.clause("C08")
@pytest.mark.parametrize("lost_is_merged", [True, False])
def test_who_got_the_number_of_a_lost_one_is_made_one_with_nobody(
    machine: Machine, jo: TestPerson, lost_is_merged: bool
) -> None:
    machine.back_up()
    lost = machine.road.customer("Jo Other")
    machine.no(lost)
    pair = (jo, lost) if lost_is_merged else (lost, jo)
    machine.road.opt_outs.merge(survivor=pair[0].person_id, merged=pair[1].person_id)
    machine.restore()
    machine.road.later(minutes=10)
    other = arrives(machine, "somebody.else@example.com")
    assert other.person_id == lost.person_id
    assert machine.replay().merges == 0
    with machine.road.database.reading() as session:
        ones = [people.identity_of(session, each.person_id).persons for each in (jo, other)]
    assert ones == [{jo.person_id}, {other.person_id}]
    assert not machine.is_refused(other)
    assert machine.is_refused(arrives(machine, lost.email))


def test_no_number_of_the_journal_is_given_again(machine: Machine) -> None:
    road = machine.road
    machine.back_up()
    lost = road.customer("Jo Example")
    mailing = road.campaign()
    machine.sender.deliver_one(Lane.PROMOTIONAL)
    machine.no(lost)
    [(batch,)] = machine.rows("SELECT max(id) FROM delivery_batch")
    machine.restore()
    machine.replay()
    other = road.customer("Ann")
    assert (other.person_id > lost.person_id, other.address_id > lost.address_id) == (True, True)
    assert road.campaign("campaign:2") > mailing
    [(later,)] = machine.rows("SELECT min(id) FROM delivery_batch")
    assert later > batch


@pytest.mark.clause("C08")
def test_a_link_of_the_time_that_was_lost_stops_no_stranger(
    machine: Machine, jo: TestPerson
) -> None:
    road = machine.road
    machine.back_up()
    lost = arrives(machine, "came.later@example.com")
    road.campaign()
    while machine.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    assert lost.email in road.got()
    machine.restore()
    machine.replay()
    road.later(hours=1)
    strangers = [arrives(machine, f"{name}@example.com") for name in ("first", "second")]
    change = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
    road.opt_outs.change(lost.person_id, change, address_id=lost.address_id)
    assert not any(map(machine.is_refused, strangers))


def test_numbers_that_no_line_names_are_not_given_again_either(
    machine: Machine, jo: TestPerson
) -> None:
    machine.back_up()
    machine.no(jo)
    lost = [machine.road.customer(name) for name in ("Ann", "Max")]
    machine.restore()
    machine.replay()
    newcomer = machine.road.customer("Eve")
    assert newcomer.person_id > max(each.person_id for each in lost)
    assert newcomer.address_id > max(each.address_id for each in lost)
