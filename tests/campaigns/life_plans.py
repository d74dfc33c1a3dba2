"""A plan of one moment or of several days, one after the other, told without the product."""

from datetime import datetime, timedelta
from typing import NamedTuple


class When(NamedTuple):
    """A moment with its deadline, on one day or on as many as it comes again."""

    at: datetime
    use_by: datetime | None = None
    times: int = 1

    def of_time(self, number: int) -> "When":
        """Return one of its times, from 1 on; the deadline moves along."""
        by = timedelta(days=number - 1)
        return When(self.at + by, self.use_by + by if self.use_by else None)

    def next_time(self, after: int, now: datetime) -> int | None:
        """Return which time is the next to come; None where all are past."""
        ahead = (each for each in range(after + 1, self.times + 1) if self.of_time(each).at > now)
        return next(ahead, None)

    def first_time(self, now: datetime) -> int | None:
        """Return the first time that is still to come."""
        return self.next_time(0, now)

    def stored(self) -> dict[str, object]:
        """Say it as a client does."""
        said: dict[str, object] = {"at": self.at.isoformat()}
        said |= {"use_by": self.use_by.isoformat()} if self.use_by else {}
        often = {"zone": "UTC", "repeat": {"every": "day", "times": self.times}}
        return said | often if self.times > 1 else said
