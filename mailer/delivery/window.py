"""The start window: the kernel ends a sender that might still begin a hand-over too late.

An opt-out waits at most `BARRIER` for batches in hand. That wait is sound only if nothing can
begin after it, however sick the sender is: so before a batch goes into `handing` the process
arms a real-time timer whose signal nobody catches. A process stopped by SIGSTOP meets the
pending SIGALRM before its next instruction.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

BEGIN_WITHIN = 1.0
"""Seconds after arming in which hand-overs may begin."""
WINDOW = 2.0
"""Seconds after arming at which the kernel ends a process that has not disarmed."""
BARRIER = 3.0
"""Seconds that an opt-out waits for a batch in hand; longer than WINDOW."""


class Window:
    """An armed start window; disarmed once every begun hand-over is known to have begun."""

    def __init__(self) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self.begin_before = time.monotonic() + BEGIN_WITHIN
        signal.setitimer(signal.ITIMER_REAL, WINDOW)

    def disarm(self) -> None:
        """Let the process live: nothing more will begin. Safe to call twice."""
        signal.setitimer(signal.ITIMER_REAL, 0)


StartWindow = Callable[[], AbstractContextManager[Window]]
"""How a window is armed, for as long as a block runs."""


@contextmanager
def start_window() -> Iterator[Window]:
    """Arm the window, and disarm it on the way out at the latest. Main thread only."""
    window = Window()
    try:
        yield window
    finally:
        window.disarm()
