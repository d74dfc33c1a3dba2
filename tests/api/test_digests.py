"""Digests through the API: written, refused, looked at before they are cut."""

from typing import Any

import pytest

from mailer.letters import PromotionalContent
from tests.api.conftest import Shop

DIGEST: dict[str, Any] = {
    "name": "All in one mail",
    "topic": "company_news",
    "content": PromotionalContent.sample().fields,
    "digest": {"within_days": 21},
}


def draft(shop: Shop, **changed: object) -> Any:
    return shop.post("/campaigns", {**DIGEST, **changed})


def test_a_draft_says_what_it_collects_and_a_copy_collects_the_same(shop: Shop) -> None:
    held = draft(shop).json()
    assert held["digest"] == {"within_days": 21}
    assert shop.post(f"/campaigns/{held['id']}/clone").json()["digest"] == {"within_days": 21}
    plain = {name: value for name, value in DIGEST.items() if name != "digest"}
    edited = shop.ask("PUT", f"/campaigns/{held['id']}", plain).json()
    assert edited["digest"] is None
    assert edited["revision"] != held["revision"]
    assert draft(shop, digest={}).json()["digest"] == {"within_days": 14}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"digest": {"within_days": 90}}, "digest.within_days"),
        ({"digest": {"days": 3}}, "digest.days"),
        ({"split": {"holdout_percent": 10}}, "content.digest"),
    ],
)
def test_a_digest_that_cannot_be_made_says_where(
    shop: Shop, wrong: dict[str, Any], field: str
) -> None:
    refused = draft(shop, **wrong)
    assert refused.status_code == 422
    assert [each["field"] for each in refused.json()["errors"]] == [field]


@pytest.mark.clause("C15")
def test_the_next_digest_is_looked_at_and_its_preview_counts_it(shop: Shop) -> None:
    number = draft(shop).json()["id"]
    ahead = shop.get(f"/campaigns/{number}/digest").json()
    assert (ahead["id"], ahead["audience"], ahead["letters"]) == (
        number,
        "fewer than 10",
        "fewer than 10",
    )
    assert ahead["told_of"] == []
    assert shop.get(f"/campaigns/{number}/preview").json()["audience"] == "fewer than 10"


def test_a_campaign_that_is_no_digest_has_none_to_look_at(shop: Shop) -> None:
    number = draft(shop, digest=None).json()["id"]
    refused = shop.get(f"/campaigns/{number}/digest")
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (409, "no-digest")
    assert shop.get("/campaigns/999/digest").status_code == 404
