"""Nos that were answered in part, or spoken again after they had ended, before and after a restore."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from mailer import permission
from mailer.permission import NewSuppression
from mailer.vocabulary import Door, Frequency, Reason, Refused, Scope, SuppressionReason, Topic
from tests.people_of_tests import TestPerson
from tests.recovery.conftest import NEWS, Machine

UPDATES = Topic.SOFTWARE_UPDATES


@pytest.fixture
def jo(machine: Machine) -> TestPerson:
    return machine.road.customer("Jo Example", topics=(NEWS, UPDATES))


def removal(machine: Machine, who: TestPerson, scope: Scope = Scope.PROMOTIONAL) -> NewSuppression:
    machine.road.later(minutes=1)
    wholly = scope is Scope.ALL
    reason = SuppressionReason.MANUAL if wholly else SuppressionReason.OPT_OUT
    return NewSuppression(scope, reason, Door.SUPPORT, address_id=who.address_id)


def standing_nos(machine: Machine) -> list[tuple[str, bool]]:
    rows = machine.rows(
        "SELECT scope, person_id IS NULL FROM permission_suppression WHERE lifted_at IS NULL"
    )
    return sorted((scope, is_by_address) for scope, is_by_address in rows)


def lift(machine: Machine, number: int) -> None:
    with machine.road.database.transaction() as session:
        permission.lift(session, number, why="They asked for it back.", now=machine.road.now)


def told_again(machine: Machine) -> None:
    """Let a replay read the whole journal once more, as on a host that had never looked."""
    with machine.road.database.transaction() as session:
        session.execute(text("DELETE FROM recovery_mark"))
    assert machine.replay().lines > 1


@pytest.mark.clause("C08")
def test_a_stop_holds_for_the_topics_that_a_later_yes_did_not_name(
    machine: Machine, jo: TestPerson
) -> None:
    machine.back_up()
    machine.wish(jo, stop_all=True)
    stopped = machine.road.now
    machine.restore()
    machine.wish(jo, frequency=Frequency.MONTHLY)
    machine.no(jo)
    machine.yes(jo)  # of a higher version than the stop, since versions had begun anew
    machine.replay()
    assert not machine.is_refused(jo)
    assert machine.verdict(jo, UPDATES) == Refused(Reason.NOT_TOPIC, since=stopped)
    version = machine.version(jo)
    machine.road.later(minutes=1)
    assert machine.replay().brought_back == 0
    assert machine.version(jo) == version


@pytest.mark.clause("C08")
def test_a_removal_after_one_that_ended_before_the_backup_holds_again(
    machine: Machine, jo: TestPerson
) -> None:
    opt_outs = machine.road.opt_outs
    opt_outs.suppress(removal(machine, jo), persons=[jo.person_id])
    machine.yes(jo)
    assert not machine.is_refused(jo)
    machine.back_up()
    opt_outs.suppress(removal(machine, jo), persons=[jo.person_id])
    machine.restore()
    assert machine.watch.token() is None
    machine.replay()
    assert machine.is_refused(jo)
    held = standing_nos(machine)
    machine.later()
    assert machine.watch.token() is not None
    machine.replay()
    assert standing_nos(machine) == held


@pytest.mark.clause("C08")
@pytest.mark.parametrize("scope", [Scope.PROMOTIONAL, Scope.ALL])
def test_a_removal_by_address_after_one_that_was_lifted_is_missed_and_comes_back_once(
    machine: Machine, jo: TestPerson, scope: Scope
) -> None:
    opt_outs = machine.road.opt_outs
    number, _ = opt_outs.suppress(removal(machine, jo, scope))
    machine.road.later(minutes=1)
    if scope is Scope.ALL:
        lift(machine, number)
    else:
        machine.yes(jo)
    before = standing_nos(machine)
    machine.back_up()
    opt_outs.suppress(removal(machine, jo, scope))
    machine.restore()
    assert machine.watch.token() is None
    assert machine.replay().addresses == 1
    assert machine.is_refused(jo)
    told_again(machine)
    assert len(standing_nos(machine)) == len(before) + 1


def test_a_no_that_was_lifted_after_its_line_is_not_brought_back(
    machine: Machine, jo: TestPerson
) -> None:
    opt_outs = machine.road.opt_outs
    first, _ = opt_outs.suppress(removal(machine, jo, Scope.ALL))
    again, _ = opt_outs.suppress(removal(machine, jo, Scope.ALL))
    assert first == again  # the one that stands is kept, and is older than the second line
    machine.road.later(minutes=1)
    lift(machine, first)
    assert machine.watch.token() is not None
    told_again(machine)
    assert standing_nos(machine) == []
    assert not machine.is_refused(jo)


@pytest.mark.clause("C08")
def test_a_no_for_ever_is_missed_where_one_for_a_time_stands(
    machine: Machine, jo: TestPerson
) -> None:
    opt_outs = machine.road.opt_outs
    until = machine.road.now + timedelta(minutes=5)
    opt_outs.suppress(replace(removal(machine, jo, Scope.ALL), until=until))
    assert machine.watch.token() is not None
    machine.back_up()
    opt_outs.suppress(removal(machine, jo, Scope.ALL))
    machine.restore()
    assert machine.watch.token() is None
    machine.replay()
    machine.road.later(minutes=10)
    assert machine.is_refused(jo)
