"""A seat is freed by the kernel, however its process ends."""

import os
import signal
import time

import pytest

from workers.seats import Seats


def in_a_child(seats: Seats) -> int:
    """Fork a process that takes a seat and holds it; return its number once it has it."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        with seats.one() as is_free:
            os.write(told, b"y" if is_free else b"n")
            time.sleep(60)
        os._exit(0)
    os.close(told)
    assert os.read(ready, 1) == b"y"
    os.close(ready)
    return child


@pytest.mark.parametrize("number", [signal.SIGALRM, signal.SIGKILL])
def test_a_process_that_is_ended_in_the_act_gives_its_seat_back(number: int) -> None:
    seats = Seats(1)
    for _ in range(3):
        child = in_a_child(seats)
        with seats.one() as is_free:
            assert not is_free
        os.kill(child, number)
        os.waitpid(child, 0)
    with seats.one() as is_free:
        assert is_free


def test_there_are_as_many_seats_as_were_made() -> None:
    seats = Seats(2)
    children = [in_a_child(seats), in_a_child(seats)]
    with seats.one() as is_free:
        assert not is_free
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
