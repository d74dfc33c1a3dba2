"""Workers killed and stopped, the broker emptied, the database pulled: nobody twice, nobody missing.

`FIRE_PEOPLE`, `FIRE_KILLS`, `FIRE_STOPS`, `FIRE_FLUSHES` and `FIRE_FREEZES` set the size.
"""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest

from mailer import delivery, orders
from mailer.database import CommitInDoubt, DatabaseAway
from mailer.delivery.window import ARMING, WINDOW
from mailer.orders import EventKind, Line, NewOrder, OrderEvent
from tests.people_of_tests import TestPerson
from tests.promises.checkers import promotional
from tests.promises.system import Part, System, running_system
from tests.promises.test_opt_outs_under_load import books_of, people_of, start_campaign
from tests.promises.witness import Act, Handed, read_log

PEOPLE = int(os.environ.get("FIRE_PEOPLE", "6000"))
KILLS = int(os.environ.get("FIRE_KILLS", "3"))
STOPS = int(os.environ.get("FIRE_STOPS", "2"))
FLUSHES = int(os.environ.get("FIRE_FLUSHES", "2"))
FREEZES = int(os.environ.get("FIRE_FREEZES", "1"))
PACE = os.environ.get("FIRE_PACE", "250")
MINUTES = max(3.0, PEOPLE / 5_000)


SLOW_ANSWERS = [Act(step="dot", delay=0.02, chance=0.1)]
"""Every tenth message is answered late, so that batches are in hand long enough to be hit."""


@dataclass
class Shop:
    """Order updates that keep coming while everything burns."""

    system: System
    customers: list[TestPerson]
    told: list[str] = field(default_factory=list)
    """The addresses of the customers whose event was accepted, in order."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def open(self) -> None:
        self._thread = threading.Thread(target=self._trade, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(30)

    def _trade(self) -> None:
        for n, customer in enumerate(self.customers):
            while not self._stop.wait(0.3):
                try:
                    self._confirm(f"F-{n}", customer)
                except (DatabaseAway, CommitInDoubt):
                    continue  # the shop asks again: the same event makes one mail
                self.told.append(customer.email)
                break
            if self._stop.is_set():
                return

    def _confirm(self, number: str, customer: TestPerson) -> None:
        parts, now = self.system.parts, datetime.now(UTC)
        with parts.database.transaction() as session:
            orders.place(session, parts.vault, an_order(number, customer, now), now=now)
            orders.accept_event(
                session,
                parts.vault,
                OrderEvent(EventKind.CONFIRMED, now, number=number),
                brand=parts.brand,
                now=now,
            )


def an_order(number: str, customer: TestPerson, now: datetime) -> NewOrder:
    line = Line(sku="POS-1", name="Receipt printer", quantity=1, unit_price=19_900)
    return NewOrder(number, customer.person_id, "USD", (line,), 19_900, now)


def fire(system: System, chance: random.Random) -> tuple[list[str], int]:
    """Do everything that goes wrong, spread over the campaign.

    Returns what was done, and how many people were in hand when somebody was killed or stopped:
    only they may end as unknown.
    """
    acts = ["kill"] * KILLS + ["child"] * KILLS + ["stop"] * STOPS + ["flush"] * FLUSHES
    acts += ["deploy"]
    acts += ["database"] + ["freeze"] * FREEZES if system.database is not None else []
    chance.shuffle(acts)
    at_risk = 0
    for act in acts:
        time.sleep(chance.uniform(0.6, 1.6))
        worker = system.processes[f"worker-{chance.randint(1, 2)}"]
        at_risk += ACTS[act](system, worker, chance)
    return acts, at_risk


def kill(system: System, worker: Part, _: random.Random) -> int:
    aim(system)
    worker.kill()
    at_risk = people_in_hand(system)
    worker.start()
    return at_risk


def child(system: System, worker: Part, chance: random.Random) -> int:
    aim(system)
    kill_a_child(worker, chance)
    return people_in_hand(system)


def stop(system: System, worker: Part, chance: random.Random) -> int:
    aim(system)
    worker.signal(signal.SIGSTOP)
    at_risk = people_in_hand(system)
    time.sleep(chance.choice([0.5, 3.5]))
    worker.signal(signal.SIGCONT)
    return at_risk


def flush(system: System, _: Part, __: random.Random) -> int:
    system.flush_broker()
    return 0


def deploy(system: System, worker: Part, _: random.Random) -> int:
    system.wait_for(partial(worker.has_said, "worker.ready"), 60, "the worker to be ready")
    assert worker.terminate() == 0, "a deploy drains and leaves in good order"
    worker.start()
    return 0


def pull_the_database(system: System, _: Part, __: random.Random) -> int:
    assert system.database is not None
    system.database.kill()
    time.sleep(1.0)
    system.database.start()
    return 0


def freeze(system: System, _: Part, __: random.Random) -> int:
    aim(system)
    freeze_the_database(system)
    return 0


ACTS = {
    "kill": kill,
    "child": child,
    "stop": stop,
    "flush": flush,
    "deploy": deploy,
    "database": pull_the_database,
    "freeze": freeze,
}


def kill_a_child(worker: Part, chance: random.Random) -> None:
    """kill -9 one process of a worker's pool, as the kernel does when memory runs out."""
    assert worker.process is not None
    pool = psutil.Process(worker.process.pid).children()
    if pool:
        chance.choice(pool).kill()


