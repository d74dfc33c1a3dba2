"""What the beat rings for, done once where it rang often while nobody was there to hear."""

import time
from collections.abc import Callable, Mapping

from workers.shift import Shift


class Chores:
    """The chores of one worker process; whichever was done a moment ago is passed over.

    A broker keeps what the beat rang while no worker was there: hours of it are done in moments.
    """

    def __init__(
        self,
        shift: Shift,
        at_most: Mapping[str, float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`at_most` names for each chore the seconds between two of its beginnings."""
        self._shift = shift
        self._at_most = at_most
        self._monotonic = monotonic
        self._begun: dict[str, float] = {}

    def tick(self) -> None:
        """Ring where something is due, pause and close campaigns."""
        if self._is_time("tick"):
            self._shift.tick()

    def sweep(self) -> None:
        """Give up what is dead and forget what is over."""
        if self._is_time("sweep"):
            self._shift.sweep()

    def judge(self) -> None:
        """Judge who clicked and opened since."""
        if self._is_time("judge"):
            self._shift.judge()

    def _is_time(self, chore: str) -> bool:
        now = self._monotonic()
        if now - self._begun.get(chore, float("-inf")) < self._at_most[chore]:
            return False
        self._begun[chore] = now
        return True
