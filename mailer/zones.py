"""Wall clocks: what a time of day in a zone of the IANA database is as a moment, quiet hours. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
DAYS_AHEAD = 3
"""Within how many days the next waking hour is found; an island may skip one of them."""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """The clocks of a zone are moved: at a moment, from one offset to another."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def shift(self) -> timedelta:
        """How far the clocks are moved: above zero in spring, below it in autumn."""
        return self.after - self.before


@lru_cache(maxsize=1024)
def zone_of(name: str, otherwise: str = "UTC") -> ZoneInfo:
    """Return a zone by its name, or the other one for a name that is empty or not known here."""
    try:
        return ZoneInfo(name or otherwise)
    except (KeyError, OSError, ValueError):
        return ZoneInfo(otherwise)


def is_zone(name: str) -> bool:
    """Say whether the IANA database that we hold knows a zone of this name."""
    try:
        return bool(name) and ZoneInfo(name).key == name
    except (KeyError, OSError, ValueError):
        return False


def moment_of(wall: datetime, zone: ZoneInfo, *, again: bool = False) -> datetime:
    """Return the moment, in UTC, at which the clocks of a zone show `wall` (without an offset).

    A wall time that comes twice means the first time, or the second one with `again`. One that
    the clocks jump over is read by the clock as it went before: half past two on a day without
    the hour from two to three is half past three. RFC 5545 reads them so, too.
    """
    return wall.replace(tzinfo=zone, fold=int(again)).astimezone(UTC)


def change_on(day: date, zone: ZoneInfo) -> ClockChange | None:
    """Return the clock change that makes a day of a zone longer or shorter, if there is one."""
    low = moment_of(datetime.combine(day, time()), zone) - SECOND
    high = moment_of(datetime.combine(day + timedelta(days=1), time()), zone) - SECOND
    before, after = _offset(low, zone), _offset(high, zone)
    if before == after:
        return None
    while high - low > SECOND:
        middle = low + (high - low) // SECOND // 2 * SECOND
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return ClockChange(high, before, after)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Nobody gets promotional mail before or after a time of day, by their own clock."""

    before: time
    after: time
    home: str
    """The zone of people of whom none is known."""


def is_waking(hours: QuietHours, zone: ZoneInfo, at: datetime) -> bool:
    """Say whether a moment is outside the quiet hours of a zone."""
    return hours.before <= at.astimezone(zone).time() < hours.after


def waking_from(hours: QuietHours, zone: ZoneInfo, at: datetime) -> datetime:
    """Return the first moment from `at` on outside the quiet hours of a zone."""
    if is_waking(hours, zone, at):
        return at
    openings = _openings(hours, zone, at)
    return min(each for each in openings if each > at and is_waking(hours, zone, each))


def _openings(hours: QuietHours, zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    today = at.astimezone(zone).date()
    for ahead in range(DAYS_AHEAD + 1):
        wall = datetime.combine(today + timedelta(days=ahead), hours.before)
        yield moment_of(wall, zone)
        yield moment_of(wall, zone, again=True)
