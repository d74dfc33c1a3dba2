"""What a promise run found, as a table for people, a line for the sums, and the page of the sums."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailer.failpoints import Failpoint
from tests.promises.run import Ran
from tests.promises.system import ROOT
from tests.promises.verdicts import Verdict

RUNS = ROOT / "docs/promises/runs.jsonl"
PAGE = ROOT / "docs/promises.md"
FROM, TO = "<!-- runs: written by make promises-long -->", "<!-- end of runs -->"
ACTS = {
    "kill": "`kill -9` of a worker",
    "child": "`kill -9` of a sending process",
    "web": "`kill -9` of a web",
    "beat": "`kill -9` of the clock",
    "stop": "`SIGSTOP`, later `SIGCONT`, of a worker or web",
    "deploy": "`SIGTERM` as a deploy does it",
    "flush": "broker emptied",
    "broker": "broker killed and started",
    "doorbells": "doorbells doubled and stirred",
    "database": "PostgreSQL killed and started",
    "freeze": "PostgreSQL frozen for longer than a start window",
    "connections cut": "connections cut",
    "witness": "the witness in a mood",
    "clock": "the time of day of a worker, a web or the clock set, or set right",
}


def summed(ran: Ran) -> dict[str, Any]:
    """Return the figures of a run: plain numbers, of which many runs can be added up."""
    counts: Counter[str] = Counter()
    for verdict in ran.verdicts:
        counts.update(verdict.counts)
    killed = sum(n for (_, act), n in ran.evidence.hits.items() if act == "kill")
    return {
        "seed": ran.seed,
        "version": _version(),
        "minutes": round(ran.seconds / 60, 2),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdicts": {each.name: each.holds for each in ran.verdicts},
        "troubles": ran.troubles,
        "counts": dict(counts),
        "kills at failpoints": killed,
        "killed by their own start window": ran.ended_by_the_kernel,
        "acts": dict(ran.done),
        "hits": _by_point(ran.evidence.hits),
    }


def _version() -> str:
    """Name the commit that was attacked, as far as git knows one."""
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or "unknown"


def _by_point(hits: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Count whoever died or met a full disk at each point; who only waited is not counted."""
    acted: Counter[str] = Counter()
    for (point, act), count in hits.items():
        if act != "wait":
            acted[point] += count
    return {point.value: acted[point.value] for point in Failpoint}


def table(ran: Ran) -> list[str]:
    """Return what is printed at the end of a run."""
    run = summed(ran)
    lines = [f"{each.name}  {_word(each.holds)}  {each.promise}" for each in ran.verdicts]
    lines += [""] + [f"{count:>9,}  {what}" for what, count in run["counts"].items()]
    lines += [f"{run['kills at failpoints']:>9,}  kills at failpoints"]
    lines += [f"{ran.done[act]:>9,}  {what}" for act, what in ACTS.items()]
    lines += ["", "who died or met a full disk, by point:"]
    lines += [f"{count:>9,}  {point}" for point, count in run["hits"].items()]
    for verdict in ran.verdicts:
        lines += ["", *(f"{verdict.name}: {fault}" for fault in verdict.faults[:MOST])]
        if len(verdict.faults) > MOST:
            lines.append(f"{verdict.name}: … {len(verdict.faults) - MOST:,} more")
    lines += [f"trouble: {trouble}" for trouble in ran.troubles[:MOST]]
    lines += ["", *_in_short(run["counts"], ran.verdicts)]
    return [line for n, line in enumerate(lines) if line or lines[n - 1 : n] != [""]]


