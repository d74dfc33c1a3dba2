"""Chromium stands still once in some hundreds of pages, and what it was asked never returns.

So it is watched: one that takes too long over a test is killed, the call that waits for it raises,
and the test is done once more in a new one. A page that makes it hang each time is red all the
same.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from playwright.sync_api import Browser, Playwright

from tests.browser.chromium import CHROMIUM, FLAGS

PATIENCE = 90.0
"""Seconds that one test may take; ten is usual."""
ENDED = "TargetClosedError"
"""What Playwright raises where the browser is gone, by name."""


class Browsers:
    """One headless Chromium at a time, started anew where the last one was killed."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._browser: Browser | None = None

    def one(self) -> Browser:
        """Return the Chromium that runs, or start one."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        return self._browser

    def close(self) -> None:
        """Close what runs."""
        if self._browser is not None and self._browser.is_connected():
            self._browser.close()


@contextmanager
def watched(patience: float = PATIENCE) -> Iterator[None]:
    """Kill every Chromium that this process has started, if the block takes longer."""
    timer = threading.Timer(patience, kill_browsers)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def kill_browsers() -> None:
    """End every Chromium below this process."""
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                process.kill()
        except psutil.NoSuchProcess:
            continue
