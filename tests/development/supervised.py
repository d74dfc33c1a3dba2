"""A supervisor with small programs, to be run, signalled and killed by its tests.

`python -m tests.development.supervised FOLDER SCENARIO`: each program writes its process number
to FOLDER/<name> when it starts, and a line to FOLDER/story when something happens to it.
"""

import os
import sys
from pathlib import Path

from mailer.development.processes import Command, Program, ProgramFailed
from mailer.development.supervisor import supervising

STORY = """
import os, signal, subprocess, sys, time
name, folder, manners = sys.argv[1:4]
def tell(what):
    with open(folder + "/story", "a") as story:
        story.write(what + " " + name + "\\n")
def end(*_):
    if manners == "stubborn":
        return
    time.sleep(0.1)
    tell("ended")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
tell("started")
print("hello from " + name, flush=True)
if manners == "broken":
    sys.exit(7)
if manners == "stubborn":
    child = subprocess.Popen(["sleep", "300"])
    open(folder + "/child", "w").write(str(child.pid))
time.sleep({"slow": 2, "late": 20}.get(manners, 0.2))
open(folder + "/" + name + ".new", "w").write(str(os.getpid()))
os.rename(folder + "/" + name + ".new", folder + "/" + name)
while True:
    time.sleep(60)
"""


def program(folder: Path, name: str, *, manners: str = "polite", layer: int = 0) -> Program:
    """A program that is ready when its file is there, 0.2 s after its start."""
    (folder / name).unlink(missing_ok=True)
    command = Command(
        argv=(sys.executable, "-c", STORY, name, str(folder), manners),
        folder=folder,
        environment=os.environ,
        grace_seconds=0.5 if manners == "stubborn" else 10.0,
    )
    return Program(
        name,
        lambda: command,
        (folder / name).exists,
        ready_within=1.5 if manners == "late" else 20,
        slow_after=0.5,
        layer=layer,
    )


def main(folder: Path, scenario: str) -> None:
    """Start two programs, one of them as the scenario says, and keep them running."""
    with supervising(lambda name, line: print(f"{name}: {line}", flush=True)) as supervisor:
        supervisor.start(program(folder, "first"))
        supervisor.start(program(folder, "second", manners=scenario, layer=1))
        (folder / "up").touch()
        supervisor.watch()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2])
    except ProgramFailed as failure:
        sys.exit("\n".join(["FAILED", str(failure), *failure.said]))
