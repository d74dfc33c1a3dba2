"""`make mutants`: every weakening of the protocol must turn its named test red."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.applying import ROOT, EditLost, Verdict, copy_project, run_tests, try_out
from tests.mutants.listed import MUTANTS
from tests.mutants.page import PAGE, write_page
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
    _tell(what_is_done(wanted))
    began = time.monotonic()
    with copies(AT_ONCE) as folders:
        if not are_green(wanted, folders):
            return 1
        _tell(f"green after {time.monotonic() - began:.0f} s; now the weakenings")
        left = try_all(wanted, folders)
    minutes = (time.monotonic() - began) / 60
    print(f"{len(wanted) - len(left)} of {len(wanted)} caught, in {minutes:.1f} minutes")
    if not left and len(wanted) == len(MUTANTS):
        write_page(MUTANTS)
        _tell(f"the table in {PAGE.relative_to(ROOT)} is written")
    return 1 if left else 0


def what_is_done(wanted: Sequence[Mutant]) -> str:
    """Say before minutes of silence what is done, how long that takes, and what is written."""
    page, tests = PAGE.relative_to(ROOT), len(_catchers(wanted))
    if len(wanted) == len(MUTANTS):
        takes = "6 to 7 minutes on a quiet machine of two cores, up to 20 on a busy one"
        writes = f"where all are caught, the table in {page} is written anew"
    else:
        takes = "a quarter of a minute for each, and more on a busy machine"
        writes = f"{page} stays as it is"
    return (
        f"everything happens in copies of the project: {tests} tests on the code as it is,"
        f" which are silent and must be green; then {len(wanted)} weakenings, {AT_ONCE} at a time\n"
        f"it takes {takes}\n"
        f"{writes}"
    )


def _tell(lines: str) -> None:
    """Say how far it is, to people; standard output holds what was found alone."""
    # In one piece: two threads tell of their mutants.
    sys.stderr.write("".join(f"mutants: {line}\n" for line in lines.splitlines()))
    sys.stderr.flush()


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
    verdict = run_tests(_catchers(wanted), folder, longest=900)
    folders.put(folder)
    if verdict is not Verdict.SURVIVED:
        print(f"without any edit: {verdict.value}; the catchers must be green by themselves")
    return verdict is Verdict.SURVIVED


def _catchers(wanted: Sequence[Mutant]) -> list[str]:
    return list(dict.fromkeys(each.catcher for each in wanted))


def try_all(wanted: Sequence[Mutant], folders: "SimpleQueue[Path]") -> list[Mutant]:
    """Try each, some beside each other; return those that nobody caught."""

    def try_one(number: int, mutant: Mutant) -> Verdict | EditLost:
        folder = folders.get()
        _tell(f"{number} of {len(wanted)}: {mutant.name} is being tried")
        try:
            return try_out(mutant, folder)
        except EditLost as lost:
            return lost
        finally:
            folders.put(folder)

    left = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for mutant, verdict in zip(
            wanted, pool.map(try_one, range(1, len(wanted) + 1), wanted), strict=True
        ):
            said = verdict.value if isinstance(verdict, Verdict) else str(verdict)
            print(f"{mutant.name}  {said:9} {mutant.what}  ({mutant.catcher})", flush=True)
            if verdict is not Verdict.CAUGHT:
                left.append(mutant)
    return left


if __name__ == "__main__":
    raise SystemExit(main())
