"""What tests do to a running system and its database, and what its books must say after it."""

import contextlib
import random
import time
from collections import Counter
from datetime import datetime

import psutil
import psycopg

from mailer import delivery
from mailer.delivery.window import ARMING, WINDOW
from mailer.orders import Line, NewOrder
from tests.people_of_tests import TestPerson
from tests.promises.checkers import promotional
from tests.promises.system import Part, System
from tests.promises.witness import Act, Handed

SLOW_ANSWERS = [Act(step="dot", delay=0.02, chance=0.1)]
"""Every tenth message is answered late, so that batches are in hand long enough to be hit."""


def an_order(number: str, customer: TestPerson, now: datetime) -> NewOrder:
    line = Line(sku="POS-1", name="Receipt printer", quantity=1, unit_price=19_900)
    return NewOrder(number, customer.person_id, "USD", (line,), 19_900, now)


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
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
    time.sleep(WINDOW + ARMING)
    for process in reversed(frozen):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


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
