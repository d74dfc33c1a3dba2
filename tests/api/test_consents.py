"""Wishes and suppressions through the API: the same opt-out as at every other door (C08)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mailer import delivery
from mailer.people import AudienceFilter, audience_of
from mailer.vocabulary import Lane, Reason, Stream, Topic
from mailer.wiring import build_sender
from tests.api.conftest import AT, House, Shop

WORDS = "Send me company news by e-mail. I can stop at any time."
YES = {"on": ["company_news"], "words": WORDS}


def said_yes(shop: Shop, jo: int) -> Any:
    """Pass Jo's yes on, as a page that shows where they stand now."""
    seen = shop.get(f"/customers/{jo}/consents").json()["version"]
    return shop.post(f"/customers/{jo}/consents", {**YES, "seen_version": seen})


def test_a_new_customer_has_switched_nothing_on(shop: Shop, jo: int) -> None:
    held = shop.get(f"/customers/{jo}/consents").json()
    assert [each["on"] for each in held["topics"]] == [False] * len(Topic)
    assert (held["version"], held["ledger"]) == (0, [])


def test_a_yes_is_kept_with_the_words(shop: Shop, jo: int) -> None:
    said = said_yes(shop, jo)
    assert said.status_code == 200
    held = shop.get(f"/customers/{jo}/consents").json()
    assert {each["topic"] for each in held["topics"] if each["on"]} == {"company_news"}
    line = held["ledger"][0]
    assert (line["act"], line["door"], line["words"]) == ("yes", "api", WORDS)
    assert line["reference"] == said.json()["reference"]


@pytest.mark.clause("C08")
def test_an_opt_out_is_acknowledged_and_in_force(house: House, shop: Shop, jo: int) -> None:
    said_yes(shop, jo)
    said = shop.post(f"/customers/{jo}/consents", {"stop_all": True}).json()
    assert said["reference"].startswith("P-")
    assert datetime.fromisoformat(said["at"])
    assert (said["left"], said["may_still_arrive"]) == ([], False)
    with house.parts.database.transaction() as session:
        mailing = delivery.create_mailing(
            session,
            delivery.NewMailing(
                "campaign:1", "promotional", Stream.PROMOTIONAL, Topic.COMPANY_NEWS, content={}
            ),
            now=house.parts.clock(),
        )
        assert mailing is not None
        delivery.prepare_audience(
            session, mailing, audience_of(AudienceFilter()), now=house.parts.clock()
        )
    sender = build_sender(house.parts)
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    sender.close()
    with house.parts.database.reading() as session:
        assert delivery.books(session, mailing).refused == {Reason.NOT_ALL: 1}


def test_an_opt_out_said_twice_says_since_when_it_holds(shop: Shop, jo: int) -> None:
    first = shop.post(f"/customers/{jo}/consents", {"stop_all": True}).json()
    again = shop.post(f"/customers/{jo}/consents", {"stop_all": True}).json()
    assert first["already_since"] is None
    assert datetime.fromisoformat(again["already_since"]) <= datetime.fromisoformat(first["at"])


def test_a_named_wish_is_answered_as_it_was_the_first_time(shop: Shop, jo: int) -> None:
    first = shop.post(f"/customers/{jo}/consents", {"stop_all": True}, name="stop-jo")
    again = shop.post(f"/customers/{jo}/consents", {"stop_all": True}, name="stop-jo")
    assert first.json() == again.json()


def test_a_yes_on_an_older_page_is_asked_again(shop: Shop, jo: int) -> None:
    seen = shop.get(f"/customers/{jo}/consents").json()["version"]
    shop.post(f"/customers/{jo}/consents", {"off": ["company_news"]})
    said = shop.post(f"/customers/{jo}/consents", {**YES, "seen_version": seen})
    assert said.json()["asked_again"] == ["company_news"]
    held = shop.get(f"/customers/{jo}/consents").json()
    assert not any(each["on"] for each in held["topics"])


def test_pause_frequency_and_tracking_are_wishes_too(shop: Shop, jo: int, now: datetime) -> None:
    until = (now + timedelta(days=30)).isoformat()
    wish = {"paused_until": until, "frequency": "weekly", "tracking": False}
    assert shop.post(f"/customers/{jo}/consents", wish).status_code == 200
    held = shop.get(f"/customers/{jo}/consents").json()
    assert datetime.fromisoformat(held["paused_until"]) == now + timedelta(days=30)
    assert (held["frequency"], held["tracking"]) == ("weekly", False)
    shop.post(f"/customers/{jo}/consents", {"resume": True, "seen_version": held["version"]})
    assert shop.get(f"/customers/{jo}/consents").json()["paused_until"] is None


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"on": ["company_news"], "seen_version": 0},
        {"stop_all": True, **YES, "seen_version": 0},
        {**YES, "seen_version": 0, "off": ["company_news"]},
        {"off": ["everything"]},
        {"paused_until": 1790000000},
        {"paused_until": "2026-12-01"},
        {"words": WORDS},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    shop: Shop, jo: int, wish: dict[str, object]
) -> None:
    assert shop.post(f"/customers/{jo}/consents", wish).status_code == 422


