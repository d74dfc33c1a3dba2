"""The quiet hours of a mailing at one moment, as the decision asks for them. Pure."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mailer.zones import QuietHours, is_waking, waking_from, zone_of

MARGIN = timedelta(seconds=2)
"""How long after a decision a hand-over may still begin: the start window."""


class Curfew:
    """The quiet hours of a mailing at one moment: reckoned once for each zone, not each person."""

    def __init__(self, hours: QuietHours, *, use_by: datetime | None = None, now: datetime) -> None:
        self.use_by = use_by
        self._hours = hours
        self._now = now
        self._ends: dict[str, datetime | None] = {}

    def ends(self, zone: str) -> datetime | None:
        """Return when mail may leave again for people of this zone; None where it may now."""
        if zone not in self._ends:
            self._ends[zone] = self._end(self._hours, zone_of(zone, self._hours.home))
        return self._ends[zone]

    def _end(self, hours: QuietHours, zone: ZoneInfo) -> datetime | None:
        asleep = [at for at in (self._now, self._now + MARGIN) if not is_waking(hours, zone, at)]
        return waking_from(hours, zone, asleep[0]) if asleep else None
