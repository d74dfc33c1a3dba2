"""Time cut into the hours and days of a zone, the empty ones included, 23 and 25 hours too. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from mailer.zones import is_zone, zone_of

HOUR = timedelta(hours=1)
DAYS_BY_HOUR, DAYS_BY_DAY = 7, 92
"""How many days of a series are told, from that of the first hand-over on."""


class By(StrEnum):
    """How finely time is cut."""

    HOUR = "hour"
    DAY = "day"


class ZoneUnknown(ValueError):
    """There is no time zone of this name."""


def zone_named(name: str) -> ZoneInfo:
    """Return a zone of the time zone database. Raises ZoneUnknown."""
    if not is_zone(name):
        raise ZoneUnknown("is no name of the time zone database")
    return zone_of(name)


def hour_of(moment: datetime, zone: tzinfo) -> datetime:
    """Return the beginning of the hour that a clock in this zone shows at a moment."""
    return _real(moment.astimezone(zone).replace(minute=0, second=0, microsecond=0))


def day_of(moment: datetime, zone: tzinfo) -> datetime:
    """Return the beginning of a moment's day in this zone."""
    local = moment.astimezone(zone)
    return _real(local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0))


def hours_between(first: datetime, last: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Yield the beginning of each hour from that of `first` to that of `last`."""
    hour, end = hour_of(first, zone), hour_of(last, zone)
    while _instant(hour) <= _instant(end):
        yield hour
        later = hour_of(_later(hour, HOUR), zone)
        # A clock that is put back by half an hour shows the beginning of the same hour again.
        hour = later if _instant(later) > _instant(hour) else hour_of(_later(hour, 2 * HOUR), zone)


def days_between(first: datetime, last: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Yield the beginning of each day from that of `first` to that of `last`."""
    day, end = day_of(first, zone), day_of(last, zone)
    while _instant(day) <= _instant(end):
        yield day
        # No day has more than 25 hours, nor fewer than 23: noon of the next is 36 hours away.
        day = day_of(_later(day, 36 * HOUR), zone)


def counted(
    moments: Mapping[datetime, int],
    into: Callable[[datetime], datetime],
    slots: Sequence[datetime],
) -> list[int]:
    """Sort counts by moment into slots of time; return each slot's, zeros too.

    What came before the first slot, by a clock that was a little off, counts there; what came
    after the last is left out.
    """
    counts = {_instant(slot): 0 for slot in slots}
    for moment, count in moments.items():
        slot = max(_instant(into(moment)), _instant(slots[0]))
        if slot in counts:
            counts[slot] += count
    return list(counts.values())


def _real(local: datetime) -> datetime:
    """Return a moment as its zone writes it: one that a clock skips becomes the one it shows."""
    return datetime.fromtimestamp(local.timestamp(), local.tzinfo)


def _later(moment: datetime, by: timedelta) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() + by.total_seconds(), moment.tzinfo)


def _instant(moment: datetime) -> float:
    """Return what to compare by: two moments of one zone are equal where its clock shows the same."""
    return moment.timestamp()
