"""The door of the measurements: `make bench`, `make bench-quick`, `fpmail bench`, `python -m bench`."""

import json
import logging
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from types import FrameType
from typing import NoReturn

import structlog
from rich.console import Console

from bench.machine import describe
from bench.measures import MEASURES
from bench.page import KEPT, kept_result, write_page
from bench.running import run
from bench.show import print_table
from bench.spending import spending
from bench.stage import Stage, a_stage
from bench.values import FULL, QUICK, CheckFailed, Measure, Result, Scale
from bench.yardsticks import Missing


def measure(
    *, is_quick: bool, only: Sequence[str] = (), as_json: bool = False, save: bool = False,
    now: datetime | None = None,
) -> int:  # fmt: skip
    """Measure, tell, and return the exit code: 1 where a check failed or nothing was measured.

    `only` names measures; `save` keeps the result and draws the page and its pictures anew.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGTERM, _leave)  # so that every server and worker is stopped
    chosen = [each for each in MEASURES if not only or each.name in only]
    result = _result(chosen, QUICK if is_quick else FULL, now or datetime.now(UTC))
    if as_json:
        print(json.dumps(result.as_json(), ensure_ascii=False, indent=1))
    else:
        print_table(result, Console())
    if save:
        _save(result)
    return int(result.is_broken or result.is_empty)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    sys.exit(143)


def _result(chosen: Sequence[Measure], scale: Scale, now: datetime) -> Result:
    console = Console(stderr=True)
    machine = describe(now) | {"run": "quick" if scale.is_quick else "full"}
    is_whole = len(chosen) == len(MEASURES)
    with a_stage() as stage:
        # First, since a run that is stopped keeps what it has by then.
        spent = _spent(stage, scale) if is_whole else {}
        rows = run(chosen, stage, scale, say=lambda name: console.print(f"measuring: {name}"))
    return Result(machine, tuple(rows), spent, is_whole)


def _spent(stage: Stage, scale: Scale) -> dict[str, float]:
    try:
        return spending(stage, scale)
    except (Missing, CheckFailed):
        return {}


def _save(result: Result) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    text = json.dumps(result.as_json(), ensure_ascii=False, indent=1)
    KEPT.write_text(f"{text}\n", encoding="utf-8")
    write_page(kept_result())
    print(f"kept in {KEPT}", file=sys.stderr)
