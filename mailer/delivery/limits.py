"""How many messages may begin in a minute, an hour and a day, and on a warm-up's days. Pure.

The promise is strict: in no 60 consecutive seconds do more than `per_minute` messages begin, in no
3,600 more than `per_hour`, and on no day more than that day's. A day is 24 hours from its first
message; the next one begins with the first message after it, so that a pause or a night uses none.
docs/decisions/pace-in-windows.md says why it is counted so.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

BEGIN_SPREAD = 3.0
"""Seconds from a turn to the beginning of its last message: one that the turn lasts, one of the
start window, and one by which the clocks of two hosts may differ. Only a process that is frozen between
its look at the clock and its first byte may be later, and then by the message that each of its connections
has at that moment."""
TURN_LASTS = 1.0
"""Seconds in which a turn must be used; after that it is wasted."""
DAY = 86_400.0
WORTH = 2.0
"""Seconds of the pace by the minute that a turn waits for, so that slices are worth their batch."""
CATCH_UP = 10.0
"""Seconds of that pace that a late turn may still use at once."""
UNLIMITED = 1_000_000_000

Count = Annotated[int, Field(ge=1, le=UNLIMITED, strict=True)]


class Limits(BaseModel):
    """How fast mail may leave. What is left out is not limited."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"example": {"per_minute": 600, "per_day": 50_000}},
    )

    per_minute: Count | None = Field(
        default=None, description="Messages that begin in any 60 seconds at most."
    )
    per_hour: Count | None = Field(
        default=None, description="Messages that begin in any 3,600 seconds at most."
    )
    per_day: Count | None = Field(
        default=None,
        description="Messages of a day at most: 24 hours from its first message on; the next day"
        " begins with the first message after that.",
    )
    warm_up: tuple[Count, ...] = Field(
        default=(),
        max_length=366,
        description="Messages of the first, second, third … day at most; afterwards the other"
        " limits hold alone.",
    )

    def stored(self) -> dict[str, Any]:
        """Return the limits as JSON that reads back as the same ones."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def is_any(self) -> bool:
        """Say whether anything is limited."""
        return self != NO_LIMITS

    @property
    def fall(self) -> tuple[int, int] | None:
        """Return the first day's messages of the warm-up after which fewer may leave, and those."""
        steps = pairwise(self.warm_up)
        return next(((before, after) for before, after in steps if after < before), None)

    def of_day(self, day: int) -> int | None:
        """Return how many messages a day may have, counted from 1; None for as many as there are."""
        told = [self.per_day] if self.per_day is not None else []
        told += self.warm_up[day - 1 : day]
        return min(told, default=None)


NO_LIMITS = Limits()


class Window(NamedTuple):
    """So many messages in so many consecutive seconds, counted in buckets of `grain` seconds."""

    limit: int
    seconds: int
    grain: int

    @property
    def reach(self) -> float:
        """Return how long after the end of its bucket a message still counts."""
        return self.seconds + BEGIN_SPREAD


Buckets = Mapping[int, int]
"""Messages by the number of the bucket of their turn."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What has begun, as far as limits ask for it. Moments are seconds since 1970."""

    free_at: float | None = None
    """When the pace by the minute has caught up with what began."""
    seconds: Buckets = field(default_factory=dict)
    minutes: Buckets = field(default_factory=dict)
    day: int = 0
    """Which day it is, counted from 1; 0 before the first message."""
    day_from: float = 0.0
    day_spent: int = 0

    def stored(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "free_at": self.free_at,
            "seconds": {str(at): count for at, count in self.seconds.items()},
            "minutes": {str(at): count for at, count in self.minutes.items()},
            "day": [self.day, self.day_from, self.day_spent],
        }

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Spent":
        """Read what `stored` returned."""
        day, day_from, day_spent = stored["day"]
        return cls(
            free_at=stored["free_at"],
            seconds={int(at): count for at, count in stored["seconds"].items()},
            minutes={int(at): count for at, count in stored["minutes"].items()},
            day=day,
            day_from=day_from,
            day_spent=day_spent,
        )


class Room(NamedTuple):
    """How many messages may begin now, and when a turn is worth taking."""

    messages: int
    ready_at: float


def room(limits: Limits, spent: Spent, now: float) -> Room:
    """Return how many messages may begin now and in the `BEGIN_SPREAD` after it."""
    rooms = [Room(UNLIMITED, now), *_rooms(limits, spent, now)]
    messages = max(0, min(each.messages for each in rooms))
    ready_at = max(each.ready_at for each in rooms)
    return Room(messages, ready_at if messages else max(ready_at, now + 0.05))


