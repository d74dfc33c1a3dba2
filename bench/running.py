"""Runs measures one after the other and makes rows of what they found, or of why they could not."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from bench.pairing import middle, ratio_of, spread
from bench.stage import Stage
from bench.values import CheckFailed, Measure, Reading, Row, Scale, Spec
from bench.yardsticks import Missing

Say = Callable[[str], None]
SHORTER_AFTER, OVER_AFTER = 120.0, 240.0
"""Seconds of a quick run after which one pair must do, and after which nothing more is begun."""
STOPPED = "left out: the run was stopped"
TOO_LATE = "left out: the time of a quick run was over; name the measure to run it alone"


def run(measures: Iterable[Measure], stage: Stage, scale: Scale, *, say: Say) -> list[Row]:
    """Measure all; one that cannot be measured leaves its rows, with the reason, and no figure.

    Whoever stops the run (Ctrl-C, SIGTERM) keeps what was measured by then.
    """
    rows: list[Row] = []
    began, is_stopped = time.monotonic(), False
    for measure in measures:
        try:
            if not is_stopped:
                say(measure.name)
                rows += _in_time(measure, stage, scale, time.monotonic() - began)
        except (KeyboardInterrupt, SystemExit):
            is_stopped = True
        if is_stopped:
            rows += [Row(spec, notes=(STOPPED,), is_broken=True) for spec in measure.specs]
    return rows


def _in_time(measure: Measure, stage: Stage, scale: Scale, elapsed: float) -> list[Row]:
    """Run a measure as far as a quick run has time for it: it ends whatever the machine does."""
    if scale.is_quick and elapsed > OVER_AFTER:
        return [Row(spec, notes=(TOO_LATE,)) for spec in measure.specs]
    if scale.is_quick and elapsed > SHORTER_AFTER:
        scale = replace(scale, pairs=1)
    return rows_of(measure, stage, scale)


def rows_of(measure: Measure, stage: Stage, scale: Scale) -> list[Row]:
    """Run one measure. A failed check or a failure makes every row of it fail."""
    try:
        readings = measure.run(stage, scale)
    except Missing as missing:
        return [Row(spec, notes=(str(missing),)) for spec in measure.specs]
    except CheckFailed as failed:
        notes = (f"check failed: {failed}", *notes_of(failed))
        return [Row(spec, notes=notes, is_broken=True) for spec in measure.specs]
    except Exception as error:  # the other measures are worth their while all the same
        notes = (f"broke off: {type(error).__name__}: {str(error)[-600:]}", *notes_of(error))
        return [Row(spec, notes=notes, is_broken=True) for spec in measure.specs]
    return [row_of(spec, reading) for spec, reading in zip(measure.specs, readings, strict=True)]


def notes_of(error: Exception) -> tuple[str, ...]:
    """Return what was noted beside an error, such as where the logs are."""
    return tuple(getattr(error, "__notes__", ()))


def row_of(spec: Spec, reading: Reading) -> Row:
    """Make a row of the middle pair, and say how far the pairs lie apart."""
    pair = middle(reading.pairs, spec.better)
    least, most = spread(reading.pairs, spec.better)
    kind = "runs" if spec.is_goal else "pairs"
    apart = f"{len(reading.pairs)} {kind}, ratios from {least:.3g} to {most:.3g}"
    return Row(
        spec,
        size=reading.size,
        ours=pair.ours,
        yardstick=pair.yardstick,
        ratio=ratio_of(pair, spec.better),
        checked=reading.checked,
        notes=(*reading.notes, apart),
    )
