"""The words of the harness: what a row promises, what a pair measured, how a measure is called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.stage import Stage


class CheckFailed(Exception):
    """A measurement did something else than it was to measure; the text says what."""


class Better(StrEnum):
    """Which figure is the better one."""

    MORE = "more"
    LESS = "less"


@dataclass(frozen=True)
class Spec:
    """One row of the table, before it is measured."""

    measure: str
    unit: str
    yardstick: str
    """What it stands beside: another program in the same run, or a goal."""
    reach: float
    """The ratio to reach; a ratio is always 'larger is better'."""
    better: Better = Better.MORE
    is_goal: bool = False
    """Its yardstick is a goal that stands still, so that nothing is paired."""


@dataclass(frozen=True)
class Pair:
    """What ours and the yardstick measured, one directly after the other."""

    ours: float
    yardstick: float


@dataclass(frozen=True)
class Reading:
    """What a measure found for one of its rows."""

    size: int
    pairs: Sequence[Pair]
    checked: str
    """What was seen to be right, in words."""
    notes: Sequence[str] = ()


LARGEST_QUICK = 100_000
"""No size of a quick run is above it."""


@dataclass(frozen=True)
class Scale:
    """How large a run is: pairs, and whether sizes are those of a quick run."""

    pairs: int
    is_quick: bool

    def pick(self, quick: int, full: int) -> int:
        """Return the size for this run. Raises ValueError for a quick one that is not small."""
        if quick > LARGEST_QUICK:
            raise ValueError(f"{quick} is no size for a quick run")
        return quick if self.is_quick else full


QUICK = Scale(pairs=3, is_quick=True)
FULL = Scale(pairs=5, is_quick=False)


@dataclass(frozen=True)
class Measure:
    """A measurement and the rows that it fills, in the order of its readings."""

    name: str
    specs: tuple[Spec, ...]
    run: "Callable[[Stage, Scale], list[Reading]]"


@dataclass(frozen=True)
class Row:
    """One measured row, or one that could not be measured, with the reason in its notes."""

    spec: Spec
    size: int = 0
    ours: float | None = None
    yardstick: float | None = None
    ratio: float | None = None
    checked: str = ""
    notes: tuple[str, ...] = ()
    is_broken: bool = False
    """A check failed: what was measured is not what was to be measured."""

    @property
    def reached(self) -> bool:
        return self.ratio is not None and self.ratio >= self.spec.reach

    def as_json(self) -> dict[str, Any]:
        """Return the row as the JSON document holds it."""
        return {
            "measure": self.spec.measure,
            "size": self.size,
            "ours": _round(self.ours),
            "yardstick": _round(self.yardstick),
            "ratio": _round(self.ratio),
            "reach": self.spec.reach,
            "reached": self.reached,
            "unit": self.spec.unit,
            "beside": self.spec.yardstick,
            "checked": self.checked,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Result:
    """A whole run: the machine, its rows, and where the time of one person went."""

    machine: dict[str, Any]
    rows: tuple[Row, ...]
    spent: dict[str, float] = field(default_factory=dict)
    is_whole: bool = True
    """Every measure was asked for, not some by name."""

    @property
    def is_broken(self) -> bool:
        return any(row.is_broken for row in self.rows)

    @property
    def is_empty(self) -> bool:
        """Whether nothing could be measured: what it takes is missing, and the notes name it."""
        return all(row.ours is None for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        document = {"machine": self.machine, "rows": [row.as_json() for row in self.rows]}
        return document | ({"spent": self.spent} if self.spent else {})


def _round(value: float | None) -> float | None:
    """Round to four digits that count."""
    return None if value is None else float(f"{value:.4g}")
