"""The kernel ends a sender that might begin too late; one that knows it is late lives on."""

import signal
import subprocess
import sys
import time
from contextlib import nullcontext

import pytest

from mailer import delivery
from mailer.delivery import Sender
from mailer.delivery.window import ARMING, BARRIER, BEGIN_WITHIN, WINDOW, Window
from mailer.permission import Change
from mailer.vocabulary import Door, Lane, MailingId, Reason
from tests.delivery.conftest import Road
from tests.open_window import OpenWindow
from tests.people_of_tests import TestPerson

SENDER = """
import sys, time
from mailer.delivery.window import start_window
with start_window() as window:
    {before}
    print("armed" if window.arm() else "late", flush=True)
    {after}
print("lived", flush=True)
time.sleep({linger})
"""


def a_sender(
    after: str = "pass", *, before: str = "pass", linger: float = 0.0
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SENDER.format(before=before, after=after, linger=linger)],
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> list[str]:
    out, _ = process.communicate(timeout=20)
    return out.split()


def heard(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == f"{word}\n"


def stopped_for(process: "subprocess.Popen[str]", seconds: float) -> None:
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)


def test_a_sender_that_never_disarms_is_ended_before_an_opt_out_stops_waiting() -> None:
    process = a_sender("time.sleep(30)")
    heard(process, "armed")
    started = time.monotonic()
    assert said(process) == []
    assert process.returncode == -signal.SIGALRM
    assert time.monotonic() - started < BARRIER


def test_a_stopped_sender_does_nothing_more_when_it_is_continued() -> None:
    process = a_sender("time.sleep(0.2)")
    heard(process, "armed")
    stopped_for(process, WINDOW + 0.3)
    assert said(process) == []
    assert process.returncode == -signal.SIGALRM


@pytest.mark.parametrize(
    "inherited",
    ["signal(signal.SIGALRM, signal.SIG_IGN)", "pthread_sigmask(signal.SIG_BLOCK, [14])"],
    ids=["ignored", "blocked"],
)
def test_a_sender_that_was_started_deaf_to_the_signal_is_ended_all_the_same(inherited: str) -> None:
    process = a_sender(f"time.sleep({WINDOW + 1})", before=f"import signal; signal.{inherited}")
    assert said(process) == ["armed"]
    assert process.returncode == -signal.SIGALRM


def test_a_sender_that_disarms_lives_on() -> None:
    assert said(a_sender("window.disarm()", linger=WINDOW + 0.3)) == ["armed", "lived"]


def test_a_sender_whose_database_took_long_is_told_that_it_is_late_and_lives() -> None:
    waited = f"time.sleep({WINDOW + 0.3})"
    assert said(a_sender(before=waited, linger=WINDOW + 0.3)) == ["late", "lived"]


def test_a_sender_that_was_stopped_before_it_armed_begins_nothing_and_lives() -> None:
    process = a_sender(before='print("open", flush=True); time.sleep(0.3)')
    heard(process, "open")
    stopped_for(process, BEGIN_WITHIN + 0.3)
    assert said(process) == ["late", "lived"]


CLOCK = """
import signal
from mailer.delivery.window import Window
clock = iter({readings})
window = Window(lambda: next(clock))
print(window.arm(), round(signal.getitimer(signal.ITIMER_REAL)[0], 1))
window.disarm()
"""


@pytest.mark.parametrize(
    ("opened", "before", "after", "answer"),
    [
        (100.0, 100.0, 100.0, "True 2.4"),
        (100.0, 100.9, 100.95, "True 1.5"),
        (100.0, 101.0, 101.0, "False 0.0"),
        (100.0, 100.9, 101.0, "False 0.0"),
        (100.0, 100.1, 100.7, "False 0.0"),
    ],
    ids=["at once", "the window's rest", "too late", "late while arming", "arming took long"],
)
def test_the_kernel_comes_at_the_windows_end_however_late_it_was_armed(
    opened: float, before: float, after: float, answer: str
) -> None:
    program = CLOCK.format(readings=[opened, before, after])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == (answer, "")


def test_the_times_stand_in_the_order_that_the_promise_needs() -> None:
    # Armed with what the window has left, at most so much after the clock was read.
    assert BEGIN_WITHIN < WINDOW < WINDOW + ARMING < BARRIER


@pytest.mark.clause("C08")
def test_who_passed_the_gate_too_late_waits_and_whose_no_was_met_there_is_refused(
    road: Road,
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.sender = through(road, ShutWindow(), OpenWindow())
    road.press.after_printing = lambda: say_no(road, jo)
    deliver(road)
    assert road.got() == []
    books = books_of(road, mailing)
    assert books.balance
    assert (books.refused, books.to_go) == ({Reason.NOT_ALL: 1}, 1)
    road.press.after_printing = lambda: None
    deliver(road)
    assert road.got() == [anna.email]
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.unknown, books.to_go) == (1, 0, 0)


def test_who_was_late_takes_half_as_many_people_next_time(road: Road) -> None:
    crowd = road.crowd(4)
    road.campaign()
    road.sender = through(road, ShutWindow(), OpenWindow())
    road.sender._begun_per_second = 4.0
    deliver(road)
    deliver(road)
    assert road.got() == [each.email for each in crowd[:2]]


class ShutWindow(OpenWindow):
    """Whatever came before the hand-over took longer than the window is open."""

    def arm(self) -> bool:
        return False


def through(road: Road, *windows: Window) -> Sender:
    """A sender whose windows are these, one after the other."""
    in_turn = iter(windows)
    return road.worker(window=lambda: nullcontext(next(in_turn)))


def deliver(road: Road) -> None:
    road.later(seconds=1)
    assert road.sender.deliver_one(Lane.PROMOTIONAL)


def say_no(road: Road, person: TestPerson) -> None:
    road.opt_outs.change(
        person.person_id, Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
    )


def books_of(road: Road, mailing: MailingId) -> delivery.Books:
    with road.database.reading() as session:
        return delivery.books(session, mailing)
