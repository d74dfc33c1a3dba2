"""The same request twice is done once, also when both come at the same moment."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import access
from mailer.access import (
    ApiKeyId,
    IdempotencyBusy,
    IdempotencyConflict,
    IdempotencyKeyInvalid,
    PersonalAnswer,
    StoredAnswer,
)
from mailer.database import Database

SHOP, OTHER = ApiKeyId(1), ApiKeyId(2)
ORDER = access.request_hash("POST", "/api/v1/orders", b'{"number":"A-1"}')
ANOTHER = access.request_hash("POST", "/api/v1/orders", b'{"number":"A-2"}')


def claim(
    session: Session, now: datetime, *, by: ApiKeyId = SHOP, key: str = "k-1", what: bytes = ORDER
) -> StoredAnswer | None:
    return access.remember(session, key_id=by, key=key, request_hash=what, now=now)


def answer(session: Session, *, key: str = "k-1") -> None:
    access.store_answer(session, key_id=SHOP, key=key, status=201, body={"order": 7})


def test_the_second_time_gets_the_first_answer(session: Session, now: datetime) -> None:
    assert claim(session, now) is None
    answer(session)
    assert claim(session, now) == StoredAnswer(201, {"order": 7})


def test_another_request_under_the_same_key_is_a_conflict(session: Session, now: datetime) -> None:
    claim(session, now)
    with pytest.raises(IdempotencyConflict):
        claim(session, now, what=ANOTHER)


def test_two_clients_may_choose_the_same_key(session: Session, now: datetime) -> None:
    claim(session, now)
    answer(session)
    assert claim(session, now, by=OTHER, what=ANOTHER) is None


def test_an_answer_is_kept_for_24_hours(session: Session, now: datetime) -> None:
    claim(session, now)
    answer(session)
    almost, past = now + timedelta(hours=23, minutes=59), now + timedelta(hours=24)
    assert claim(session, almost) == StoredAnswer(201, {"order": 7})
    assert access.answer_of(session, key_id=SHOP, key="k-1", now=past) is None
    assert claim(session, past, what=ANOTHER) is None
    answer(session)
    again = access.answer_of(session, key_id=SHOP, key="k-1", now=past)
    assert again == StoredAnswer(201, {"order": 7})


def test_a_claim_whose_process_died_may_be_made_again_after_half_a_minute(
    database: Database, now: datetime
) -> None:
    with database.transaction() as session:
        assert claim(session, now) is None
    for seconds in (0, 29):
        with database.transaction() as session, pytest.raises(IdempotencyBusy):
            claim(session, now + timedelta(seconds=seconds))
    with database.transaction() as session:
        assert claim(session, now + timedelta(seconds=30)) is None
    with database.transaction() as session, pytest.raises(IdempotencyBusy):
        claim(session, now + timedelta(seconds=59))


def test_a_claim_that_was_released_is_free_for_another_request(
    session: Session, now: datetime
) -> None:
    claim(session, now)
    access.release(session, key_id=SHOP, key="k-1")
    assert claim(session, now, what=ANOTHER) is None


def test_an_answer_outlives_a_release(session: Session, now: datetime) -> None:
    claim(session, now)
    answer(session)
    access.release(session, key_id=SHOP, key="k-1")
    assert claim(session, now) == StoredAnswer(201, {"order": 7})


@pytest.mark.parametrize(
    ("commits", "second"), [(True, StoredAnswer(201, {"order": 7})), (False, None)]
)
def test_of_two_at_once_one_works_and_the_other_waits_for_its_end(
    database: Database, now: datetime, commits: bool, second: StoredAnswer | None
) -> None:
    got: list[StoredAnswer | None] = []

    def come_second() -> None:
        with database.transaction() as session:
            got.append(claim(session, now))

    thread = threading.Thread(target=come_second)
    with database.reading() as first:
        assert claim(first, now) is None
        answer(first)
        thread.start()
        wait_until_one_waits(database)
        assert got == []
        if commits:
            first.commit()
    thread.join(10)
    assert got == [second]


def wait_until_one_waits(database: Database) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
    for _ in range(500):
        with database.reading() as session:
            if session.scalar(waiting):
                return
        threading.Event().wait(0.01)
    raise AssertionError("the second request did not wait")


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\nb"])
def test_an_unusable_key_is_refused(session: Session, now: datetime, key: str) -> None:
    with pytest.raises(IdempotencyKeyInvalid):
        claim(session, now, key=key)


@pytest.mark.clause("C09")
def test_an_answer_with_an_address_is_not_kept(session: Session, now: datetime) -> None:
    claim(session, now)
    body = {"customer": {"email": "jo@example.com"}}
    with pytest.raises(PersonalAnswer) as refused:
        access.store_answer(session, key_id=SHOP, key="k-1", status=200, body=body)
    assert "jo@" not in str(refused.value)


def test_a_sweep_takes_the_old_and_leaves_the_new(session: Session, now: datetime) -> None:
    claim(session, now - timedelta(hours=25), key="old")
    claim(session, now - timedelta(hours=1), key="new")
    assert access.sweep_idempotency(session, now=now) == 1
    assert session.scalar(text("SELECT key FROM access_idempotency")) == "new"


def test_method_path_and_body_are_all_told_apart() -> None:
    requests = [
        ("POST", "/a", b"b"),
        ("PUT", "/a", b"b"),
        ("POST", "/b", b"b"),
        ("POST", "/a", b""),
    ]
    assert len({access.request_hash(*request) for request in requests}) == 4
    assert access.request_hash("post", "/a", b"b") == access.request_hash("POST", "/a", b"b")
