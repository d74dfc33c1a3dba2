"""The start window: nothing begins later than an opt-out waits, however sick the sender is.

An opt-out waits at most `BARRIER` for batches in hand. That wait is sound only if nothing can
begin after it. A window opens before a batch goes into `handing`, and hand-overs may begin in its
first `BEGIN_WITHIN` seconds. Looking at the clock is not enough to hold that: a process may be
stopped between the look and the first byte. So before the provider is reached a timer of the
kernel's is armed, whose signal nobody catches: a process stopped by SIGSTOP meets the pending
SIGALRM before its next instruction. It is armed no earlier, so that a process which only waits for
its database is told that it is late, and lives.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

BEGIN_WITHIN = 1.0
"""Seconds after opening in which hand-overs may begin."""
WINDOW = 2.4
"""Seconds after opening at which the kernel ends a process that armed and has not disarmed."""
ARMING = 0.5
"""Seconds that arming may take; as much later than WINDOW the kernel may come."""
BARRIER = 3.0
"""Seconds that an opt-out waits for a batch in hand; longer than WINDOW and ARMING together."""


class Window:
    """An open start window, told by this process's own clock until it is armed."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._opened = monotonic()
        self.begin_before = self._opened + BEGIN_WITHIN

    def arm(self) -> bool:
        """Have the kernel end this process where it might begin too late; False: it is too late.

        After False nothing may begin, and nothing is armed. The clock is read on both sides of
        the kernel's timer: whoever was stopped in between finds out, or is ended.
        """
        before = self._monotonic()
        if before >= self.begin_before:
            return False
        self._end_in(self._opened + WINDOW - before)
        after = self._monotonic()
        if after >= self.begin_before or after - before > ARMING:
            self.disarm()
            return False
        return True

    def _end_in(self, seconds: float) -> None:
        """Have the kernel end this process in so many seconds: of its own, not of this clock's."""
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        # Whoever started this process may have handed down a mask that keeps the signal waiting.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def disarm(self) -> None:
        """Let the process live: nothing more will begin. Safe to call twice, or unarmed."""
        signal.setitimer(signal.ITIMER_REAL, 0)


StartWindow = Callable[[], AbstractContextManager[Window]]
"""How a window is opened, for as long as a block runs."""


@contextmanager
def start_window() -> Iterator[Window]:
    """Open a window, and disarm it on the way out at the latest. Main thread only."""
    window = Window()
    try:
        yield window
    finally:
        window.disarm()
