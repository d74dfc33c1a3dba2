"""How often promotional mail may come: a customer's own frequency, the company's cap. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.vocabulary import Frequency

MOST_MAILS = 100
LONGEST = 90
"""Days: what a mailbox got before that is nobody's concern."""
WRITTEN = re.compile(r"([0-9]{1,4})/([0-9]{1,4})d")


class CapInvalid(Exception):
    """A cap cannot be read; the text says which part and how it is written."""


@dataclass(frozen=True, slots=True)
class Limit:
    """No more than so many promotional mails to one mailbox within any such period."""

    mails: int
    period: timedelta

    def lately(self, hand_overs: Sequence[datetime], now: datetime) -> list[datetime]:
        """Return the hand-overs that count at a moment, the last one first."""
        return sorted((each for each in hand_overs if each > now - self.period), reverse=True)


@dataclass(frozen=True, slots=True)
class Cap:
    """The company's own limits over all topics and campaigns; all of them hold."""

    limits: tuple[Limit, ...] = ()

    def __bool__(self) -> bool:
        """Say whether anything is limited."""
        return bool(self.limits)

    @property
    def period(self) -> timedelta:
        """How far back anybody has to look."""
        return max((each.period for each in self.limits), default=timedelta(0))

    @property
    def fewest(self) -> int:
        """The mails below which nobody is at any limit; 1 without a cap."""
        return min((each.mails for each in self.limits), default=1)


NO_CAP = Cap()


def read_cap(text: str) -> Cap:
    """Read `3/7d`, or several as `1/1d,3/7d`; nothing is no cap. Raises CapInvalid."""
    return Cap(tuple(_limit(part) for part in text.replace(" ", "").split(",") if part))


def _limit(part: str) -> Limit:
    found = WRITTEN.fullmatch(part)
    mails, days = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (1 <= mails <= MOST_MAILS and 1 <= days <= LONGEST):
        raise CapInvalid(
            f"{part[:20]!r} is not like 3/7d: at most 3 promotional mails in any 7 days, "
            f"1 to {MOST_MAILS} mails in 1 to {LONGEST} days; several are written 1/1d,3/7d"
        )
    return Limit(mails, timedelta(days=days))


def own_limits(frequency: Frequency) -> Iterator[Limit]:
    """Yield the limit that a customer set for themselves, if any."""
    if frequency.days:
        yield Limit(1, timedelta(days=frequency.days))
