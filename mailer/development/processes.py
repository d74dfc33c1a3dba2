"""Starts one program in a process group of its own, and ends that group and nothing else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mailer.development.places import Account

SHIM = Path(__file__).with_name("shim.py")
POLL_SECONDS = 0.02


class ProgramFailed(Exception):
    """A program ended, or was not ready in time; the text is one line for a person to read."""

    def __init__(self, what: str, said: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.said = tuple(said)
        """The last lines of its own output, as far as somebody listened."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: an absolute program with arguments, and how it wants to be stopped."""

    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    grace_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Program:
    """A named command with the question that tells when it can be used.

    `command` is asked anew before each start, so that it may repair what a crash left behind.
    """

    name: str
    command: Callable[[], Command]
    is_ready: Callable[[], bool] = lambda: True
    ready_within: float = 180.0
    slow_after: float = 15.0
    """Seconds after which a start that goes on is told of, and so each time as many pass."""
    attempts: int = 1
    """Starts before giving up, for what a predecessor may still hold: a port, shared memory."""
    unsaid: tuple[str, ...] = ()
    """Lines that hold one of these are not passed on: they would only puzzle a reader."""
    layer: int = 0
    """Higher layers are stopped first; within a layer all are stopped together."""


class Process:
    """A running program. It is told to stop if the thread that started it dies (Linux).

    Start it from a thread that lives as long as the program is wanted, such as the main thread.
    """

    def __init__(self, command: Command, output: IO[bytes] | int) -> None:
        account = command.account
        uid, gid = (account.uid, account.gid) if account else (-1, -1)
        who = [str(number) for number in (os.getpid(), uid, gid, int(command.stop_signal))]
        self._command = command
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SHIM), *who, str(command.folder), *command.argv],
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process's number, which is its group's number too."""
        return self._popen.pid

    @property
    def output(self) -> IO[bytes] | None:
        """The read end of its output, when it was started with a pipe."""
        return self._popen.stdout

    def read_all(self) -> str:
        """Return everything that it says until it ends; empty unless started with a pipe."""
        if self._popen.stdout is None:
            return ""
        with self._popen.stdout as output:
            return output.read().decode(errors="replace")

    @property
    def status(self) -> int | None:
        """How it ended (negative: by that signal); None before `stop` or `clear_away`."""
        return self._popen.returncode

    def has_ended(self) -> bool:
        """Say whether the program is over, without giving its number free."""
        if self._popen.returncode is not None:
            return True
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self._popen.poll() is not None
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, options) is not None

    def wait(self, seconds: float) -> bool:
        """Wait for its end; say whether it came in time."""
        deadline = time.monotonic() + seconds
        while not self.has_ended():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def signal(self, number: int) -> None:
        """Send the program, not its group, a signal; nothing happens if it has ended."""
        if not self.has_ended():
            os.kill(self.pid, number)

    def stop(self) -> None:
        """Ask it to stop, wait as long as it may take, then end its whole group."""
        self.ask_to_stop()
        self.wait(self._command.grace_seconds)
        self.clear_away()

    def ask_to_stop(self) -> None:
        """Send its stop signal, and let it go on if it was halted."""
        self.signal(self._command.stop_signal)
        self.signal(signal.SIGCONT)

    @property
    def grace_seconds(self) -> float:
        """How long it may take to stop."""
        return self._command.grace_seconds

    def clear_away(self) -> None:
        """Kill what is left of its group and reap it.

        The leader is reaped last: until then nobody else can get its number, so no foreign
        process can be hit.
        """
        if self._popen.returncode is None:
            # macOS answers with either for a group whose leader is a lone zombie.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()


def start(
    program: Program,
    output: IO[bytes] | int,
    *,
    pause: Callable[[float], object] = time.sleep,
    begun: Callable[[Process], object] | None = None,
) -> Process:
    """Start the program and wait until it is ready.

    `begun` is told of each process before it is ready; `pause` waits, and may raise to give up.
    Raises ProgramFailed if it ends or takes too long; nothing of it is left then.
    """
    for attempt in range(1, program.attempts):
        with suppress(ProgramFailed):
            return _start_once(program, output, pause, begun)
        pause(0.1 * 2**attempt)
    return _start_once(program, output, pause, begun)


def _start_once(
    program: Program,
    output: IO[bytes] | int,
    pause: Callable[[float], object],
    begun: Callable[[Process], object] | None,
) -> Process:
    process = Process(program.command(), output)
    try:
        if begun:
            begun(process)
        wait_until_ready(program, process, pause)
    except BaseException:
        process.stop()
        raise
    return process


def wait_until_ready(
    program: Program, process: Process, pause: Callable[[float], object] = time.sleep
) -> None:
    """Wait for the program's own answer. Raises ProgramFailed if it ends or takes too long.

    `pause` waits between two questions, and may raise to give up.
    """
    deadline = time.monotonic() + program.ready_within
    while not program.is_ready():
        if process.has_ended():
            process.clear_away()
            raise ProgramFailed(f"{program.name} {ended(process.status)}")
        if time.monotonic() >= deadline:
            raise ProgramFailed(f"{program.name} was not ready within {program.ready_within:.0f} s")
        pause(POLL_SECONDS)


def ended(status: int | None) -> str:
    """Say how a program ended, as the rest of a sentence."""
    if status is not None and status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
