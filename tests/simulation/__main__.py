"""Play thousands of orders in which the protocol's steps may meet, each drawn from a seed."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mailer.tables  # noqa: F401 - registers the tables of every room
from mailer.development.servers import embedded_postgres
from mailer.migrations import migrate
from mailer.vault import Vault
from tests.simulation.plans import POINTS
from tests.simulation.sizes import LARGE, SIZES, Size
from tests.simulation.stage import Stage, Sums, without_logs

REPORT_SECONDS = 60.0


def main() -> int:
    """Play the seeds that the command line names; 1 where one found something, or met too little."""
    told = _read()
    seeds = range(told.first, told.first + told.seeds)
    if told.seed is not None:
        seeds = range(told.seed, told.seed + 1)
    with _stage() as stage, without_logs():
        if told.seed is not None:
            played = stage.play(told.seed, size=SIZES[told.size])
            print(played.told())
            return bool(played.wrong)
        return _play_many(stage, seeds, SIZES[told.size])


def _read() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument(
        "--size", choices=SIZES, default=LARGE.name, help="how large worlds are (large)"
    )
    parser.add_argument("--seed", type=int, help="play this one, and print what happened in it")
    parser.add_argument("--seeds", type=int, default=1000, help="how many to play (1000)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (1)")
    return parser.parse_args()


@contextmanager
def _stage() -> Iterator[Stage]:
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_postgres(Path(folder) / "postgres", throwaway=True) as url,
    ):
        migrate(url)
        stage = Stage(url, Vault([b"v" * 32], [b"i" * 32]))
        try:
            yield stage
        finally:
            stage.close()


def _play_many(stage: Stage, seeds: range, size: Size) -> int:
    """Play until one finds something, or all are played, or Ctrl-C; print the sums."""
    sums, began, reported = Sums(size), time.monotonic(), time.monotonic()
    with suppress(KeyboardInterrupt):
        for seed in seeds:
            played = stage.play(seed, size=size)
            if played.wrong:
                print(played.told())
                return 1
            sums.add(played)
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                print(f"{sums.seeds} of {len(seeds)}", file=sys.stderr)
    _print(sums, time.monotonic() - began)
    return bool(sums.missing())


def _print(sums: Sums, seconds: float) -> None:
    for what, count in sorted(sums.met.items()):
        print(f"{count:10,}  {what}")
    print(f"{'reached':>10}  {'killed':>8}  at")
    for point in POINTS:
        print(f"{sums.reached[point]:10,}  {sums.killed_at[point]:8,}  {point}")
    for each in sums.missing():
        print(f"never met: {each}")
    print(
        f"{sums.seeds:,} seeds, {sums.steps:,} steps, none broke a promise; {sums.seeds / seconds:.1f} a second"
    )


if __name__ == "__main__":
    sys.exit(main())
