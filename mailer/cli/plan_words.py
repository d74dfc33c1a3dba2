"""A plan in words: by the clock that it names, and not in UTC alone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mailer.campaigns import Campaign, Plan


def plan_in_words(plan: "Plan", *, occurrence: int = 1) -> str:
    """Say when a campaign leaves by a plan, of one that repeats from an occurrence on."""
    own = plan.once(occurrence)
    return "; ".join(each for each in (_start(own), _again(plan), _quiet(plan), _end(own)) if each)


def leaving_in_words(campaign: "Campaign") -> str | None:
    """Say when a campaign leaves, of one that repeats from its next time on; None without a plan."""
    if campaign.plan is None:
        return None
    return plan_in_words(campaign.plan, occurrence=campaign.occurrence or 1)


def remark_on_first(plan: "Plan", *, occurrence: int = 1) -> str | None:
    """Say when a repetition begins on another day than the one that was named, and why."""
    if plan.repeat is None:
        return None
    first, begins = plan.once(1).wall, plan.once(occurrence).wall
    if first.date() != plan.wall.date():
        named = f"{plan.wall:%A} {plan.wall:%Y-%m-%d}"
        return f"{named} is no day of this repetition; it begins on {_day(begins)}, the first after it."
    if occurrence > 1:
        return f"{_day(first)} is past; it begins on {_day(begins)}."
    return None


def _day(at: "datetime") -> str:
    return f"{at:%A %Y-%m-%d}"


def _start(plan: "Plan") -> str:
    if plan.at is None:
        return "at once"
    at = f"on {_day(plan.wall)} at {plan.wall:%H:%M}"
    if plan.local:
        return f"{at} by everybody's own clock, that of {plan.home.key} where none is known"
    return f"{at}, {plan.home.key}"


def _again(plan: "Plan") -> str:
    return ", ".join(_of_repeat(plan))


def _of_repeat(plan: "Plan") -> Iterator[str]:
    """Yield what a repetition says, if the plan has one."""
    rule = plan.repeat
    if rule is None:
        return
    every = rule.every.value if rule.step == 1 else f"{rule.step} {rule.every.value}s"
    on = " and ".join(each.value.capitalize() for each in rule.on)
    on = f"day {rule.day}" if rule.day is not None else on
    yield f"again every {every}" + (f" on {on}" if on else "")
    if rule.times is not None:
        yield f"{rule.times} times in all"
    if rule.until is not None:
        yield f"until {rule.until}"


def _quiet(plan: "Plan") -> str:
    hours = plan.quiet_hours
    return (
        f"nobody from {hours.after:%H:%M} to {hours.before:%H:%M} by their clock" if hours else ""
    )


def _end(plan: "Plan") -> str:
    if plan.deadline is None:
        return ""
    return f"refused from {plan.deadline.astimezone(plan.home):%Y-%m-%d %H:%M} {plan.home.key} on"
