"""Repeating by a rule of the calendar: which days, one after the other. Pure."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from itertools import count, islice
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LAST_DAY = date(2200, 1, 1)
"""No campaign repeats beyond this day, so that every search ends."""


class Every(StrEnum):
    """The step of a repetition."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Weekday(StrEnum):
    """The days of the week, from Monday on."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


DAYS = tuple(Weekday)


class RepeatUnfit(ValueError):
    """A repetition that cannot be followed; `fix` says what mends it."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.fix = fix


class Repeat(BaseModel):
    """Every day, every week on some days, or every month on a day; also every second one, and so on.

    A month that is too short for its day has it on its last one. Without `until` and `times` it
    goes on until somebody stops it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    every: Every
    step: Annotated[int, Field(strict=True, ge=1, le=52)] = 1
    """2 is every second day, week or month, reckoned from the first."""
    on: Annotated[tuple[Weekday, ...], Field(max_length=7)] = ()
    """Days of the week, for weeks only; that of the first moment where none is named."""
    day: Annotated[int | None, Field(strict=True, ge=1, le=31)] = None
    """The day of the month, for months only; that of the first moment where none is named."""
    until: date | None = None
    """The last day on which it may come."""
    times: Annotated[int | None, Field(strict=True, ge=1, le=1000)] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.on and self.every is not Every.WEEK:
            raise RepeatUnfit("`on` names days of a week", "leave it out, or repeat every week")
        if self.day is not None and self.every is not Every.MONTH:
            raise RepeatUnfit("`day` is a day of a month", "leave it out, or repeat every month")
        return self

    def days(self, first: date) -> Iterator[date]:
        """Yield the days on which it comes, the first on or after `first`, in order."""
        found = (each for each in self._days(first) if each >= first)
        return islice(self._until_the_end(found), self.times)

    def _until_the_end(self, days: Iterator[date]) -> Iterator[date]:
        last = min(self.until or LAST_DAY, LAST_DAY)
        for each in days:
            if each > last:
                return
            yield each

    def _days(self, first: date) -> Iterator[date]:
        match self.every:
            case Every.DAY:
                return (first + timedelta(days=n) for n in count(0, self.step))
            case Every.WEEK:
                return self._weeks(first)
            case Every.MONTH:
                return (_in_month(first, n, self.day or first.day) for n in count(0, self.step))

    def _weeks(self, first: date) -> Iterator[date]:
        monday = first - timedelta(days=first.weekday())
        ahead = sorted(DAYS.index(each) for each in set(self.on)) or [first.weekday()]
        for week in count(0, self.step):
            for each in ahead:
                yield monday + timedelta(weeks=week, days=each)


def _in_month(first: date, months: int, day: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, min(day, monthrange(year, month + 1)[1]))
