"""A call is done once: what failed may be tried again, what is under way is not begun twice."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mailer import access
from mailer.access import ApiKey, ApiKeyId, ApiScope
from mailer.database import Database, DatabaseAway
from mailer.failpoints import Failpoint, acting
from mailer.vocabulary import PersonId
from preference_center.problems import Problem
from preference_center.systems.api.calls import Call
from tests.api.conftest import House, Shop
from tests.people_of_tests import many_customers

NO = {"email": "jo@example.com", "scope": "promotional", "reason": "opt_out"}


def test_a_wish_that_was_refused_may_be_corrected_under_its_key(shop: Shop, jo: int) -> None:
    path = f"/customers/{jo}/merge"
    refused = shop.post(path, {"merged": 999_999}, name="m-1")
    assert 400 <= refused.status_code < 500
    anna = shop.post("/customers", {"email": "anna@example.com", "source": "shop"}).json()["id"]
    assert shop.post(path, {"merged": anna}, name="m-1").status_code == 200


@pytest.mark.clause("C08")
def test_a_wish_under_way_is_not_begun_twice(house: House, shop: Shop, jo: int) -> None:
    wish: dict[str, Any] = {"stop_all": True}
    answers: list[Any] = []
    hold = text("SELECT 1 FROM permission_standing WHERE person_id = :id FOR UPDATE")
    first = threading.Thread(
        target=lambda: answers.append(shop.post(f"/customers/{jo}/consents", wish, name="w-1"))
    )
    with house.parts.database.transaction() as session:
        session.execute(hold, {"id": PersonId(jo)})
        first.start()
        _wait_for_a_claim(house.parts.database)
        second = shop.post(f"/customers/{jo}/consents", wish, name="w-1")
    first.join(10)
    assert (second.status_code, second.json()["type"]) == (409, "about:blank#idempotency-busy")
    assert second.headers["retry-after"] == "5"
    assert answers[0].status_code == 200
    again = shop.post(f"/customers/{jo}/consents", wish, name="w-1")
    assert (again.status_code, again.json()) == (200, answers[0].json())


def _wait_for_a_claim(database: Database) -> None:
    for _ in range(500):
        with database.reading() as session:
            if session.scalar(text("SELECT count(*) FROM access_idempotency")):
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody claimed the key")


@pytest.mark.clause("C08")
def test_an_opt_out_of_an_address_that_many_share_is_answered_and_kept(
    house: House, shop: Shop
) -> None:
    with house.parts.database.transaction() as session:
        made = many_customers(session, house.parts.vault, 120, now=house.parts.clock())
        session.execute(
            text("UPDATE people_customer SET address_id = :one"), {"one": made[0].address_id}
        )
        session.execute(
            text(
                "INSERT INTO people_address_use (person_id, address_id, since)"
                " SELECT id, :one, now() FROM people_customer ON CONFLICT DO NOTHING"
            ),
            {"one": made[0].address_id},
        )
    wish = NO | {"email": made[0].email}
    first = shop.post("/suppressions", wish, name="s-1")
    assert first.status_code == 201
    assert len(first.json()["acknowledgements"]) == 120
    assert len(first.content) > 16_384
    assert shop.post("/suppressions", wish, name="s-1").json() == first.json()


def test_an_answer_beyond_all_measure_is_refused_for_keeping_alone(
    database: Database, house: House
) -> None:
    now = house.parts.clock()
    named: dict[str, Any] = {"key_id": ApiKeyId(1), "key": "k"}
    wanted = access.request_hash("POST", "/x", b"")
    with database.transaction() as session:
        assert access.remember(session, **named, request_hash=wanted, now=now) is None
        with pytest.raises(access.AnswerTooLarge):
            access.store_answer(session, **named, status=200, body={"ids": "1" * 1_100_000})
        access.release(session, **named)
        assert access.remember(session, **named, request_hash=wanted, now=now) is None
        late = now + timedelta(seconds=31)
        assert access.remember(session, **named, request_hash=wanted, now=late) is None


@pytest.mark.clause("C08")
@pytest.mark.parametrize(
    ("path", "body", "point"),
    [
        ("/customers/{jo}/consents", {"stop_all": True}, Failpoint.WISH_JOURNALED),
        ("/customers/{jo}/merge", {"merged": "{anna}"}, Failpoint.MERGED),
        ("/customers/{jo}/address", {"email": "jo@new.example.com"}, Failpoint.MOVED),
    ],
)
def test_records_that_go_away_after_the_commit_are_not_said_to_be_unchanged(
    shop: Shop, jo: int, path: str, body: dict[str, Any], point: Failpoint
) -> None:
    anna = shop.post("/customers", {"email": "anna@example.com", "source": "shop"}).json()["id"]
    asked = {name: anna if said == "{anna}" else said for name, said in body.items()}

    def go_away(reached: Failpoint) -> None:
        if reached is point:
            raise DatabaseAway("no more")

    with acting(go_away):
        answer = shop.post(path.format(jo=jo), asked)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "isn’t certain that anything was saved" in answer.json()["detail"]
    assert "Nothing has changed" not in answer.text
    again = shop.post(path.format(jo=jo), asked)
    assert again.status_code == 200, again.text


def test_more_than_a_few_reads_about_everybody_are_told_to_come_back(house: House) -> None:
    now = house.parts.clock()
    call = Call(
        parts=house.parts,
        key=ApiKey(ApiKeyId(1), "shop", frozenset(ApiScope), now),
        now=now,
        method="GET",
        path="/api/v1/campaigns/1/preview",
        name=None,
        seats=threading.BoundedSemaphore(1),
    )
    with call.look_long() as session:
        assert session.scalar(text("SHOW statement_timeout")) == "1min"
        with pytest.raises(Problem) as busy, call.look_long():
            pass
        assert (busy.value.status, busy.value.headers) == (503, {"Retry-After": "10"})
    with call.look_long() as session:
        assert session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("number", ["%00", "a%00b", "%01", "a b"])
def test_a_number_that_no_order_can_have_is_not_looked_for(shop: Shop, number: str) -> None:
    assert shop.get(f"/orders/{number}").status_code in (404, 422)
    assert shop.get(f"/messages?campaign={number}").status_code == 422