def people_in_hand(system: System) -> int:
    [(count,)] = system.rows(
        "SELECT coalesce(sum(size - refused), 0) FROM delivery_batch"
        " WHERE state = 'handing' AND lane = 'promotional'"
    )
    return int(count)


def aim(system: System) -> None:
    """Wait, for a while, until some worker has a promotional batch in hand."""
    sql = "SELECT 1 FROM delivery_batch WHERE state = 'handing' AND lane = 'promotional'"
    with psycopg.connect(system.environment["MAILER_DATABASE_URL"], autocommit=True) as eye:
        end = time.monotonic() + 4
        while time.monotonic() < end and not eye.execute(sql).fetchall():
            time.sleep(0.002)


def freeze_the_database(system: System) -> None:
    """Stop every process of the database for longer than a start window lasts."""
    assert system.database is not None
    first = psutil.Process(system.database.pid)
    frozen = [first, *first.children(recursive=True)]
    for process in frozen:
        process.suspend()
    time.sleep(WINDOW + ARMING)
    for process in reversed(frozen):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


def unknown_batches(system: System) -> int:
    [(count,)] = system.rows("SELECT count(*) FROM delivery_batch WHERE state = 'unknown'")
    return int(count)


def orders_to_go(system: System) -> int:
    [(count,)] = system.rows(
        "SELECT count(*) FROM delivery_batch WHERE lane = 'orders'"
        " AND state IN ('prepared', 'claimed', 'handing')"
    )
    return int(count)


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 240)
def test_nobody_is_mailed_twice_or_missed_whatever_dies(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    with running_system(tmp_path, script=SLOW_ANSWERS) as system:
        system.environment["MAILER_PACE_PER_SECOND"] = PACE
        people = people_of(system, PEOPLE)
        system.start_all()
        _, mailing = start_campaign(system)
        shop = Shop(system, list(people.values())[:200])
        shop.open()
        acts, at_risk = fire(system, chance)
        system.wait_for(
            lambda: books_of(system, mailing).to_go == 0, MINUTES * 60, "the campaign to end"
        )
        shop.close()
        system.wait_for(lambda: orders_to_go(system) == 0, 120, "the order updates to leave")
        books = books_of(system, mailing)
        lost = unknown_batches(system)
        handed = read_log(system.witness.log)
    check_the_books(handed, books, people)
    check_the_orders(handed, shop.told)
    assert books.unknown <= at_risk, "unknown only for people in hand at a kill"
    print(
        f"acts {Counter(acts)}, accepted {books.accepted}, unknown {books.unknown} people in"
        f" {lost} batches, order updates {len(shop.told)}"
    )


def check_the_books(
    handed: list[Handed], books: delivery.Books, people: dict[int, TestPerson]
) -> None:
    accepted = Counter(each.recipient for each in promotional(handed) if each.accepted)
    assert [who for who, count in accepted.items() if count > 1] == []
    assert books.balance
    assert books.audience == len(people)
    assert books.refused == {}
    # Whom the witness took is accepted in the books, or unknown; whom it did not take is unknown.
    assert books.accepted <= len(accepted) <= books.accepted + books.unknown
    assert books.accepted + books.unknown == len(people)


def check_the_orders(handed: list[Handed], told: list[str]) -> None:
    updates = [each for each in handed if each.accepted and "list-id" not in each.headers]
    assert told, "the shop was open"
    assert set(told) - {each.recipient for each in updates} == set()
    copies: dict[str, set[str]] = {}
    for each in updates:
        copies.setdefault(each.recipient, set()).add(each.message_id)
    assert [who for who, ids in copies.items() if len(ids) > 1] == [], "copies share a Message-ID"
