"""`python -m tests.promises`: attacks the whole service from a seed, and says whether it kept its word."""

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.promises.moved import NoCompiler
from tests.promises.report import PAGE, RUNS, add, summed, table, write_page
from tests.promises.run import run

SHORT = 1.0
"""Minutes of attack in the short form; bringing everything up and letting it end comes on top."""
LEAST = 0.1
"""Minutes below which a run would mean nothing."""
LEG = 15.0
"""Minutes of attack in one run; a longer one is made of several, of one seed after the other."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 0 where everything held and every run meant something, 1 where not."""
    options = _options(arguments)
    seed = options.seed if options.seed is not None else secrets.randbelow(10**9)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    left, held = options.minutes, True
    while left > 0.01:
        held = attack(seed, min(left, LEG), is_reported=options.report) and held
        left, seed = left - LEG, seed + 1
    return 0 if held else 1


def attack(seed: int, minutes: float = SHORT, *, is_reported: bool = False) -> bool:
    """Run once, print what was found, and say whether everything held."""
    again = f'the same plan again: make promises ARGS="--seed {seed} --minutes {minutes:g}"'
    _say(f"seed {seed}; {again}")
    _say(
        f"This takes some {minutes + 1:.0f} to {minutes * 2 + 3:.0f} minutes, most of them silent."
    )
    folder = Path(tempfile.mkdtemp(prefix="fpmail-promises-"))
    folder.chmod(0o755)  # an embedded database may run as somebody else
    try:
        ran = run(folder, seed=seed, seconds=minutes * 60, say=_say)
    except NoCompiler as error:
        sys.exit(f"clocks cannot be moved: {error}")
    _say("\n".join(table(ran)))
    if is_reported:
        add(summed(ran))
        write_page()
        _say(f"added to {RUNS.name}, and {PAGE.name} written anew")
    if ran.holds:
        shutil.rmtree(folder, ignore_errors=True)
        _say(f"seed {seed}: every promise held")
    else:
        _say(f"seed {seed}: BROKEN; logs, plan and story are kept in {folder}; {again}")
    return ran.holds


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.promises", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay the plan of an earlier run")
    parser.add_argument(
        "--minutes",
        type=float,
        default=SHORT,
        help="of planned attack (%(default)s); what waits for the service comes on top",
    )
    parser.add_argument("--report", action="store_true", help="add the run to docs/promises.md")
    options = parser.parse_args(arguments)
    if not options.minutes >= LEAST:
        parser.error(f"--minutes: {LEAST} at least, or nothing is attacked")
    return options


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
