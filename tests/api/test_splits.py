"""Split tests through the API: written, refused, checked, shown to staff, chosen, reported."""

from typing import Any

import pytest

from mailer.letters import PromotionalContent
from mailer.vocabulary import Lane
from mailer.wiring import build_sender
from tests.api.conftest import House, Shop

PLAIN, QUESTION = {"name": "Plain"}, {"name": "Question", "content": {"subject": "Why 9?"}}
SAMPLE = {"percent": 50, "wait_minutes": 60}
AUTUMN: dict[str, Any] = {
    "name": "Autumn release",
    "topic": "company_news",
    "content": PromotionalContent.sample().fields,
    "split": {"variants": [PLAIN, QUESTION], "holdout_percent": 10, "sample": SAMPLE},
}


def draft(shop: Shop, **split: object) -> Any:
    return shop.post("/campaigns", {**AUTUMN, "split": {**AUTUMN["split"], **split}})


def test_a_draft_says_what_it_tries_and_a_copy_tries_the_same(shop: Shop) -> None:
    held = draft(shop).json()
    assert [each["name"] for each in held["split"]["variants"]] == ["Plain", "Question"]
    assert held["split"]["variants"][1]["content"]["subject"] == "Why 9?"
    assert (held["choice"], held["choose_at"]) == (None, None)
    assert shop.post(f"/campaigns/{held['id']}/clone").json()["split"] == held["split"]
    plain = {name: value for name, value in AUTUMN.items() if name != "split"}
    edited = shop.ask("PUT", f"/campaigns/{held['id']}", plain).json()
    assert edited["split"] is None
    assert edited["revision"] != held["revision"]


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"variants": [PLAIN]}, "split", "two variants, or a hold-out"),
        ({"variants": [PLAIN, {**QUESTION, "name": "plain"}]}, "split", "a name of its own"),
        ({"variants": [PLAIN, {"name": "Other"}]}, "split", "change something"),
        ({"sample": {**SAMPLE, "percent": 90}}, "split", "smaller sample"),
        ({"sample": {**SAMPLE, "wait_minutes": 5}}, "split.sample.wait_minutes", "10"),
        ({"measure": "luck"}, "split.measure", "clicks"),
        (
            {"variants": [PLAIN, {"name": "Boss", "sender_name": "boss@example.com"}]},
            "split.variants.1.sender_name",
            "without < > @",
        ),
    ],
)
def test_a_split_that_cannot_be_made_says_what_mends_it(
    shop: Shop, wrong: dict[str, Any], field: str, words: str
) -> None:
    refused = draft(shop, **wrong)
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert error["field"] == field
    assert words in error["fix"]


def test_what_is_wrong_in_one_variant_names_it(shop: Shop) -> None:
    elsewhere = {"name": "Other", "content": {"button_url": "https://elsewhere.example/x"}}
    refused = draft(shop, variants=[PLAIN, elsewhere])
    [error] = refused.json()["errors"]
    assert error["field"] == "content.variant “Other”, button_url"


def test_the_checks_read_every_variant_and_say_what_is_too_small_to_tell(shop: Shop) -> None:
    loud = {"name": "Loud", "content": {"subject": "READ THIS NOW, NOW, NOW"}}
    number = draft(shop, variants=[PLAIN, loud]).json()["id"]
    warnings = shop.get(f"/campaigns/{number}/checks").json()["warnings"]
    fields = {each["field"] for each in warnings}
    assert "variant “Loud”, subject" in fields
    assert "subject" not in fields
    [split] = [each for each in warnings if each["check"] == "split"]
    assert "some 1,138 each" in split["text"]


def test_marketing_chooses_once_and_the_report_tells_the_variants(house: House, shop: Shop) -> None:
    number = draft(shop).json()["id"]
    waiting = {"variant": "Question", "reason": "It reads better."}
    assert (
        shop.post(f"/campaigns/{number}/choose", waiting)
        .json()["type"]
        .endswith("nothing-to-choose")
    )
    started = shop.post(f"/campaigns/{number}/start").json()
    assert started["choose_at"] == "2026-11-22T11:00:00Z", "an hour after its start"
    unknown = shop.post(f"/campaigns/{number}/choose", {"variant": "Loud"}).json()
    assert unknown["errors"][0]["field"] == "variant"
    assert shop.post(f"/campaigns/{number}/choose", {}).status_code == 422
    house.rung.clear()
    chosen = shop.post(f"/campaigns/{number}/choose", waiting).json()
    assert (chosen["choice"]["variant"], chosen["choice"]["how"]) == ("Question", "by_hand")
    assert house.rung == [Lane.PROMOTIONAL]
    late = shop.post(f"/campaigns/{number}/choose", {"variant": "Plain"})
    assert (late.status_code, late.json()["type"].rpartition("#")[2]) == (409, "nothing-to-choose")
    split = shop.get(f"/campaigns/{number}/report").json()["figures"]["split"]
    assert [each["name"] for each in split["variants"]] == ["Plain", "Question"]
    assert split["holdout"]["held_out"]["people"] == 0


def test_a_test_shows_the_letter_of_one_variant(house: House, shop: Shop) -> None:
    number = draft(shop).json()["id"]
    to = {"to": ["anna@focalpointsystem.com"]}
    refused = shop.post(f"/campaigns/{number}/test", {**to, "variant": "Loud"})
    assert refused.status_code == 422
    sent = shop.post(f"/campaigns/{number}/test", {**to, "variant": "question"}).json()
    sender = build_sender(house.parts)
    while sender.deliver_one(Lane.ORDERS):
        pass
    sender.close()
    [message] = shop.get(f"/messages?mailing={sent['mailings'][0]}").json()["messages"]
    assert message["subject"] == "[Test] Why 9?"
