"""The sender's sense of time, as one argument."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mailer.delivery.window import StartWindow, start_window


@dataclass(frozen=True, slots=True)
class SenderClock:
    """The wall clock that stamps, the monotonic one that measures, how to sleep, and the window."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    window: StartWindow = start_window
