"""When a campaign leaves: at once, at a moment, at everybody's own time, again and again. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import islice
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from mailer.campaigns.repeats import Repeat
from mailer.zones import QuietHours, is_zone, moment_of, waking_from, zone_of

AT_ONCE = "now"
FIRST_CLOCK, LAST_CLOCK = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
"""The clocks that are ahead of and behind all others."""
LEAD = timedelta(minutes=15)
"""How long before the first person's moment an audience is checked and cut: for a million, seconds."""
GRACE = timedelta(hours=1)
"""Whose moment is past by no more than this is mailed at once; others a day later, at that time."""
DAY = timedelta(days=1)
YEARS = range(2000, 2200)


class PlanUnfit(ValueError):
    """A plan that cannot be followed; `fix` says what mends it."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.fix = fix


def _zone(name: str) -> str:
    if not is_zone(name):
        raise PlanUnfit("is no time zone", "send a name of the IANA database like America/New_York")
    return name


def _text(value: Any) -> Any:
    if isinstance(value, int | float):  # could mean seconds or milliseconds
        raise PlanUnfit("is a bare number", 'send text like "2026-12-02T14:00:00Z" or "08:00"')
    return value


def _at_once(value: Any) -> Any:
    if value is None:  # a moment that somebody forgot must not send at once
        raise PlanUnfit("is empty", 'send text like "2026-12-02T14:00:00Z", or "now"')
    return None if value == AT_ONCE else _text(value)


def _near(at: datetime | None) -> datetime | None:
    if at is not None and at.year not in YEARS:
        raise PlanUnfit("is too far away", "send a moment of this century")
    return at


def _of_day(at: time) -> time:
    if at.tzinfo is not None:
        raise PlanUnfit(
            "has an offset", 'send a time of day by everybody\'s own clock, like "08:00"'
        )
    return at


SCHEMA = {"type": "string", "format": "date-time"}
Start = Annotated[
    datetime | None,
    BeforeValidator(_at_once),
    AfterValidator(_near),
    WithJsonSchema({"anyOf": [{"const": AT_ONCE}, SCHEMA]}),
]
When = Annotated[datetime | None, BeforeValidator(_text), AfterValidator(_near)]
Zone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_zone)]
TimeOfDay = Annotated[time, BeforeValidator(_text), AfterValidator(_of_day)]
WHEN = """`now`, a moment with its offset, or a wall time without one, in `zone`. A wall time that a
clock change doubles means the first; one that it leaves out is read by the clock as it went before."""


class Hours(BaseModel):
    """Quiet hours: nobody is mailed before or after a time of day, by their own clock."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    before: TimeOfDay = time(8)
    after: TimeOfDay = time(20)

    @model_validator(mode="after")
    def _leave_some(self) -> Self:
        if self.before >= self.after:
            raise PlanUnfit("these quiet hours leave no time", "send `before` earlier than `after`")
        return self


