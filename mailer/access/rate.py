"""A light limit on how often one caller may ask: a token bucket in this process's memory."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock


class RateLimit:
    """Lets each caller through `per_second` times a second on average, `burst` times at once.

    Each process counts for itself and forgets at its end: a brake for guessing and loops, not a
    quota. Memory is bounded by `callers`; whoever was away longest is forgotten first, which can
    only be in their favour. An unsubscribe is never limited (RFC 8058 posts share addresses).
    """

    def __init__(self, *, per_second: float, burst: int, callers: int = 20_000) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._callers = callers
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait_of(self, caller: Hashable, *, at: float) -> float:
        """Take one turn and return 0, or return the seconds until there is one.

        `at` is a monotonic clock's reading in seconds.
        """
        with self._lock:
            left, since = self._buckets.pop(caller, (self._burst, at))
            left = min(self._burst, left + (at - since) * self._per_second)
            allowed = left >= 1
            self._buckets[caller] = (left - 1 if allowed else left, at)
            if len(self._buckets) > self._callers:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second
