"""Nothing happens at a failpoint unless somebody acts on it; a folder may say what."""

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailer.development.aiming import Aiming, PlanInvalid, aimed_at, read_plan
from mailer.failpoints import Failpoint, act_on_points, acting, reached

PROCESS = """
import sys
from pathlib import Path
from mailer.development.aiming import aimed_at
from mailer.failpoints import Failpoint, act_on_points, reached
act_on_points(aimed_at(Path(sys.argv[1])))
reached(Failpoint.CLAIMED)
print("claimed", flush=True)
reached(Failpoint.SETTLED)
print("settled", flush=True)
"""


def plan_in(folder: Path, seed: int = 1, **points: dict[str, object]) -> None:
    named = {Failpoint[name].value: aim for name, aim in points.items()}
    (folder / "plan.json").write_text(json.dumps({"seed": seed, "points": named}))


def hits(folder: Path) -> list[str]:
    lines = [
        line
        for log in sorted((folder / "hits").glob("*.log"))
        for line in log.read_text().splitlines()
    ]
    return [line.split(" ", 1)[1] for line in lines]


def test_a_point_does_nothing_by_itself() -> None:
    for each in Failpoint:
        reached(each)


def test_whoever_acts_is_told_of_every_point_and_of_none_afterwards() -> None:
    told: list[Failpoint] = []
    with acting(told.append):
        reached(Failpoint.CLAIMED)
        reached(Failpoint.SETTLED)
    reached(Failpoint.CLAIMED)
    assert told == [Failpoint.CLAIMED, Failpoint.SETTLED]


def test_a_process_is_killed_where_the_plan_says_and_the_hit_is_written_first(
    tmp_path: Path,
) -> None:
    plan_in(tmp_path, SETTLED={"act": "kill"})
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (-signal.SIGKILL, ["claimed"])
    assert hits(tmp_path) == ["sender.settled kill"]


def test_the_journals_disk_may_be_full(tmp_path: Path) -> None:
    plan_in(tmp_path, LINE_BEGUN={"act": "no_space"})
    with acting(aimed_at(tmp_path)), pytest.raises(OSError, match="No space") as full:
        reached(Failpoint.LINE_BEGUN)
    assert full.value.errno == errno.ENOSPC
    assert hits(tmp_path) == ["journal.line_begun no_space"]


def test_without_a_plan_nothing_happens(tmp_path: Path) -> None:
    with acting(aimed_at(tmp_path)):
        for each in Failpoint:
            reached(each)
    assert not (tmp_path / "hits").exists()


def test_a_chance_is_drawn_from_the_seed(tmp_path: Path) -> None:
    plan_in(tmp_path, CLAIMED={"act": "wait", "chance": 0.3})
    drawn = []
    for _ in range(2):
        aiming = Aiming(tmp_path)
        for _ in range(100):
            aiming(Failpoint.CLAIMED)
        drawn.append(len(hits(tmp_path)))
    assert 10 < drawn[0] < 60
    assert drawn[1] == 2 * drawn[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "a plan is like"),
        ('{"seed": 1, "points": {"sender.lunch": {"act": "kill"}}}', "sender.lunch"),
        ('{"seed": 1, "points": {"sender.claimed": {"act": "shout"}}}', "none of kill"),
        ('{"points": {}}', "seed"),
    ],
)
def test_a_plan_that_makes_no_sense_says_what_would(text: str, why: str) -> None:
    with pytest.raises(PlanInvalid, match=why):
        read_plan(text)


def test_nobody_acts_after_a_test() -> None:
    act_on_points(None)
    reached(Failpoint.CLAIMED)