class Plan(BaseModel):
    """When a campaign leaves."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"example": {"at": "2026-12-02T14:00:00Z"}},
    )

    at: Annotated[Start, Field(description=WHEN)]
    zone: Zone | None = Field(
        default=None,
        description="An IANA zone: that of a wall time; with `local`, `quiet_hours` or `repeat`"
        " also that of people of whom none is known.",
    )
    local: bool = Field(
        default=False, strict=True, description="`at` is a wall time of everybody's own zone."
    )
    quiet_hours: Hours | None = Field(
        default=None,
        description="Nobody is mailed before or after; {} is before 08:00 and after 20:00. Who is"
        " asleep waits until they may be woken.",
    )
    use_by: When = Field(
        default=None,
        description="Who has not been reached by then is refused (`not.late`); written like `at`."
        " With `repeat` it moves along.",
    )
    repeat: Repeat | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._has_its_zone()
        if self.at is None and (self.local or self.repeat):
            raise PlanUnfit("`now` is one moment for everybody", "send `at` as a wall time")
        if self.local and self.at is not None and self.at.tzinfo is not None:
            raise PlanUnfit("everybody's own time has no offset", "send `at` as a wall time")
        if self.local and self.quiet_hours is not None and self._is_quiet(self.wall.time()):
            raise PlanUnfit("`at` lies in the quiet hours", "send another time or other hours")
        if self.deadline is not None and self.at is not None and self.deadline <= self._planned:
            raise PlanUnfit("`use_by` is not after `at`", "send a later one, or none")
        if self.repeat is not None and self._wall_of(1) is None:
            raise PlanUnfit("this repetition has no day", "send a later `until`, or none")
        return self

    def _has_its_zone(self) -> None:
        named = (self.at, self.use_by)
        bare = any(each is not None and each.tzinfo is None for each in named)
        if self.zone is None and (bare or self.local or self.quiet_hours or self.repeat):
            raise PlanUnfit(
                "`zone` is missing", "send the zone of these times, like America/New_York"
            )

    def _is_quiet(self, at: time) -> bool:
        hours = self.quiet_hours
        return hours is not None and not hours.before <= at < hours.after

    def stored(self) -> dict[str, Any]:
        """Return the plan as JSON that reads back as the same plan."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return said if self.at is not None else {**said, "at": AT_ONCE}

    @property
    def home(self) -> ZoneInfo:
        """The zone of the plan's wall times, and of people of whom none is known."""
        return zone_of(self.zone or "")

    @property
    def wall(self) -> datetime:
        """The first wall time that the plan names, without an offset. Not for a plan of `now`."""
        if self.at is None:
            raise ValueError("a plan of now names no wall time")
        if self.at.tzinfo is None:
            return self.at
        return self.at.astimezone(self.home).replace(tzinfo=None)

    @property
    def is_by_zone(self) -> bool:
        """Whether people of different zones have different moments."""
        return self.local or self.quiet_hours is not None

    @property
    def hours(self) -> QuietHours | None:
        """The quiet hours as the decision asks for them."""
        quiet = self.quiet_hours
        return None if quiet is None else QuietHours(quiet.before, quiet.after, self.home.key)

    @property
    def deadline(self) -> datetime | None:
        """The moment after which late mail is refused, in UTC."""
        at = self.use_by
        if at is None:
            return None
        return at.astimezone(UTC) if at.tzinfo is not None else moment_of(at, self.home)

    @property
    def _planned(self) -> datetime:
        if self.at is not None and self.at.tzinfo is not None:
            return self.at.astimezone(UTC)
        return moment_of(self.wall, self.home)

    def begins(self, now: datetime) -> datetime:
        """Return when the audience is cut: at the moment, or before the first clock shows it."""
        return now if self.at is None else self._begins()

    def _begins(self) -> datetime:
        if not self.local:
            return self._planned
        return self.wall.replace(tzinfo=FIRST_CLOCK).astimezone(UTC) - LEAD

    def is_past(self, now: datetime) -> bool:
        """Say whether nobody's moment is still to come."""
        if self.at is None:
            return False
        last = self.wall.replace(tzinfo=LAST_CLOCK) if self.local else self._planned
        return last <= now

    def due_in(
        self,
        zone: ZoneInfo,
        begun: datetime,
        *,
        repeats: bool = False,
        later: timedelta = timedelta(0),
    ) -> datetime:
        """Return the moment of the people of a zone, of an audience that is cut at `begun`.

        `later` moves it by so much, quiet hours aside.

        Who is past it by more than an hour gets it a day later at the same time: a mail that was
        meant for the morning is none for the evening. Of what repeats they get it at once instead:
        a day later is the next time's turn. Who sleeps then gets it when they may be woken.
        """
        due = begun
        if self.local:
            own = moment_of(self.wall, zone)
            due = max(own if repeats else self.hour_in(zone, begun), begun)
        hours, due = self.hours, due + later
        return due if hours is None else waking_from(hours, zone, due)

    def hour_in(self, zone: ZoneInfo, begun: datetime) -> datetime:
        """Return the plan's hour in a zone, on the first day on which it is not past by an hour.

        So it may lie up to GRACE before `begun`. Quiet hours aside.
        """
        wall = self.wall
        # Days that passed while nobody could begin are passed over, too.
        wall += max((begun - moment_of(wall, zone)) // DAY, 0) * DAY
        while (due := moment_of(wall, zone)) < begun - GRACE:
            wall += DAY
        return due

    def once(self, occurrence: int) -> "Plan":
        """Return the plan of one occurrence of a repetition, counted from 1; itself without one.

        Raises ValueError for an occurrence that there is not.
        """
        if self.repeat is None:
            return self
        wall = self._wall_of(occurrence)
        if wall is None:
            raise ValueError(f"there is no occurrence {occurrence}")
        update = {"at": wall, "use_by": self._use_by_of(wall), "repeat": None}
        return self.model_copy(update=update)

    def _use_by_of(self, wall: datetime) -> datetime | None:
        """Move the deadline along with an occurrence, by the clock.

        Clocks that jump over the time between the two would put it before the moment: then the
        occurrence has as long as the first one has.
        """
        if self.deadline is None:
            return None
        own = self.deadline.astimezone(self.home).replace(tzinfo=None) + (wall - self.wall)
        planned = moment_of(wall, self.home)
        if moment_of(own, self.home) > planned:
            return own
        return planned + (self.deadline - self._planned)

    def next_after(self, occurrence: int, now: datetime) -> int | None:
        """Return the next occurrence whose beginning is not past, or None when there is none."""
        for number, begins in enumerate(self.beginnings(occurrence), start=occurrence + 1):
            if begins > now:
                return number
        return None

    def beginnings(self, after: int) -> Iterator[datetime]:
        """Yield when the occurrences after one begin; nothing for a plan without a repetition."""
        days = self.repeat.days(self.wall.date()) if self.repeat else iter(())
        for day in islice(days, after, None):
            yield self._on(day)._begins()

    def at_once(self) -> "Plan":
        """Return what holds of the plan when somebody starts it by hand: quiet hours, deadline."""
        return self.model_copy(update={"at": None, "local": False, "repeat": None})

    def _on(self, day: date) -> "Plan":
        wall = datetime.combine(day, self.wall.time())
        return self.model_copy(update={"at": wall, "repeat": None})

    def _wall_of(self, occurrence: int) -> datetime | None:
        if self.repeat is None:
            return self.wall
        days = self.repeat.days(self.wall.date())
        day = next(islice(days, occurrence - 1, None), None)
        return None if day is None else datetime.combine(day, self.wall.time())