def _in_short(counts: Mapping[str, int], verdicts: Sequence[Verdict]) -> list[str]:
    """Say in sentences what was promised and how often it could have been broken."""
    faults = [fault for each in verdicts if each.name == "C1" for fault in each.faults]
    late = sum(fault.startswith("no ") for fault in faults)
    named = counts["begun after an answer that had named them"]
    return [
        f"{counts['opt-outs acknowledged']:,} opt-outs were acknowledged. Of them"
        f" {counts['gate drops']:,} met their mail at the gate, and"
        f" {counts['barrier waits for a message not yet begun']:,} waited for a sender that had it in"
        f" hand; {late:,} were mailed after the answer, and {named:,} more whom it had told of it.",
        f"{counts['promotional messages accepted']:,} promotional messages and"
        f" {counts['order events']:,} order updates were taken, while"
        f" {counts['ambiguous hand-overs']:,} hand-overs were left in doubt.",
        "Which promise each checker stands for: docs/promises.md.",
    ]


MOST = 10
"""Faults of a checker that are written out."""


def _word(holds: bool) -> str:
    return "holds " if holds else "BROKEN"


def add(run: Mapping[str, Any], path: Path = RUNS) -> None:
    """Append a run to the sums."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as runs:
        runs.write(json.dumps(run) + "\n")


def write_page(path: Path = PAGE, runs: Path = RUNS) -> None:
    """Write the sums of all runs between the marks of the page."""
    text = path.read_text()
    before, rest = text.split(FROM)
    after = rest.split(TO)[1]
    all_runs = [json.loads(line) for line in runs.read_text().splitlines()]
    path.write_text("\n".join([before + FROM, "", *page_of(all_runs), "", TO + after]))


def page_of(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the page that tell the sums of runs."""
    if not runs:
        return ["None is on file yet."]
    minutes = sum(run["minutes"] for run in runs)
    held = {name: all(run["verdicts"][name] for run in runs) for name in runs[0]["verdicts"]}
    return [
        f"{len(runs)} runs, {minutes:,.0f} minutes of attack in sum.",
        "",
        "| seed | commit | ended | minutes | clocks set | ended with |",
        "|---:|---|---|---:|---:|---|",
        *map(_row_of, runs),
        "",
        "| checker | in every run |",
        "|---|---|",
        *(f"| {name} | {'held' if each else '**broken**'} |" for name, each in held.items()),
        *_told(runs),
        "",
        *_sums("what was met", (run["counts"] for run in runs)),
        "",
        *_sums("what was done", (_acts_of(run) for run in runs)),
        "",
        *_sums("who died or met a full disk, at", (run["hits"] for run in runs)),
    ]


def _row_of(run: Mapping[str, Any]) -> str:
    clocks = run["acts"].get("clock", 0)
    ended = f"{run['ended'][:16].replace('T', ' ')}"
    return (
        f"| {run['seed']} | {run['version']} | {ended} | {run['minutes']:.0f} | {clocks} |"
        f" {_ended_with(run)} |"
    )


def _ended_with(run: Mapping[str, Any]) -> str:
    if not all(run["verdicts"].values()):
        return "**1**: a checker found something"
    if "troubles" not in run:
        return "every checker held; trouble was not kept then"
    return "**1**: trouble, below" if run["troubles"] else "0"


def _told(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what clients and keeper met that no deed of the plan excuses, if anything."""
    met = [f"- seed {run['seed']}: {each}" for run in runs for each in run.get("troubles", ())]
    return (
        [
            "",
            "Beside what the checkers look for there was trouble, which ends a run with 1 as well:",
            "",
            *met,
        ]
        if met
        else []
    )


def _acts_of(run: Mapping[str, Any]) -> dict[str, int]:
    acts = {what: run["acts"].get(act, 0) for act, what in ACTS.items()}
    return {"kills at failpoints": run["kills at failpoints"], **acts}


def _sums(title: str, counted: Iterable[Mapping[str, int]]) -> list[str]:
    sums: Counter[str] = Counter()
    for each in counted:
        sums.update(each)
    rows = [f"| {what} | {count:,} |" for what, count in sums.items()]
    return [f"| {title} | in sum |", "|---|---:|", *rows]