def spend(limits: Limits, spent: Spent, messages: int, now: float) -> Spent:
    """Return what is spent once so many messages have had their turn now."""
    day = _on_day(spent, now)
    return replace(
        day,
        free_at=_caught_up(limits, spent, now) + messages * _seconds_each(limits),
        seconds=_added(_by_minute(limits), spent.seconds, messages, now),
        minutes=_added(_by_hour(limits), spent.minutes, messages, now),
        day_spent=day.day_spent + messages,
    )


def give_back(limits: Limits, spent: Spent, messages: int, turn: float) -> Spent:
    """Return what is spent less messages of a turn that never began, and never will.

    What has begun stays counted where it was, so that no window has more than its limit by this;
    of a turn whose minute, hour or day is over nothing is left to give back there.
    """
    free_at = spent.free_at
    return replace(
        spent,
        free_at=None if free_at is None else free_at - messages * _seconds_each(limits),
        seconds=_less(_by_minute(limits), spent.seconds, messages, turn),
        minutes=_less(_by_hour(limits), spent.minutes, messages, turn),
        day_spent=max(0, spent.day_spent - messages * (turn >= spent.day_from)),
    )


def uncounted(spent: Spent, messages: int, began: float) -> int:
    """Return how many of the messages that began in one second are not among what is spent.

    Up to the last turn all that began had one. In its own second the greater number is true: the
    turn counts tries that came to nothing, and others may have begun without one.
    """
    second = math.floor(began)
    last = max(spent.seconds, default=second - 1)
    if second > last:
        return messages
    return max(0, messages - spent.seconds[last]) if second == last else 0


def _rooms(limits: Limits, spent: Spent, now: float) -> Iterator[Room]:
    if limits.per_minute is not None:
        yield _smooth(limits, spent, now)
        yield _in_window(_by_minute(limits), spent.seconds, now, worth=_worth(limits))
    if limits.per_hour is not None:
        yield _in_window(_by_hour(limits), spent.minutes, now)
    day = _on_day(spent, now)
    of_day = limits.of_day(day.day)
    if of_day is not None:
        left = of_day - day.day_spent
        yield Room(left, now if left > 0 else day.day_from + DAY)


def _by_minute(limits: Limits) -> Window:
    return Window(limits.per_minute or UNLIMITED, 60, 1)


def _by_hour(limits: Limits) -> Window:
    return Window(limits.per_hour or UNLIMITED, 3600, 60)


def _smooth(limits: Limits, spent: Spent, now: float) -> Room:
    """Spread a minute's messages over it; only the count in the window is the promise."""
    each, caught_up = _seconds_each(limits), _caught_up(limits, spent, now)
    messages = math.floor((now - caught_up) / each + 1e-6)
    return Room(messages, caught_up + _worth(limits) * each)


def _worth(limits: Limits) -> int:
    return max(1, math.floor(WORTH / _seconds_each(limits)))


def _seconds_each(limits: Limits) -> float:
    """Return the seconds of one message, at a pace that fills the window without overrunning it."""
    window = _by_minute(limits)
    return (window.reach + window.grain) / window.limit


def _caught_up(limits: Limits, spent: Spent, now: float) -> float:
    each = _seconds_each(limits)
    if spent.free_at is None:
        return now - _worth(limits) * each
    return max(spent.free_at, now - max(CATCH_UP, each))


def _in_window(window: Window, buckets: Buckets, now: float, *, worth: int = 1) -> Room:
    """Count the turns whose messages may begin in one window with those of a turn taken now."""
    counting = _counting(window, buckets, now)
    left = later = window.limit - sum(counting.values())
    for bucket, count in sorted(counting.items()):
        if later >= worth:
            break
        later += count
        now = _over_at(window, bucket)
    return Room(left, now)


def _counting(window: Window, buckets: Buckets, now: float) -> Buckets:
    return {at: count for at, count in buckets.items() if _over_at(window, at) > now}


def _over_at(window: Window, bucket: int) -> float:
    """Return when the messages of a bucket's turns count no more."""
    return (bucket + 1) * window.grain + window.reach


def _added(window: Window, buckets: Buckets, messages: int, now: float) -> Buckets:
    kept = dict(_counting(window, buckets, now))
    here = math.floor(now / window.grain)
    kept[here] = kept.get(here, 0) + messages
    return kept


def _less(window: Window, buckets: Buckets, messages: int, turn: float) -> Buckets:
    there = math.floor(turn / window.grain)
    return {at: max(0, count - messages) if at == there else count for at, count in buckets.items()}


def _on_day(spent: Spent, now: float) -> Spent:
    """Return what is spent with the day that it is at a moment; one that is over makes way."""
    if spent.day and now < spent.day_from + DAY:
        return spent
    return replace(spent, day=spent.day + 1, day_from=now, day_spent=0)
