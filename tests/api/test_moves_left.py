"""A move whose call ended before it was settled: whoever asks again is answered as the first would be (C08)."""

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import text

from mailer.failpoints import Failpoint, acting
from mailer.journal import JournalLine, read_journal
from tests.api.conftest import House, Shop

MOVED = {"external_id": "C-1042", "email": "jo.new@example.com"}
pytestmark = pytest.mark.clause("C08")


class Killed(Exception):
    """Stands for the end of a process."""


def killed_at(point: Failpoint) -> Callable[[Failpoint], None]:
    def end(reached: Failpoint) -> None:
        if reached is point:
            raise Killed

    return end


def disk_is_full(reached: Failpoint) -> None:
    if reached is Failpoint.LINE_BEGUN:
        raise OSError(errno.ENOSPC, "No space left on device")


def acts(house: House) -> list[object]:
    told = read_journal(house.parts.journal.folder)
    return [line.ids["acts"] for line in told if isinstance(line, JournalLine)]


IN_HAND = """
    WITH mailing AS (
        INSERT INTO delivery_mailing (key, letter, stream, topic, targets, state, audience, created_at)
        VALUES (gen_random_uuid(), 'promotional', 'promotional', 'company_news', '[]', 'sending', 1, now())
        RETURNING id
    ), batch AS (
        INSERT INTO delivery_batch (mailing_id, root_id, attempt, lane, state, not_before, size,
            accepted, refused, rejected, unknown, token, handing_at)
        SELECT id, 1, 1, 'promotional', 'handing', now(), 1, 0, 0, 0, 0, gen_random_uuid(), now()
        FROM mailing RETURNING id
    )
    INSERT INTO delivery_roster (batch_id, persons, addresses)
    SELECT id, ARRAY[CAST(:jo AS bigint)], ARRAY[CAST(1 AS bigint)] FROM batch
"""


@contextmanager
def a_batch_in_hand(house: House, jo: int) -> Iterator[None]:
    """Somebody holds Jo's mail of before the move for as long as the block runs."""
    with house.parts.database.transaction() as session:
        session.execute(text(IN_HAND), {"jo": jo})
    yield
    with house.parts.database.transaction() as session:
        session.execute(text("UPDATE delivery_batch SET state = 'settled', accepted = 1"))


def answer_waits(house: House, jo: int, call: Callable[[], Any]) -> bool:
    """Say whether a call is answered after a batch in hand is settled, and not before."""
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(call().status_code))
    with a_batch_in_hand(house, jo):
        asking.start()
        asking.join(0.7)
        waited = asking.is_alive()
    asking.join(10)
    assert answers == [200]
    return waited


@pytest.mark.parametrize("way", ["upsert", "address"])
@pytest.mark.parametrize(
    ("point", "lines"), [(Failpoint.MOVED, 1), (Failpoint.LINE_SAFE, 2), (Failpoint.WISH_LOOKED, 2)]
)
def test_a_call_that_died_before_its_answer_is_made_up_for_by_the_next(
    house: House, shop: Shop, jo: int, point: Failpoint, lines: int, way: str
) -> None:
    with acting(killed_at(point)):
        if way == "upsert":
            died = shop.post("/customers", MOVED)
        else:
            died = shop.post(f"/customers/{jo}/address", {"email": MOVED["email"]})
    assert died.status_code == 500
    assert answer_waits(house, jo, lambda: shop.post("/customers", MOVED))
    assert acts(house) == ["move"] * lines
    assert not answer_waits(house, jo, lambda: shop.post("/customers", MOVED))
    assert acts(house) == ["move"] * lines


def test_a_move_that_the_journal_cannot_take_is_not_answered_until_it_can(
    house: House, shop: Shop, jo: int
) -> None:
    with acting(disk_is_full):
        for _ in range(2):
            answer = shop.post("/customers", MOVED)
            assert answer.status_code == 500
            assert answer.json()["type"].endswith("not-surely-saved")
    assert acts(house) == []
    assert shop.post("/customers", MOVED).status_code == 200
    assert acts(house) == ["move"]


def test_a_patch_of_who_was_left_half_moved_settles_it_too(
    house: House, shop: Shop, jo: int
) -> None:
    with acting(killed_at(Failpoint.MOVED)):
        assert shop.post("/customers", MOVED).status_code == 500
    for name in ("Jo Reed", "Jo Example"):
        assert shop.ask("PATCH", f"/customers/{jo}", {"name": name}).status_code == 200
    assert acts(house) == ["move"]


def test_a_second_move_before_the_first_is_settled_has_the_line_that_counts(
    house: House, shop: Shop, jo: int
) -> None:
    with acting(killed_at(Failpoint.MOVED)):
        assert shop.post("/customers", MOVED).status_code == 500
    further = {**MOVED, "email": "jo.newest@example.com"}
    for _ in range(2):
        assert shop.post("/customers", further).status_code == 200
    told = [
        each for each in read_journal(house.parts.journal.folder) if isinstance(each, JournalLine)
    ]
    assert [line.ids["acts"] for line in told] == ["move"]
    assert len(str(told[0].ids["addresses"]).split(",")) == 3


def test_two_calls_at_once_both_answer_when_the_move_is_in_force(
    house: House, shop: Shop, jo: int
) -> None:
    """The second one has nothing to move, and waits as the first does."""
    answers: list[int] = []
    calls = [
        threading.Thread(target=lambda: answers.append(shop.post("/customers", MOVED).status_code))
        for _ in range(2)
    ]
    with a_batch_in_hand(house, jo):
        calls[0].start()
        end = monotonic() + 10
        while acts(house) != ["move"] and monotonic() < end:
            sleep(0.01)
        calls[1].start()
        calls[1].join(0.7)
        assert answers == []
    for call in calls:
        call.join(10)
    assert answers == [200, 200]
