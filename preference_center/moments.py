"""Times as people read them: in their own zone, named, with seconds where order matters."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment, for the eye (`text`) and for machines (`iso`, as `<time datetime>` wants it)."""

    text: str
    iso: str


def zone_of(name: str | None) -> tzinfo:
    """Return the time zone of this IANA name; UTC for none and for one that nobody knows."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def moment(at: datetime, zone: tzinfo) -> Moment:
    """Say a moment to the second: `22 November 2026, 10:41:07 EST`."""
    local = at.astimezone(zone)
    return Moment(
        text=f"{said(local.date())}, {local:%H:%M:%S} {_zone_name(local)}",
        iso=local.isoformat(timespec="seconds"),
    )


def day(at: datetime, zone: tzinfo) -> Moment:
    """Say the day on which a moment falls: `14 March 2027`."""
    local = at.astimezone(zone).date()
    return Moment(text=said(local), iso=local.isoformat())


def said(each: date) -> str:
    """Say a date in words: `14 March 2027`."""
    return f"{each.day} {each:%B %Y}"


def _zone_name(local: datetime) -> str:
    """Name the zone as letters do; those that have a number for a name read `UTC+08:00`."""
    name = local.tzname() or "UTC"
    return f"UTC{local.isoformat()[-6:]}" if name[0] in "+-" else name
