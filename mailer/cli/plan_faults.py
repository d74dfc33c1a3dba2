"""What is wrong with a plan, in the words of the options that gave it: `--zone`, and not `zone`."""

import re
from typing import TYPE_CHECKING

from mailer.cli.faults import faults_in

if TYPE_CHECKING:
    from pydantic import ValidationError

OPTIONS = {
    "at": "AT",
    "zone": "--zone",
    "local": "--local",
    "use_by": "--use-by",
    "quiet_hours": "--quiet-hours",
    "before": "TO",
    "after": "FROM",
    "every": "--every",
    "step": "--step",
    "on": "--on",
    "day": "--day",
    "until": "--until",
    "times": "--times",
    "now": "now",
}
WALL = "2026-12-02T09:00 --zone Europe/Berlin"
MOMENT = "2026-12-02T14:00:00Z"
LIKE = {
    "AT": f"{WALL}, {MOMENT} or now",
    "--use-by": f"{WALL} or {MOMENT}",
    "--quiet-hours": "20:00-08:00",
    "--until": "2026-12-31",
}
"""How each option is written whose value the API takes between quotes."""
NAMED = re.compile(r"`(\w+)`")


def told_plan_faults(error: "ValidationError") -> str:
    """Name every faulty option, what is wrong and what would be right."""
    return "; ".join(dict.fromkeys(_sentence(**each) for each in faults_in(error)))


def _sentence(field: str, problem: str, fix: str) -> str:
    option = _option(field)
    said = problem.removesuffix(" with its offset").removeprefix("these quiet hours ")
    if fix.startswith("send text like"):
        fix = f"write it like {LIKE[option]}"
    told = f"{said}: {fix.replace('send it', 'add it').replace('send', 'write')}"
    return f"{option} {_with_options(told)}".strip()


def _option(field: str) -> str:
    """Say which option a field came from; what is said of several of them names them itself."""
    if field.startswith("quiet_hours"):
        return OPTIONS["quiet_hours"]
    return OPTIONS.get(field.removeprefix("repeat."), "")


def _with_options(told: str) -> str:
    return NAMED.sub(lambda found: OPTIONS.get(found[1], found[1]), told)
