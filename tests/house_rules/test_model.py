"""The model of the protocol speaks of the code: its states, its steps, and the weakenings it names."""

import re

from mailer.delivery.states import NEXT, BatchState, MailingState
from mailer.failpoints import Failpoint
from tests.promises.model import FOLDER, PROTOCOL, README, configurations, weakenings

ROOMS = ("sender.", "gate.", "provider.", "reaper.", "optout.")
MOVE = re.compile(r"(?<!inline )\bmove\(\w+, (\w+), (\w+)\)")
ASKED = re.compile(r"^#(?:ifn?def|(?:el)?if) (.+)$", re.MULTILINE)
STEP = re.compile(r"^((?:sender|gate|optout)_\w+):$", re.MULTILINE)
STEP_ROW = re.compile(r"^\| (`?)([\w ]+)`? \| (`.+`) \|$", re.MULTILINE)


def sets_of_names() -> list[list[str]]:
    """The names that the model declares, a list for each set of them."""
    declared = re.findall(r"^mtype = \{(.+)\};$", PROTOCOL.read_text(), re.MULTILINE)
    return [names.replace(" ", "").split(",") for names in declared]


def test_its_batches_and_mailings_have_the_states_of_the_code() -> None:
    batch, mailing, _ = sets_of_names()
    assert batch == [each.value for each in BatchState]
    assert {*mailing, "cancelled"} == {each.value for each in MailingState}


def test_its_batches_move_as_the_code_lets_them_and_in_every_such_way() -> None:
    assert set(MOVE.findall(PROTOCOL.read_text())) == {
        (before.value, after.value) for before, others in NEXT.items() for after in others
    }


def test_each_of_its_steps_is_a_point_of_the_code_and_each_point_is_in_a_step() -> None:
    section = README.read_text().split("## Steps\n")[1]
    steps = {
        (name, is_label == "`"): re.findall(r"`([\w.]+)`", points)
        for is_label, name, points in STEP_ROW.findall(section)
    }
    labels = [name for name, is_label in steps if is_label]
    assert STEP.findall(PROTOCOL.read_text()) == labels
    assert [each for each in labels if each.replace("_", ".", 1) not in steps[each, True]] == []
    points = [point for some in steps.values() for point in some]
    assert sorted(points) == sorted(each.value for each in Failpoint if each.startswith(ROOMS))


def test_every_flag_that_it_asks_for_is_told_with_what_it_does() -> None:
    asked = {
        name
        for file in (PROTOCOL, FOLDER / "weakenings.h")
        for condition in ASKED.findall(file.read_text())
        for name in re.findall(r"\b[A-Z]\w+\b", condition)
    }
    told = {
        flag.removeprefix("-D").split("=")[0]
        for row in [*configurations(), *weakenings()]
        for flag in row.flags
    }
    assert asked == told
