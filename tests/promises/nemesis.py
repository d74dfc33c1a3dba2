"""Carries out what a plan says goes wrong, and brings back whoever died, as a host does."""

import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import psutil
import psycopg
import redis

from mailer.failpoints import Failpoint
from mailer.settings import read_settings
from mailer.vocabulary import Lane
from tests.promises.aims import Aims
from tests.promises.moods import BUSY, MOODS, USUAL
from tests.promises.plan import Deed
from tests.promises.system import Part, System
from tests.promises.trouble import freeze_the_database, kill_a_child
from workers.doorbell import BrokerDoorbell

LONG_PAST = "DELETE FROM delivery_throttle"
"""What workers know of a relay that asked for less: without it nobody asked within the quarter of an hour."""
UNTIL_SETTLED = 2.0
"""Seconds after which a sender that was told to go slower has written it down."""
TO_DRAIN = 40.0
"""Seconds that a deploy may take; a worker that takes longer is killed, and that is a fault."""


class Nemesis:
    """One run's trouble: deeds by the thread that calls `attack`, and a keeper beside it."""

    def __init__(self, system: System, aims: Aims, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.story: list[str] = []
        """What was done when, and what went wrong at it."""
        self.faults: list[str] = []
        """What neither a kill nor anything else here excuses."""
        self._system = system
        self._aims = aims
        self._chance = random.Random(f"nemesis {seed}")
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._leaving: dict[str, float] = {}
        """Parts that were told to leave, and until when they may take."""
        self._acts: dict[str, Callable[[Deed], None]] = {
            "aim": self._aim,
            "child": self._kill_child,
            "kill": self._kill,
            "web": self._kill,
            "beat": self._kill,
            "stop": self._stop_for_a_while,
            "deploy": self._deploy,
            "flush": lambda _: system.flush_broker(),
            "broker": self._restart_broker,
            "doorbells": lambda _: ring_wildly(system, self._chance),
            "database": self._pull_the_database,
            "freeze": self._freeze,
            "cut.database": self._cut,
            "cut.broker": self._cut,
            "cut.witness": self._cut,
            "witness": self._change_mood,
            "clock": self._set_a_clock,
        }

    def begin(self) -> None:
        """Hold senders up, have the witness die now and then, and keep the processes."""
        self._aims.begin()
        self._system.witness.play(USUAL)
        self._keeper.start()

    def attack(self, deeds: Sequence[Deed]) -> None:
        """Do every deed at its moment, or as soon as the one before it is done."""
        begun = time.monotonic()
        for deed in deeds:
            time.sleep(max(0.0, begun + deed.at - time.monotonic()))
            self.story.append(f"{time.monotonic():.3f} {deed}")
            self._do(deed)

    def finish(self, seconds: float) -> None:
        """Aim at whatever nobody was killed at so far, until somebody is, for so long at most."""
        end = time.monotonic() + seconds
        for point in self._aims.never_killed_at():
            self._aims.take(point, "kill")
        while self._aims.never_killed_at() and time.monotonic() < end:
            time.sleep(0.2)

    def relent(self) -> None:
        """End all trouble: no aims, nobody asleep, a kind witness, every clock right."""
        self._aims.end()
        self._system.witness.play(())
        if self._system.clocks is not None:
            self._system.clocks.set_right()
        self._have_it_long_past()

    def end(self) -> None:
        """Bring nobody back any more."""
        self._stop.set()
        if self._keeper.is_alive():
            self._keeper.join(20)

    def _do(self, deed: Deed) -> None:
        try:
            self._acts[deed.kind](deed)
        except (psutil.Error, redis.RedisError, OSError) as error:  # it was just gone
            self.story.append(f"{time.monotonic():.3f} {deed.kind} failed: {error!r}")
        else:
            self.done[deed.kind] += 1

    def _aim(self, deed: Deed) -> None:
        self._aims.take(Failpoint(deed.target), deed.act, min(deed.seconds, 1.5))

    def _kill(self, deed: Deed) -> None:
        self._system.processes[deed.target or deed.kind].signal(signal.SIGKILL)

    def _kill_child(self, deed: Deed) -> None:
        kill_a_child(self._system.processes[deed.target], self._chance)

    def _stop_for_a_while(self, deed: Deed) -> None:
        part = self._system.processes[deed.target]
        part.signal(signal.SIGSTOP)
        time.sleep(deed.seconds)
        part.signal(signal.SIGCONT)

    def _deploy(self, deed: Deed) -> None:
        part = self._system.processes[deed.target]
        if part.process is not None and part.has_said("worker.ready"):
            self._leaving[deed.target] = time.monotonic() + TO_DRAIN
            part.process.terminate()

    def _restart_broker(self, deed: Deed) -> None:
        if self._system.broker is not None:
            self._system.broker.kill()
            time.sleep(min(deed.seconds, 1.0))
            self._system.broker.start()

    def _pull_the_database(self, deed: Deed) -> None:
        if self._system.database is not None:
            self._system.database.kill()
            time.sleep(min(deed.seconds, 1.0))
            self._system.database.start()

    def _freeze(self, _: Deed) -> None:
        if self._system.database is not None:
            freeze_the_database(self._system)

    def _cut(self, deed: Deed) -> None:
        if self._system.proxy is not None:
            what = deed.kind.partition(".")[2]
            self.done["connections cut"] += self._system.proxy.cut(what, deed.share)

    def _change_mood(self, deed: Deed) -> None:
        self._system.witness.play(MOODS[deed.target])
        time.sleep(deed.seconds)
        self._system.witness.play(USUAL)
        if deed.target == BUSY:
            time.sleep(UNTIL_SETTLED)
            self._have_it_long_past()

    def _set_a_clock(self, deed: Deed) -> None:
        if self._system.clocks is not None:
            self._system.clocks.move(deed.target, deed.seconds)

    def _have_it_long_past(self) -> None:
        """Cut the quarter of an hour short in which little would leave, and little be attacked."""
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self._system.eye_url, autocommit=True) as eye,
        ):
            eye.execute(LONG_PAST)

    # The keeper

    def _keep(self) -> None:
        while not self._stop.wait(0.05):
            try:
                self._aims.look()
                for name, part in self._system.processes.items():
                    self._bring_back(name, part)
            except Exception as error:
                self.faults.append(f"the keeper met {error!r}")

    def _bring_back(self, name: str, part: Part) -> None:
        if part.process is None:
            return
        if part.process.poll() is None:
            if time.monotonic() > self._leaving.get(name, float("inf")):
                del self._leaving[name]
                self.faults.append(f"{name} did not leave within {TO_DRAIN:.0f} s")
                part.signal(signal.SIGABRT)  # it says in its log where it stands
                time.sleep(1)
                part.kill()
            return
        if self._leaving.pop(name, None) is not None and part.process.returncode == 0:
            self.done["left in good order"] += 1
        part.kill()  # what is left of its group
        part.start()
        self.done["starts"] += 1


def ring_wildly(system: System, chance: random.Random) -> None:
    """Ring far too often and in no order, and stir and double what waits in the broker."""
    bell = BrokerDoorbell(read_settings(system.environment))
    for _ in range(20):
        bell(chance.choice(list(Lane)))
    if not system.broker_url.startswith("redis"):
        return
    with contextlib.closing(redis.Redis.from_url(system.broker_url)) as client:
        for queue in ("orders", "promotional", "chores"):
            waiting: Any = client.lrange(queue, 0, -1)
            doubled = [*waiting, *waiting]
            chance.shuffle(doubled)
            if doubled:
                client.rpush(queue, *doubled)
