"""Chores that were rung for often are done once; hours of ringing hold nobody up."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from mailer.settings import read_settings
from tests.web.house import environment_for
from workers.app import CHORES_AT_MOST, create_celery
from workers.chores import Chores
from workers.shift import Shift

EVERY = {"tick": 0.5, "sweep": 2.5, "judge": 0.5}


@dataclass
class ShiftOfTests:
    """Counts what it is asked to do."""

    done: list[str] = field(default_factory=list)

    def __getattr__(self, chore: str) -> Any:
        return lambda: self.done.append(chore)


def test_what_was_done_a_moment_ago_is_passed_over_and_each_chore_for_itself() -> None:
    shift, now = ShiftOfTests(), [100.0]
    chores = Chores(cast("Shift", shift), EVERY, lambda: now[0])
    for _ in range(1000):
        chores.tick()
        chores.sweep()
        chores.judge()
    assert shift.done == ["tick", "sweep", "judge"]
    now[0] += 0.5
    for _ in range(10):
        chores.tick()
        chores.sweep()
    assert shift.done[3:] == ["tick"]


def test_the_beat_rings_every_chore_by_a_running_clock_and_no_task_expires(tmp_path: Any) -> None:
    settings = read_settings(environment_for("postgresql://nobody@127.0.0.1:1/none", tmp_path))
    rung = create_celery(settings).conf.beat_schedule
    assert set(rung) == set(CHORES_AT_MOST)
    for chore in rung.values():
        assert "expires" not in chore["options"]
        began = chore["schedule"].now()
        is_due, seconds = chore["schedule"].is_due(began - timedelta(hours=1))
        assert is_due
        assert 0 < seconds <= chore["schedule"].run_every.total_seconds()
