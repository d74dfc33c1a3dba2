"""A worker that is told to leave leaves, whatever becomes of the processes of its pool."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.promises.system import REPLY_TIMEOUT, ROOT, running_system
from workers.app import LEAVING_SECONDS
from workers.shift import STINT

STUCK = """
import threading
from workers.leaving import leave_within
leave_within(0.1, last=0.2)
lock = threading.Lock()
lock.acquire()
lock.acquire()
"""


def test_a_worker_that_waits_for_itself_is_ended() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STUCK], cwd=ROOT, timeout=60, check=False, capture_output=True
    )
    assert ran.returncode == 1
    assert b"it did not leave in time" in ran.stdout


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_process_that_never_hears_of_it_holds_up_no_deploy(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with running_system(tmp_path) as system:
        part = system.start("worker-1", "worker")
        system.wait_for(lambda: part.has_said("worker.ready"), 60, "the worker")
        assert part.process is not None
        deaf = psutil.Process(part.process.pid).children()[0]
        os.kill(deaf.pid, signal.SIGSTOP)
        begun = time.monotonic()
        assert part.terminate() == 0
        taken = time.monotonic() - begun
        assert taken >= STINT + REPLY_TIMEOUT + LEAVING_SECONDS
        assert part.has_said("worker.ended")
        assert not deaf.is_running()
