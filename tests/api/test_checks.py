"""Checks, approval and copies of campaigns by API."""

import pytest
from sqlalchemy import text

from mailer.access import ApiScope
from mailer.vocabulary import Lane
from tests.api.conftest import AUTUMN, House, Shop


def test_checks_name_stops_and_warnings_each_with_its_fix(shop: Shop, autumn: int) -> None:
    checked = shop.get(f"/campaigns/{autumn}/checks").json()
    assert (checked["audience"], checked["stops"]) == ("fewer than 10", [])
    told = {each["check"]: each for each in checked["warnings"]}
    assert set(told) == {"sender", "audience"}
    assert all(each["fix"] for each in told.values())
    assert shop.get("/campaigns/99/checks").status_code == 404


@pytest.fixture
def strict(house: House) -> House:
    """A house that asks for approval always."""
    settings = house.parts.settings.model_copy(update={"approval_above": 0})
    object.__setattr__(house.parts, "settings", settings)
    return house


def test_another_key_approves_what_one_has_written(strict: House, shop: Shop, autumn: int) -> None:
    for act, body in (("start", None), ("schedule", {"at": "2026-12-02T14:00:00Z"})):
        refused = shop.post(f"/campaigns/{autumn}/{act}", body)
        assert refused.status_code == 409
        assert refused.json()["type"].endswith("cannot-send")
        assert [each["check"] for each in refused.json()["errors"]] == ["approval"]
    own = shop.post(f"/campaigns/{autumn}/approve")
    assert (own.status_code, own.json()["type"].endswith("own-approval")) == (409, True)
    boss = strict.shop(ApiScope.APPROVE)
    assert boss.get(f"/campaigns/{autumn}/checks").json()["stops"][0]["check"] == "approval"
    approved = boss.post(f"/campaigns/{autumn}/approve")
    assert approved.status_code == 200
    assert approved.json()["approved_by"].startswith("api_key:")
    assert approved.json()["approved_by_name"] == "shop"
    listed = shop.get("/campaigns").json()["campaigns"]
    assert [each["approved_by_name"] for each in listed] == ["shop"]
    assert shop.ask("PUT", f"/campaigns/{autumn}", AUTUMN).json()["approved_by"] is None
    seen = boss.get(f"/campaigns/{autumn}").json()["revision"]
    stale = boss.post(f"/campaigns/{autumn}/approve", {"revision": "0" * 16})
    assert (stale.status_code, stale.json()["type"].endswith("revision-stale")) == (409, True)
    assert boss.post(f"/campaigns/{autumn}/approve", {"revision": seen}).json()["revision"] == seen
    assert shop.post(f"/campaigns/{autumn}/start").json()["state"] == "sending"
    late = boss.post(f"/campaigns/{autumn}/approve")
    assert (late.status_code, late.json()["state"]) == (409, "sending")


def test_a_second_approval_says_whose_stands(house: House, autumn: int) -> None:
    ada, li = house.shop(ApiScope.APPROVE), house.shop(ApiScope.APPROVE)
    first = ada.post(f"/campaigns/{autumn}/approve").json()
    assert first["already_approved"] is None
    second = li.post(f"/campaigns/{autumn}/approve")
    told = f"It was already approved by shop ({first['approved_by']}); that approval stands."
    assert (second.status_code, second.json()["already_approved"]) == (200, told)
    assert second.json()["approved_by"] == first["approved_by"]
    again = ada.post(f"/campaigns/{autumn}/approve").json()
    assert again["already_approved"] is None


def test_a_key_without_the_scope_approves_nothing(house: House, shop: Shop, autumn: int) -> None:
    writer = house.shop(ApiScope.CAMPAIGNS)
    assert writer.post(f"/campaigns/{autumn}/approve").status_code == 403


def test_a_campaign_is_copied_in_whatever_state(shop: Shop, autumn: int) -> None:
    shop.post(f"/campaigns/{autumn}/cancel", {"reason": "The price was wrong."})
    copy = shop.post(f"/campaigns/{autumn}/clone", {"name": "Winter release"})
    assert copy.status_code == 201
    told = copy.json()
    assert (told["name"], told["state"], told["copied_from"]) == (
        "Winter release",
        "draft",
        autumn,
    )
    assert shop.post(f"/campaigns/{autumn}/clone").json()["name"] == AUTUMN["name"]


def test_a_reason_with_an_address_is_refused(shop: Shop, autumn: int) -> None:
    refused = shop.post(f"/campaigns/{autumn}/cancel", {"reason": "jo@example.com asked"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "reason"


def test_a_test_goes_to_staff_and_is_told_by_its_mailing(
    house: House, shop: Shop, autumn: int
) -> None:
    sent = shop.post(f"/campaigns/{autumn}/test", {"to": ["anna@focalpointsystem.com"]})
    assert sent.status_code == 202
    [mailing] = sent.json()["mailings"]
    assert house.rung == [Lane.ORDERS]
    [message] = shop.get("/messages", params={"mailing": mailing}).json()["messages"]
    assert (message["letter"], message["outcome"]) == ("test", "to_go")
    assert message["subject"].startswith("[Test] ")
    refused = shop.post(f"/campaigns/{autumn}/test", {"to": ["jo@example.com"]})
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("test-refused")
    unfit = shop.post(f"/campaigns/{autumn}/test", {"to": ["anna"]})
    assert unfit.status_code == 422


def test_every_act_takes_a_reason(shop: Shop, house: House, autumn: int) -> None:
    moment = {"at": "2099-12-02T14:00:00Z"}
    acts: dict[str, dict[str, object]] = {
        "clone": {},
        "test": {"to": ["anna@focalpointsystem.com"]},
        "schedule": {**moment},
        "unschedule": {},
        "start": {},
    }
    why = {"reason": "The fair was moved."}
    assert shop.ask("PUT", f"/campaigns/{autumn}", {**AUTUMN, **why}).status_code == 200
    boss = house.shop(ApiScope.APPROVE)
    assert boss.post(f"/campaigns/{autumn}/approve", why).status_code == 200
    for act, body in acts.items():
        refused = shop.post(f"/campaigns/{autumn}/{act}", {**body, "reason": "jo@example.com"})
        assert refused.status_code == 422
        done = shop.post(f"/campaigns/{autumn}/{act}", {**body, **why})
        assert done.is_success, done.json()
        if act == "schedule":
            assert done.json()["plan"] == moment
    with house.parts.database.reading() as session:
        lines = session.execute(
            text(
                "SELECT kind, count(*) FROM ledger_entry WHERE detail ->> 'why' = :why GROUP BY 1"
            ),
            {"why": why["reason"]},
        ).all()
    assert len(lines) == len(acts) + 2


def test_who_approves_alone_sees_what_they_approve(house: House, shop: Shop, autumn: int) -> None:
    boss, plan = house.shop(ApiScope.APPROVE), {"at": "2099-12-02T14:00:00Z"}
    assert shop.post(f"/campaigns/{autumn}/schedule", plan).is_success
    for path in ("preview", "schedule"):
        assert boss.get(f"/campaigns/{autumn}/{path}").is_success
    assert boss.post(f"/campaigns/{autumn}/schedule/preview", plan).is_success
    assert boss.post(f"/campaigns/{autumn}/schedule", plan).status_code == 403
