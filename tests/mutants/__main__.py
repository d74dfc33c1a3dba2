"""`make mutants`: every weakening of the protocol must turn its named test red."""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.applying import ROOT, EditLost, Verdict, copy_project, run_tests, try_out
from tests.mutants.listed import MUTANTS
from tests.mutants.page import write_page
from tests.mutants.values import Mutant

AT_ONCE = 2
"""Mutants that are tried beside each other, each with a database server of its own."""


def main() -> int:
    """Try them; 0 where every one is caught, 1 where one is not, 2 for a name that nobody has."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these, such as M01 M17")

    chosen = parser.parse_args()
    unknown = set(chosen.names) - {each.name for each in MUTANTS}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    wanted = [each for each in MUTANTS if not chosen.names or each.name in chosen.names]
    began = time.monotonic()
    with copies(AT_ONCE) as folders:
        if not are_green(wanted, folders):
            return 1
        left = try_all(wanted, folders)
    minutes = (time.monotonic() - began) / 60
    print(f"{len(wanted) - len(left)} of {len(wanted)} caught, in {minutes:.1f} minutes")
    if not left and not chosen.names:
        write_page(MUTANTS)
    return 1 if left else 0


@contextmanager
def copies(count: int) -> Iterator["SimpleQueue[Path]"]:
    """Make copies of the project to try mutants in; they are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        folders: SimpleQueue[Path] = SimpleQueue()
        for number in range(count):
            folder = Path(place) / str(number) / ROOT.name
            copy_project(folder)
            folders.put(folder)
        yield folders


def are_green(wanted: Sequence[Mutant], folders: "SimpleQueue[Path]") -> bool:
    """Run the catchers on what nobody edited: a test that is red anyway catches nothing."""
    folder = folders.get()
    catchers = list(dict.fromkeys(each.catcher for each in wanted))
    verdict = run_tests(catchers, folder, longest=900)
    folders.put(folder)
    if verdict is not Verdict.SURVIVED:
        print(f"without any edit: {verdict.value}; the catchers must be green by themselves")
    return verdict is Verdict.SURVIVED


def try_all(wanted: Sequence[Mutant], folders: "SimpleQueue[Path]") -> list[Mutant]:
    """Try each, some beside each other; return those that nobody caught."""

    def try_one(mutant: Mutant) -> Verdict | EditLost:
        folder = folders.get()
        try:
            return try_out(mutant, folder)
        except EditLost as lost:
            return lost
        finally:
            folders.put(folder)

    left = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for mutant, verdict in zip(wanted, pool.map(try_one, wanted), strict=True):
            said = verdict.value if isinstance(verdict, Verdict) else str(verdict)
            print(f"{mutant.name}  {said:9} {mutant.what}  ({mutant.catcher})", flush=True)
            if verdict is not Verdict.CAUGHT:
                left.append(mutant)
    return left


if __name__ == "__main__":
    raise SystemExit(main())
