"""Keeps programs running until it is told to stop, and then leaves nothing behind."""

import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

from mailer.development.places import PlaceUnusable
from mailer.development.processes import (
    POLL_SECONDS,
    Command,
    Process,
    Program,
    ProgramFailed,
    ended,
    start,
)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FIRST_BACK_OFF = 0.5
LONGEST_BACK_OFF = 30.0
STEADY_SECONDS = 60.0
"""A program that has run this long starts with a short back-off again."""
LAST_LINES = 12
"""So much of what a program said is shown again when it fails: enough for the end of a traceback."""

Say = Callable[[str, str], None]
"""Takes a program's name and a line of its output."""


class Stopped(Exception):
    """We were told to stop while something was being started."""


@dataclass
class _Kept:
    """A program that is to run, and how its last starts went."""

    program: Program
    process: Process | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    failures: int = 0
    reader: threading.Thread | None = None
    said: deque[str] = field(default_factory=deque)
    """The last lines of the process that was started last."""

    def failed(self, what: str) -> ProgramFailed:
        """Return what to raise about it, with its own last lines."""
        if self.reader:
            self.reader.join(timeout=1.0)  # what it said last may still be on the way
        return ProgramFailed(what, tuple(self.said))


class Supervisor:
    """Starts programs in order, starts again what ends by itself, stops all in reverse order.

    SIGINT, SIGTERM and SIGHUP stop it; a second one stops waiting for those that take their
    time. If it is killed itself, the kernel tells every program to stop (Linux). Use it in the
    main thread, as `with supervising(say) as supervisor:`.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._kept: list[_Kept] = []
        self._stop = threading.Event()
        self._hurry = threading.Event()

    def stop_asked(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signals call
        """Take note of a signal; the work is done where the main thread looks next."""
        (self._hurry if self._stop.is_set() else self._stop).set()

    def start(self, program: Program) -> None:
        """Start a program, keep it running from now on, and wait until it is ready.

        A slow start is told of. Raises ProgramFailed if it ends before or takes too long, and
        Stopped if a signal came.
        """
        self.check()
        kept = _Kept(program)
        try:
            process = start(
                program,
                subprocess.PIPE,
                pause=self._telling_pause(program),
                begun=partial(self._listen, kept),
            )
        except ProgramFailed as failure:
            raise kept.failed(str(failure)) from None
        kept.process, kept.started_at = process, time.monotonic()
        self._kept.append(kept)

    def run_once(self, name: str, command: Command) -> None:
        """Run a command to its end, keeping the others running.

        Raises ProgramFailed unless it ends well, and Stopped if a signal came.
        """
        self.check()
        once = _Kept(Program(name, lambda: command, layer=sys.maxsize))
        self._kept.append(once)
        self._begin(once)
        process = once.process
        while process and not process.has_ended():
            self._look_after([kept for kept in self._kept if kept is not once])
            self._pause(POLL_SECONDS)
        self._kept.remove(once)
        if process:
            _end(once, process)
            if process.status != 0:
                raise once.failed(f"{name} {ended(process.status)}")

    def watch(self) -> None:
        """Start again what ends by itself, until a signal comes."""
        while not self._stop.wait(0.1):
            self._look_after(self._kept)

    def check(self) -> None:
        """Raise Stopped if a signal came, and ProgramFailed if a program is not running."""
        if self._stop.is_set():
            raise Stopped
        for kept in self._kept:
            if kept.process is None or kept.process.has_ended():
                raise kept.failed(f"{kept.program.name} does not stay up")

    def stop_all(self) -> None:
        """Stop every program, the highest layer first, each within its grace period."""
        self._stop.set()
        for layer in sorted({kept.program.layer for kept in self._kept}, reverse=True):
            running = [kept for kept in self._kept if kept.program.layer == layer]
            for kept in running:
                if kept.process:
                    kept.process.ask_to_stop()
            for kept in running:
                if kept.process:
                    self._wait_for(kept.process, kept.program.name)
                    _end(kept, kept.process)
        self._kept.clear()

    def _wait_for(self, process: Process, name: str) -> None:
        deadline = time.monotonic() + process.grace_seconds
        while not process.wait(0.1):
            if self._hurry.is_set() or time.monotonic() >= deadline:
                self._say("up", f"{name} does not stop by itself; ending it")
                return

    def _begin(self, kept: _Kept) -> None:
        process = Process(kept.program.command(), subprocess.PIPE)
        kept.process, kept.started_at = process, time.monotonic()
        self._listen(kept, process)

    def _listen(self, kept: _Kept, process: Process) -> None:
        kept.said = deque(maxlen=LAST_LINES)
        kept.reader = threading.Thread(
            target=self._relay, args=(kept.program, process, kept.said), daemon=True
        )
        kept.reader.start()

    def _relay(self, program: Program, process: Process, said: deque[str]) -> None:
        if process.output is None:
            return
        with process.output as lines, suppress(ValueError):
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                if text:
                    said.append(text)
                if text and not any(words in text for words in program.unsaid):
                    self._say(program.name, text)

    def _telling_pause(self, program: Program) -> Callable[[float], None]:
        """Return a pause that says now and then how long a start has taken."""
        began = told = time.monotonic()

        def pause(seconds: float) -> None:
            nonlocal told
            self._pause(seconds)
            now = time.monotonic()
            if now - told >= program.slow_after:
                told = now
                self._say("up", f"{program.name} is not ready yet, after {now - began:.0f} s")

        return pause

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    def _look_after(self, those: list[_Kept]) -> None:
        now = time.monotonic()
        for kept in those:
            if kept.process and kept.process.has_ended():
                self._put_off(kept, kept.process, now)
            if kept.process is None and now >= kept.start_again_at:
                self._begin_again(kept, now)

    def _put_off(self, kept: _Kept, process: Process, now: float) -> None:
        _end(kept, process)
        kept.process = None
        kept.failures = 0 if now - kept.started_at >= STEADY_SECONDS else kept.failures + 1
        self._wait_longer(kept, now, ended(process.status))
        if kept.said:
            self._say("up", f"the last that {kept.program.name} said: {kept.said[-1]}")

    def _wait_longer(self, kept: _Kept, now: float, why: str) -> None:
        seconds = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** max(0, kept.failures - 1))
        kept.start_again_at = now + seconds
        self._say("up", f"{kept.program.name} {why}; starting it again in {seconds:g} s")

    def _begin_again(self, kept: _Kept, now: float) -> None:
        try:
            self._begin(kept)
        except (ProgramFailed, PlaceUnusable, OSError) as failure:
            kept.failures += 1
            self._wait_longer(kept, now, f"could not be started ({failure})")


def _end(kept: _Kept, process: Process) -> None:
    process.clear_away()
    if kept.reader:
        kept.reader.join(timeout=1.0)


@contextmanager
def supervising(say: Say) -> Iterator[Supervisor]:
    """Yield a supervisor that hears the stop signals; on leaving, everything is stopped."""
    supervisor = Supervisor(say)
    before = {number: signal.signal(number, supervisor.stop_asked) for number in STOP_SIGNALS}
    try:
        yield supervisor
    finally:
        supervisor.stop_all()
        for number, handler in before.items():
            signal.signal(number, handler)
