"""Processes that do a file's thinking beside the one that writes; their answers come in order.

They are forked, so that no key travels, and touch no connection. Each has one thing in hand at a
time, and ends by itself when the first process is gone.
"""

import errno
import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Work = Callable[[Asked], Answer]
MOST = 4
"""More would wait for the one that writes."""
CAN_FORK = "fork" in multiprocessing.get_all_start_methods()


class HelperGone(ChildProcessError):
    """A helper was killed, for want of memory it may be; the one that writes has lost nothing."""

    def __init__(self) -> None:
        super().__init__(errno.ECHILD, "a process that helped was killed; give the command again")


class Helpers(Generic[Asked, Answer]):
    """Does one kind of work in several processes; in this one, where there are none."""

    def __init__(self, work: Work[Asked, Answer], lines: list[Connection]) -> None:
        self._work, self._lines = work, lines

    def answers(self, questions: Iterable[Asked]) -> Iterator[tuple[Asked, Answer]]:
        """Yield each question with its answer, in order; as many as there are helpers are ahead.

        Raises what the work raises, and HelperGone.
        """
        asked: deque[tuple[Asked, Connection]] = deque()
        idle = deque(self._lines)
        for question in questions:
            if not self._lines:
                yield question, self._work(question)
                continue
            done = None if idle else self._heard(asked, idle)
            line = idle.popleft()
            _ask(line, question)
            asked.append((question, line))
            if done is not None:
                yield done
        while asked:
            yield self._heard(asked, idle)

    def _heard(
        self, asked: deque[tuple[Asked, Connection]], idle: deque[Connection]
    ) -> tuple[Asked, Answer]:
        question, line = asked.popleft()
        try:
            answer = line.recv()
        except (EOFError, ConnectionError):
            raise HelperGone from None
        if isinstance(answer, Exception):
            raise answer
        idle.append(line)
        return question, answer


def _ask(line: Connection, question: object) -> None:
    try:
        line.send(question)
    except ConnectionError:
        raise HelperGone from None


def helpers_for(rows: int, set_size: int) -> int:
    """Return how many processes help with so many rows: none for a single set."""
    if not CAN_FORK or rows <= set_size:
        return 0
    return min(os.cpu_count() or 1, MOST)


@contextmanager
def helping(work: Work[Asked, Answer], count: int) -> Iterator[Helpers[Asked, Answer]]:
    """Yield `count` processes that do `work`, which is pure; they are gone afterwards."""
    lines: list[Connection] = []
    with ExitStack() as stack:
        for _ in range(count):
            line, helper = _helper(work, lines)
            stack.callback(helper.join)
            lines.append(line)
        for line in lines:
            stack.callback(line.close)
        yield Helpers(work, lines)


def _helper(
    work: Work[Asked, Answer], others: Sequence[Connection]
) -> tuple[Connection, BaseProcess]:
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    helper = fork.Process(target=_help, args=(work, theirs, [*others, ours]), daemon=True)
    helper.start()
    theirs.close()
    return ours, helper


def _help(work: Work[Asked, Answer], line: Connection, not_ours: list[Connection]) -> None:
    """Answer until nobody asks any more: the other end is closed, or its process is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that writes
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # what was there before is not looked through again
    gc.set_threshold(100_000)
    for other in not_ours:
        other.close()
    try:
        while True:
            line.send(_tried(work, line.recv()))
    except (EOFError, OSError):
        return


def _tried(work: Work[Asked, Answer], question: Asked) -> Answer | Exception:
    try:
        return work(question)
    except Exception as error:  # it is raised where the answer is awaited
        return error
