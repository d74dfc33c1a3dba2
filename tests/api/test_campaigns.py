"""Campaigns through the API: drafted, previewed, scheduled, started, steered, reported."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from mailer import campaigns
from mailer.access import ApiScope
from mailer.delivery import News
from mailer.vocabulary import Heard, Lane, PersonId
from mailer.wiring import build_sender
from tests.api.conftest import AUTUMN, YES, House, Shop


def test_a_draft_says_what_may_be_done_with_it(shop: Shop, autumn: int) -> None:
    held = shop.get(f"/campaigns/{autumn}").json()
    assert held["state"] == "draft"
    assert held["possible"] == [
        "edit",
        "schedule",
        "start",
        "cancel",
        "approve",
        "test",
        "clone",
        "pace",
        "brake",
        "delete",
    ]
    assert held["content"]["subject"] == AUTUMN["content"]["subject"]
    assert [each["id"] for each in shop.get("/campaigns").json()["campaigns"]] == [autumn]
    assert shop.get("/campaigns/99").status_code == 404


def test_a_campaign_walks_from_draft_to_its_report(
    house: House, shop: Shop, jo: int, autumn: int
) -> None:
    shop.post(f"/customers/{jo}/consents", YES)
    shop.post("/customers", {"email": "anna@example.com", "country": "US"})
    assert shop.post(f"/campaigns/{autumn}/start").json()["state"] == "sending"
    assert Lane.PROMOTIONAL in house.rung
    sender = build_sender(house.parts)
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    sender.close()
    report = shop.get(f"/campaigns/{autumn}/report").json()
    assert (report["audience"], report["accepted"], report["to_go"]) == (2, 1, 0)
    assert report["refused"] == {"not.never": 1}
    told = shop.get("/messages", params={"customer": jo}).json()["messages"]
    assert told[0]["sentence"].startswith("Because “Company news” has been on since 22 November")
    everybody: list[str] = []
    query: dict[str, object] = {"campaign": autumn, "limit": 1}
    while True:
        page = shop.get("/messages", params=query).json()
        everybody += [each["outcome"] for each in page["messages"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert everybody == ["accepted", "refused"]
    assert shop.get("/messages").status_code == 422
    assert shop.get("/messages", params={"campaign": 99}).status_code == 404


def test_a_campaigns_pace_is_kept_copied_and_changed_under_way(
    house: House, shop: Shop, autumn: int
) -> None:
    pace = {"per_minute": 600, "warm_up": [500, 1000]}
    edited = shop.ask("PUT", f"/campaigns/{autumn}", {**AUTUMN, "pace": pace}).json()
    assert edited["pace"] == pace
    assert shop.post(f"/campaigns/{autumn}/clone").json()["pace"] == pace
    shop.post(f"/campaigns/{autumn}/start")
    slower = {"pace": {"per_hour": 40}, "reason": "The relay's queue grows."}
    assert shop.post(f"/campaigns/{autumn}/pace", slower).json()["pace"] == {"per_hour": 40}
    with house.parts.database.reading() as session:
        told = session.execute(
            text("SELECT actor, detail FROM ledger_entry WHERE kind = 'campaign.paced'")
        ).one()
        kept = session.execute(text("SELECT pace FROM delivery_mailing")).scalar_one()
    assert told.actor.startswith("api_key:")
    assert told.detail["why"] == "The relay's queue grows."
    assert kept == {"per_hour": 40}
    assert shop.post(f"/campaigns/{autumn}/pace", {"pace": None}).json()["pace"] is None
    shop.post(f"/campaigns/{autumn}/cancel")
    assert shop.post(f"/campaigns/{autumn}/pace", slower).status_code == 409


def test_a_campaign_that_the_brake_stopped_says_so_and_goes_on_for_a_reason(
    house: House, shop: Shop, autumn: int
) -> None:
    brake = {"complaints": 20, "after": 3}
    shop.ask("PUT", f"/campaigns/{autumn}", {**AUTUMN, "brake": brake})
    people = []
    for number in range(4):
        made = shop.post("/customers", {"email": f"reader{number}@example.com", "country": "US"})
        people.append(made.json()["id"])
        shop.post(f"/customers/{people[-1]}/consents", YES)
    begun = shop.post(f"/campaigns/{autumn}/start").json()
    assert (begun["brake"], begun["braked"]) == (brake, None)
    sender = build_sender(house.parts)
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    sender.close()
    at = house.parts.clock()
    house.parts.opt_outs.hear(
        *(News(begun["mailing"], PersonId(each), Heard.COMPLAINED, at) for each in people)
    )
    refused = shop.post(f"/campaigns/{autumn}/resume")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("reason-needed")
    with house.parts.database.transaction() as session:
        campaigns.brake_stopped(session, now=at)
    held = shop.get(f"/campaigns/{autumn}").json()
    assert held["state"] == "paused"
    assert (held["braked"]["cause"], held["braked"]["count"]) == ("complaints", "fewer than 10")
    assert held["braked"]["sentence"].startswith("Stopped by the safety brake at ")
    resumed = shop.post(f"/campaigns/{autumn}/resume", {"reason": "It was a test of the brake."})
    assert (resumed.json()["state"], resumed.json()["braked"]) == ("sending", None)


def test_the_limits_of_a_campaigns_brake_are_changed_under_way(
    house: House, shop: Shop, autumn: int
) -> None:
    shop.post(f"/campaigns/{autumn}/start")
    careful = {"brake": {"complaints": 0.05}, "reason": "A new audience: be careful."}
    told = shop.post(f"/campaigns/{autumn}/brake", careful).json()
    assert told["brake"] == {"complaints": 0.05}
    assert "brake" in told["possible"]
    with house.parts.database.reading() as session:
        kept = session.execute(text("SELECT brake FROM delivery_mailing")).scalar_one()
    assert (kept["complaints"], kept["hard_bounces"]) == (0.05, 5.0)
    assert shop.post(f"/campaigns/{autumn}/brake", {"brake": None}).json()["brake"] is None
    wrong = shop.post(f"/campaigns/{autumn}/brake", {"brake": {"complaints": 101}})
    assert [each["field"] for each in wrong.json()["errors"]] == ["brake.complaints"]


def test_a_campaign_says_what_holds_its_mail_back(house: House, shop: Shop, autumn: int) -> None:
    before = shop.get(f"/campaigns/{autumn}/status").json()
    assert (before["state"], before["next_turn"], before["brake"]) == ("draft", None, [])
    for number in range(2):
        made = shop.post("/customers", {"email": f"reader{number}@example.com", "country": "US"})
        shop.post(f"/customers/{made.json()['id']}/consents", YES)
    shop.post(f"/campaigns/{autumn}/pace", {"pace": {"per_day": 1}})
    shop.post(f"/campaigns/{autumn}/start")
    sender = build_sender(house.parts)
    sender.deliver_one(Lane.PROMOTIONAL)
    sender.close()
    told = shop.get(f"/campaigns/{autumn}/status").json()
    assert told["next_turn"] > told["as_at"]
    assert (told["slowed"], told["waiting"]) == ({}, 0)
    assert told["brake"][0] == {
        "cause": "complaints",
        "count": "fewer than 10",
        "of": 1,
        "limit": 0.1,
    }


@pytest.mark.parametrize(
    ("pace", "field"),
    [
        ({"per_minute": 0}, "pace.per_minute"),
        ({"per_minute": "600"}, "pace.per_minute"),
        ({"per_week": 5}, "pace.per_week"),
        ({"warm_up": [500, -1]}, "pace.warm_up.1"),
    ],
)
def test_what_is_no_pace_is_refused_with_its_field(
    shop: Shop, autumn: int, pace: dict[str, object], field: str
) -> None:
    for path, body in ((f"/campaigns/{autumn}/pace", {}), ("/campaigns", AUTUMN)):
        refused = shop.post(path, {**body, "pace": pace})
        assert refused.status_code == 422
        assert [each["field"] for each in refused.json()["errors"]] == [field]


def test_a_campaign_is_scheduled_moved_and_taken_back(shop: Shop, autumn: int) -> None:
    later = {"at": "2026-12-02T14:00:00Z"}
    assert shop.post(f"/campaigns/{autumn}/schedule", later).json()["state"] == "scheduled"
    assert shop.ask("PUT", f"/campaigns/{autumn}", AUTUMN).status_code == 409
    assert shop.post(f"/campaigns/{autumn}/unschedule").json()["state"] == "draft"
    edited = shop.ask("PUT", f"/campaigns/{autumn}", {**AUTUMN, "name": "Winter release"})
    assert edited.json()["name"] == "Winter release"
    past = shop.post(f"/campaigns/{autumn}/schedule", {"at": "2020-01-01T00:00:00Z"})
    assert past.status_code == 422


def test_what_the_state_does_not_allow_is_told_with_what_it_does(shop: Shop, autumn: int) -> None:
    answer = shop.post(f"/campaigns/{autumn}/pause")
    assert answer.status_code == 409
    told = answer.json()
    assert (told["state"], told["possible"][:2]) == ("draft", ["edit", "schedule"])
    for act, state in (("start", "sending"), ("pause", "paused"), ("resume", "sending")):
        assert shop.post(f"/campaigns/{autumn}/{act}").json()["state"] == state
    assert shop.post(f"/campaigns/{autumn}/cancel").json()["state"] == "cancelled"
    assert shop.post(f"/campaigns/{autumn}/resume").status_code == 409


def test_a_start_named_twice_is_one_start(house: House, shop: Shop, jo: int, autumn: int) -> None:
    first = shop.post(f"/campaigns/{autumn}/start", name="go")
    again = shop.post(f"/campaigns/{autumn}/start", name="go")
    assert first.json() == again.json()
    assert house.rung.count(Lane.PROMOTIONAL) == 1


def test_content_that_cannot_be_sent_is_refused_field_by_field(shop: Shop) -> None:
    content = {
        **AUTUMN["content"],
        "subject": "{{ password }}",
        "body_markdown": "{% if %}{{ town }}{% endif %} [see](https://elsewhere.example.org/x)",
        "button_url": "https://elsewhere.example.org/",
    }
    answer = shop.post("/campaigns", {**AUTUMN, "content": content})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("content-refused")
    assert Counter(each["field"] for each in answer.json()["errors"]) == {
        "content.subject": 2,  # nor does it say anything of its own
        "content.body_markdown": 2,
        "content.body_markdown, link “see”": 1,
        "content.button_url": 1,
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"topic": "everything"},
        {"name": ""},
        {"audience": {"rule": {"kind": "country", "any_of": ["Germany"]}}},
        {"audience": {"rule": {"kind": "everybody"}, "saved": 1}},
        {"audience": {"colour": "red"}},
        {"audience": {"kind": "country", "any_of": ["US"]}},
        {"content": {"subject": "Hello"}},
        {"html": "<p>Hello</p>"},
    ],
)
def test_a_campaign_that_makes_no_sense_is_refused(shop: Shop, changed: dict[str, object]) -> None:
    assert shop.post("/campaigns", {**AUTUMN, **changed}).status_code == 422


def test_a_plan_of_local_time_is_scheduled_and_told_by_zone(shop: Shop, autumn: int) -> None:
    for n in range(12):
        jo = {"email": f"jo{n}@example.com", "country": "US", "timezone": "America/New_York"}
        shop.post("/customers", jo)
    shop.post("/customers", {"email": "li@example.com", "country": "US", "timezone": "Asia/Tokyo"})
    plan = {
        "at": "2027-03-14T09:00:00",
        "zone": "America/New_York",
        "local": True,
        "quiet_hours": {},
    }
    assert shop.get(f"/campaigns/{autumn}/schedule").json()["type"].endswith("not-scheduled")
    asked = shop.post(f"/campaigns/{autumn}/schedule/preview", plan)
    assert asked.status_code == 200, asked.text
    assert shop.get(f"/campaigns/{autumn}").json()["state"] == "draft"
    scheduled = shop.post(f"/campaigns/{autumn}/schedule", plan).json()
    assert (scheduled["state"], scheduled["plan"]) == ("scheduled", plan)
    assert scheduled["scheduled_for"] == "2027-03-13T18:45:00Z"
    told = shop.get(f"/campaigns/{autumn}/schedule").json()
    assert told == asked.json()
    assert (told["first"], told["last"]) == ("2027-03-14T00:00:00Z", "2027-03-14T13:00:00Z")
    tokyo, new_york = told["zones"]
    assert (tokyo["people"], tokyo["change"]) == ("fewer than 10", None)
    assert (told["audience"], new_york["people"]) == (13, "all but fewer than 10")
    assert new_york["local"] == "2027-03-14T09:00:00-04:00"
    assert new_york["change"] == {"at": "2027-03-14T07:00:00Z", "minutes": 60}


def test_a_plan_that_repeats_tells_its_next_times(shop: Shop, autumn: int) -> None:
    plan = {
        "at": "2026-12-01T09:00:00",
        "zone": "Europe/Berlin",
        "repeat": {"every": "month", "day": 31, "times": 3},
    }
    told = shop.post(f"/campaigns/{autumn}/schedule/preview", plan).json()
    assert told["occurrences"] == [
        "2026-12-31T08:00:00Z",
        "2027-01-31T08:00:00Z",
        "2027-02-28T08:00:00Z",
    ]
    scheduled = shop.post(f"/campaigns/{autumn}/schedule", plan).json()
    assert (scheduled["occurrence"], scheduled["series"]) == (1, None)


@pytest.mark.parametrize(
    ("plan", "field", "problem"),
    [
        ({}, "at", "is missing"),
        ({"at": 1764684000}, "at", "is a bare number"),
        ({"at": "soon"}, "at", "is not a moment"),
        ({"at": "2026-12-02T09:00:00"}, "body", "`zone` is missing"),
        ({"at": "2026-12-02T09:00:00", "zone": "Mars/Base"}, "zone", "is no time zone"),
        ({"at": "now", "zone": "UTC", "quiet_hours": {"before": "x"}}, "before", "time of day"),
        (
            {"at": "now", "zone": "UTC", "quiet_hours": {"before": "21:00"}},
            "quiet_hours",
            "no time",
        ),
        ({"at": "now", "local": 1, "zone": "UTC"}, "local", "is not true or false"),
        ({"at": "2026-12-02T09:00Z", "repeat": {"every": "year"}}, "every", "none of the words"),
        ({"at": "2026-12-02T09:00Z", "repeat": {"every": "day", "step": 0}}, "step", "too small"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_field_by_field(
    shop: Shop, autumn: int, plan: dict[str, Any], field: str, problem: str
) -> None:
    answer = shop.post(f"/campaigns/{autumn}/schedule", plan)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["field"].endswith(field)
    assert problem in fault["problem"]
    assert fault["fix"]


def test_a_draft_is_deleted_by_who_may_make_one_and_nothing_else_is(
    house: House, shop: Shop, autumn: int
) -> None:
    reader = house.shop(ApiScope.READ, ApiScope.APPROVE)
    assert reader.ask("DELETE", f"/campaigns/{autumn}").status_code == 403
    unfit = shop.ask("DELETE", f"/campaigns/{autumn}", {"reason": "asked by jo@example.com"})
    assert (unfit.status_code, unfit.json()["errors"][0]["field"]) == (422, "reason")
    gone = house.shop(ApiScope.CAMPAIGNS).ask(
        "DELETE", f"/campaigns/{autumn}", {"reason": "Written twice."}
    )
    assert gone.status_code == 204
    assert shop.get(f"/campaigns/{autumn}").status_code == 404
    assert shop.ask("DELETE", f"/campaigns/{autumn}").status_code == 404


def test_a_draft_that_was_scheduled_before_is_cancelled_and_not_deleted(
    shop: Shop, autumn: int
) -> None:
    shop.post(f"/campaigns/{autumn}/schedule", {"at": "2026-12-02T14:00:00Z"})
    held = shop.post(f"/campaigns/{autumn}/unschedule").json()
    assert (held["state"], "delete" in held["possible"]) == ("draft", False)
    refused = shop.ask("DELETE", f"/campaigns/{autumn}")
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (
        409,
        "cannot-delete",
    )
    assert "Cancel it instead" in refused.json()["detail"]
    assert shop.get(f"/campaigns/{autumn}").json()["state"] == "draft"
