"""Cancelled at half, and paused while everything is restarted: real workers, a witness in between.

`STEER_PEOPLE` sets the size, `STEER_PACE` the messages a second.
"""

import os
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer import campaigns
from mailer.campaigns import CampaignId, State
from mailer.vocabulary import MailingId
from tests.promises.checkers import promotional
from tests.promises.system import System, running_system
from tests.promises.test_opt_outs_under_load import books_of, people_of, start_campaign
from tests.promises.trouble import SLOW_ANSWERS, aim
from tests.promises.witness import Handed, read_log

PEOPLE = int(os.environ.get("STEER_PEOPLE", "3000"))
PACE = int(os.environ.get("STEER_PACE", "300"))
MINUTES = max(2.0, PEOPLE / PACE / 60 * 4)
WORKERS = 2
"""Their sending processes share one budget, which bounds what they have in hand together."""


def accepted(system: System, mailing: MailingId) -> int:
    return books_of(system, mailing).accepted


def steer(system: System, what: str, campaign: CampaignId) -> State:
    """Pause, resume or cancel as a door does: in a transaction, and a ring where more may leave."""
    with system.parts.database.transaction() as session:
        done = getattr(campaigns, what)(
            session, campaign, reason="a test", by="test", now=datetime.now(UTC)
        )
    return State(done.state)


def taken(system: System) -> list[Handed]:
    return [each for each in promotional(read_log(system.witness.log)) if each.accepted]


def run_until(system: System, mailing: MailingId, people: int) -> None:
    system.wait_for(
        lambda: accepted(system, mailing) >= people, MINUTES * 60, f"{people} to be mailed"
    )


def restart(system: System) -> None:
    """A deploy of everything at once: all processes leave in good order, and come back."""
    for part in system.processes.values():
        assert part.terminate() == 0, part.name
    system.flush_broker()
    for part in system.processes.values():
        part.start()
    system.wait_for(system.is_web_up, 60, "the web to answer")
    for name in ("worker-1", "worker-2"):
        part = system.processes[name]
        system.wait_for(lambda part=part: part.has_said("worker.ready"), 60, name)


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 240)
def test_of_a_campaign_cancelled_at_half_one_slice_per_worker_leaves_at_most(
    tmp_path: Path,
) -> None:
    with running_system(tmp_path, script=SLOW_ANSWERS) as system:
        system.environment["MAILER_PACE_PER_SECOND"] = str(PACE)
        people = people_of(system, PEOPLE)
        system.start_all()
        campaign, mailing = start_campaign(system)
        run_until(system, mailing, PEOPLE // 2)
        aim(system)
        assert steer(system, "cancel", campaign) is State.CANCELLED
        answered = time.monotonic()
        system.wait_for(lambda: books_of(system, mailing).to_go == 0, 60, "what was in hand")
        time.sleep(3)  # longer than anything takes that could still begin
        given, books = taken(system), books_of(system, mailing)
    after = sum(each.begun > answered for each in given)
    print(f"{books.accepted} of {PEOPLE} had left, {after} of them after the cancellation")
    assert after <= WORKERS * PACE
    assert PEOPLE // 2 <= books.accepted < PEOPLE
    assert len({each.recipient for each in given}) == len(given) == books.accepted
    assert books.balance
    assert books.accepted + books.cancelled == len(people)


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 240)
def test_paused_restarted_and_resumed_it_reaches_everybody_once(tmp_path: Path) -> None:
    with running_system(tmp_path, script=SLOW_ANSWERS) as system:
        system.environment["MAILER_PACE_PER_SECOND"] = str(PACE)
        people = people_of(system, PEOPLE)
        system.start_all()
        campaign, mailing = start_campaign(system)
        run_until(system, mailing, PEOPLE // 3)
        aim(system)
        assert steer(system, "pause", campaign) is State.PAUSED
        paused = time.monotonic()
        restart(system)
        before = taken(system)
        time.sleep(3)  # nothing leaves while it is paused, though everybody is back
        assert len(taken(system)) == len(before) < PEOPLE
        steer(system, "resume", campaign)
        system.wait_for(lambda: books_of(system, mailing).to_go == 0, MINUTES * 60, "the end")
        given, books = taken(system), books_of(system, mailing)
    after = sum(each.begun > paused for each in before)
    print(f"{len(before)} had left before the restart, {after} of them after the pause")
    assert after <= WORKERS * PACE
    assert {who: n for who, n in Counter(each.recipient for each in given).items() if n > 1} == {}
    assert {each.recipient for each in given} == {each.email for each in people.values()}
    assert books.balance
    assert (books.audience, books.accepted) == (len(people), len(people))
