"""The kernel ends a sender that might begin too late, even one that was stopped."""

import signal
import subprocess
import sys
import time

from mailer.delivery.window import BARRIER, BEGIN_WITHIN, WINDOW

SENDER = """
import sys, time
from mailer.delivery.window import start_window
with start_window() as window:
    print("armed", flush=True)
    {act}
print("lived", flush=True)
time.sleep({linger})
"""


def a_sender(act: str, linger: float = 0.0) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SENDER.format(act=act, linger=linger)],
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> list[str]:
    out, _ = process.communicate(timeout=20)
    return out.split()


def test_a_sender_that_never_disarms_is_ended_before_an_opt_out_stops_waiting() -> None:
    process = a_sender("time.sleep(30)")
    assert process.stdout is not None
    assert process.stdout.readline() == "armed\n"
    started = time.monotonic()
    assert said(process) == []
    assert process.returncode == -signal.SIGALRM
    assert time.monotonic() - started < BARRIER


def test_a_stopped_sender_does_nothing_more_when_it_is_continued() -> None:
    process = a_sender("time.sleep(0.2)")
    assert process.stdout is not None
    assert process.stdout.readline() == "armed\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(WINDOW + 0.3)
    process.send_signal(signal.SIGCONT)
    assert said(process) == []
    assert process.returncode == -signal.SIGALRM


def test_a_sender_that_disarms_lives_on() -> None:
    assert said(a_sender("window.disarm()", linger=WINDOW + 0.3)) == ["armed", "lived"]


def test_the_three_times_stand_in_the_order_that_the_promise_needs() -> None:
    assert BEGIN_WITHIN < WINDOW < BARRIER
