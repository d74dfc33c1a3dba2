"""A worker that starts on a database older than its journal says so, before anything is due."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer.permission import Change
from mailer.vocabulary import Door
from tests.people_of_tests import a_customer
from tests.promises.system import Part, System, as_json, running_system
from tests.recovery.backups import back_up

STOP = Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", stop_all=True)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_worker_that_is_refused_promotional_mail_warns_of_it_once_at_its_start(
    tmp_path: Path,
) -> None:
    with running_system(tmp_path) as system:
        jo = forget_an_opt_out(system)
        [refused] = warnings_of(started(system))
        again = warnings_of(started(system))  # by what stands in the database since
    assert "older than the journal" in str(refused["why"])
    assert "fpmail journal replay" in str(refused["why"])
    assert (refused["level"], refused["more"]) == ("warning", "fpmail journal verify")
    assert jo not in str(refused)
    assert len(again) == 1


def forget_an_opt_out(system: System) -> str:
    """Restore the database to before Jo's opt-out; return Jo's address."""
    parts = system.parts
    with parts.database.transaction() as session:
        jo = a_customer(session, parts.vault, now=datetime.now(UTC))
    backup = back_up(parts.database)
    parts.opt_outs.change(jo.person_id, STOP)
    backup.restore()
    return jo.email


def started(system: System) -> Part:
    """A worker that has started and left again."""
    part = system.start("worker-1", "worker")
    system.wait_for(lambda: part.has_said("worker.ready"), 60, "the worker")
    assert part.terminate() == 0
    return part


def warnings_of(part: Part) -> list[dict[str, object]]:
    """What the last start of a part said about promotional mail."""
    lines = map(as_json, part.since_its_start().splitlines())
    return [line for line in lines if line.get("event") == "promotional.refused"]