@pytest.mark.clause("C08")
@pytest.mark.parametrize(
    "more", [YES, {"resume": True}, {"tracking": True}, {"frequency": "as_it_comes"}]
)
def test_what_asks_for_more_names_the_version_that_was_seen(
    shop: Shop, jo: int, more: dict[str, object]
) -> None:
    answer = shop.post(f"/customers/{jo}/consents", more)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["seen_version"]


def test_a_frequency_needs_the_version_only_where_it_is_more_than_now(shop: Shop, jo: int) -> None:
    path = f"/customers/{jo}/consents"
    assert shop.post(path, {"frequency": "weekly"}).status_code == 200
    assert shop.post(path, {"frequency": "monthly"}).status_code == 200
    answer = shop.post(path, {"frequency": "weekly"})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["seen_version"]


@pytest.mark.clause("C08")
def test_a_yes_that_is_sent_again_after_a_later_no_does_not_undo_it(shop: Shop, jo: int) -> None:
    path = f"/customers/{jo}/consents"
    yes = {**YES, "seen_version": 0}
    assert shop.post(path, yes).json()["asked_again"] == []
    shop.post(path, {"stop_all": True})
    assert shop.post(path, yes).json()["asked_again"] == ["company_news"]
    assert shop.get(path).json()["stopped_since"] == AT


def test_what_an_older_page_wanted_looser_is_asked_again(shop: Shop, jo: int) -> None:
    path = f"/customers/{jo}/consents"
    less = {"frequency": "monthly", "tracking": False, "paused_until": "2027-01-01T00:00:00Z"}
    shop.post(path, less)
    more = {"frequency": "weekly", "tracking": True, "resume": True, "seen_version": 0}
    assert shop.post(path, more).json()["asked_again"] == ["frequency", "pause", "tracking"]


@pytest.mark.clause("C08")
def test_an_opt_out_by_address_reaches_every_customer_of_it(shop: Shop, jo: int) -> None:
    answer = shop.post("/suppressions", {"email": "JO@example.com"})
    assert answer.status_code == 201
    assert len(answer.json()["acknowledgements"]) == 1
    assert shop.get(f"/customers/{jo}/consents").json()["stopped_since"] == AT


@pytest.mark.clause("C08")
def test_an_address_without_a_customer_can_be_suppressed_and_survives_its_registration(
    shop: Shop,
) -> None:
    body = {"email": "anna@example.com", "scope": "topic", "topic": "partner_offers"}
    answer = shop.post("/suppressions", body).json()
    assert (answer["acknowledgements"], answer["suppression"] is not None) == ([], True)
    held = shop.get(f"/suppressions/{answer['suppression']}").json()
    assert (held["scope"], held["reason"], held["customer"]) == ("topic", "opt_out", None)
    shop.post("/customers", {"email": "anna@example.com"})
    assert shop.get("/suppressions").json()["suppressions"] == [held]


def test_a_manual_suppression_can_be_lifted_with_a_reason(shop: Shop) -> None:
    body = {"email": "anna@example.com", "scope": "all", "reason": "hard_bounce"}
    number = shop.post("/suppressions", body, name="s").json()["suppression"]
    assert shop.post("/suppressions", body, name="s").json()["suppression"] == number
    assert shop.post(f"/suppressions/{number}/lift", {}).status_code == 422
    lifted = shop.post(f"/suppressions/{number}/lift", {"why": "The mailbox works again."})
    assert lifted.json()["lifted_at"] == AT
    assert shop.get("/suppressions").json()["suppressions"] == []
    assert shop.post(f"/suppressions/{number}/lift", {"why": "again"}).status_code == 404


@pytest.mark.clause("C08")
def test_an_opt_out_is_not_lifted_by_a_shop(shop: Shop, jo: int) -> None:
    shop.post(f"/customers/{jo}/consents", {"stop_all": True})
    number = shop.get("/suppressions").json()["suppressions"][0]["id"]
    answer = shop.post(f"/suppressions/{number}/lift", {"why": "we would like to"})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("opt-out-is-theirs")


@pytest.mark.parametrize(
    "body",
    [
        {"email": "nothing"},
        {"email": "anna@example.com", "scope": "topic"},
        {"email": "anna@example.com", "topic": "company_news"},
        {"email": "anna@example.com", "reason": "erasure"},
    ],
)
def test_a_suppression_that_makes_no_sense_is_refused(shop: Shop, body: dict[str, object]) -> None:
    assert shop.post("/suppressions", body).status_code == 422
