"""Before a campaign starts no door tells a figure of fewer than ten; the others are exact (C15)."""

from typing import Any

import pytest

from mailer.access import ApiScope
from mailer.vocabulary import Lane
from mailer.wiring import build_sender
from tests.api.conftest import AUTUMN, YES, House, Shop

FEW = "fewer than 10"
EVERYBODY = {**AUTUMN, "audience": {"rule": {"kind": "everybody"}}}
pytestmark = pytest.mark.clause("C15")


def customers(shop: Shop, count: int, *, wanting: bool = False) -> None:
    """Make customers, who want company news or never said so."""
    for n in range(count):
        body = {"email": f"{'yes' if wanting else 'no'}{n}@example.com", "country": "US"}
        made = shop.post("/customers", body).json()["id"]
        if wanting:
            assert shop.post(f"/customers/{made}/consents", YES).is_success


def draft(shop: Shop) -> int:
    """Save a campaign to everybody."""
    number: int = shop.post("/campaigns", EVERYBODY).json()["id"]
    return number


def counts(shop: Shop, number: int) -> list[tuple[Any, ...]]:
    """Count in both ways: the campaign's preview, and the audience's own count."""
    body = {"topic": "company_news", "rule": {"kind": "everybody"}}
    answers = [shop.get(f"/campaigns/{number}/preview"), shop.post("/audiences/count", body)]
    return [(each["audience"], each["allowed"], each["refused"]) for each in map(_json, answers)]


def _json(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def send(house: House, shop: Shop, number: int) -> dict[str, Any]:
    """Start a campaign, let a sender finish it, and return its report."""
    assert shop.post(f"/campaigns/{number}/start").json()["state"] == "sending"
    sender = build_sender(house.parts)
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    sender.close()
    return _json(shop.get(f"/campaigns/{number}/report"))


@pytest.mark.parametrize("wanting", [True, False])
def test_of_a_draft_to_one_customer_nobody_learns_what_became_of_them(
    shop: Shop, wanting: bool
) -> None:
    customers(shop, 1, wanting=wanting)
    number = draft(shop)
    assert counts(shop, number) == [(FEW, FEW, {})] * 2
    assert _json(shop.get(f"/campaigns/{number}/preview"))["held"] == FEW


def test_a_draft_to_one_customer_and_one_to_nobody_are_told_alike(house: House, shop: Shop) -> None:
    number, told = draft(shop), []
    for _ in range(2):
        checked = _json(shop.get(f"/campaigns/{number}/checks"))
        assert checked.pop("audience") == FEW
        boss = house.shop(ApiScope.APPROVE)
        assert _json(boss.post(f"/campaigns/{number}/approve"))["approved_size"] == FEW
        told.append({**checked, "preview": counts(shop, number)})
        customers(shop, 1)
    assert told[0] == told[1]


def test_what_refuses_a_start_tells_no_figure_of_fewer_than_ten(house: House, shop: Shop) -> None:
    strict = house.parts.settings.model_copy(update={"approval_above": 0})
    object.__setattr__(house.parts, "settings", strict)
    customers(shop, 3)
    [error] = shop.post(f"/campaigns/{draft(shop)}/start").json()["errors"]
    assert error["problem"].startswith(f"It goes to {FEW} people and nobody else has approved it.")


def test_the_part_from_which_a_small_one_could_be_worked_out_is_withheld_too(shop: Shop) -> None:
    customers(shop, 12, wanting=True)
    customers(shop, 1)
    number = draft(shop)
    assert counts(shop, number) == [(13, f"all but {FEW}", {"not.never": FEW})] * 2
    assert _json(shop.get(f"/campaigns/{number}/checks"))["audience"] == 13


def test_preview_count_and_finished_campaign_agree_to_the_person(house: House, shop: Shop) -> None:
    customers(shop, 12, wanting=True)
    customers(shop, 11)
    number = draft(shop)
    assert counts(shop, number) == [(23, 12, {"not.never": 11})] * 2
    report = send(house, shop, number)
    assert (report["audience"], report["accepted"]) == (23, 12)
    assert report["refused"] == {"not.never": 11}
    drift = report["drift"]
    assert (drift["audience"], drift["accepted"], drift["refused"]) == (
        FEW,
        FEW,
        {"not.never": FEW},
    )
