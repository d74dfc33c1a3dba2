"""The processes that help an import: they end with it, and it is told when they end before it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest

from mailer.intake._helpers import HelperGone, helping

LONG = """
import multiprocessing, time
from mailer.intake._helpers import helping

with helping(lambda question: bytes(5_000_000), 3) as helpers:
    next(helpers.answers(range(100)))
    print(*[each.pid for each in multiprocessing.active_children()], flush=True)
    time.sleep(600)
"""


def test_helpers_end_when_the_process_that_forked_them_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", LONG], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        helpers = [psutil.Process(int(each)) for each in writer.stdout.readline().split()]
        writer.kill()
    assert len(helpers) == 3
    _, left = psutil.wait_procs(helpers, timeout=20)
    # Where nobody waits for orphans, they stay as zombies: ended all the same.
    assert [each for each in left if each.status() != psutil.STATUS_ZOMBIE] == []


def kill_yourself_at(number: int) -> Callable[[int], bytes]:
    def work(question: int) -> bytes:
        if question == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return bytes(question)

    return work


@pytest.mark.parametrize("number", [0, 1, 7, 9])
def test_a_helper_that_was_killed_ends_the_work_with_a_word_of_it(number: int) -> None:
    heard: list[int] = []
    with helping(kill_yourself_at(number), 2) as helpers, pytest.raises(HelperGone):
        heard += [question for question, _ in helpers.answers(range(10))]
    assert number not in heard


def test_what_the_work_raises_is_raised_where_its_answer_is_awaited() -> None:
    def work(question: int) -> float:
        return 1 / (3 - question)

    with helping(work, 2) as helpers, pytest.raises(ZeroDivisionError):
        list(helpers.answers(range(10)))
