"""The clients of a promise test: people who opt out by one-click, aimed at open batches."""

import contextlib
import http.client
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg

from mailer.links import Links, Purpose
from mailer.vocabulary import MailingId
from tests.people_of_tests import TestPerson
from tests.promises.system import System

AIM = """
    SELECT r.persons FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id
    WHERE b.mailing_id = %s AND b.state = %s
"""
AIMED_AT = ("claimed", "handing")
"""Whose no is to fall before the gate, and whose after it: each has clients and noes of its own,
or those of a batch that waits for its turn would use up all."""


@dataclass(frozen=True)
class Acknowledged:
    """One opt-out as its client saw it; moments are CLOCK_MONOTONIC seconds."""

    email: str
    asked: float
    answered: float
    named: bool
    """The answer said that a message had left, or may still arrive."""


@dataclass
class Crowd:
    """Threads that opt people out as long as the campaign runs: `wanted` in each state aimed at."""

    system: System
    links: Links
    mailing: MailingId
    people: dict[int, TestPerson]
    wanted: int
    log: list[Acknowledged] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _taken: set[int] = field(default_factory=set)
    _noes: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, clients: int = 12) -> None:
        for n in range(clients):
            thread = threading.Thread(target=self._work, args=(n,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _work(self, seed: int) -> None:
        chance = random.Random(seed)
        state = AIMED_AT[seed % len(AIMED_AT)]
        while self._is_wanted(state):
            try:
                with psycopg.connect(
                    self.system.environment["MAILER_DATABASE_URL"], autocommit=True
                ) as connection:
                    self._opt_out_while_connected(connection, state, chance)
            except (psycopg.Error, OSError, http.client.HTTPException):
                time.sleep(0.1)  # a database or web that is being restarted; nothing was answered

    def _opt_out_while_connected(
        self,
        connection: "psycopg.Connection[tuple[Any, ...]]",
        state: str,
        chance: random.Random,
    ) -> None:
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self.system.port, timeout=30)
        ) as web:
            while self._is_wanted(state):
                target = self._aim(connection, state, chance)
                if target is None:
                    time.sleep(0.005)
                else:
                    self._opt_out(web, target)

    def _is_wanted(self, state: str) -> bool:
        return not self._stop.is_set() and self._noes[state] < self.wanted

    def _aim(
        self,
        connection: "psycopg.Connection[tuple[Any, ...]]",
        state: str,
        chance: random.Random,
    ) -> TestPerson | None:
        rows = connection.execute(AIM, (self.mailing, state)).fetchall()
        crowd = [person for (persons,) in rows for person in persons]
        with self._lock:
            free = [person for person in crowd if person not in self._taken]
            if not free or self._noes[state] >= self.wanted:
                return None
            chosen = chance.choice(free)
            self._taken.add(chosen)
            self._noes[state] += 1
        return self.people[chosen]

    def _opt_out(self, web: http.client.HTTPConnection, person: TestPerson) -> None:
        token = self.links.sign(
            Purpose.UNSUBSCRIBE, person.person_id, person.address_id, self.mailing
        )
        asked = time.monotonic()
        web.request(
            "POST",
            f"/u/{token}",
            body=b"List-Unsubscribe=One-Click",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        answer = web.getresponse()
        said = answer.read().decode()
        answered = time.monotonic()
        if answer.status == 200:
            named = "had left" in said or "may still arrive" in said
            self.log.append(Acknowledged(person.email, asked, answered, named))
        else:
            self.failures.append(f"{answer.status}: {said[:100]}")
