"""docs/api.md tells of every route, scope, state and problem of the API."""

import json
import re
from pathlib import Path

from fastapi.routing import APIRoute

from mailer.access import ApiScope
from mailer.campaigns import Act, State, possible
from mailer.intake.sources import SOURCES
from mailer.orders import LETTERS
from preference_center.systems.api import ROOMS
from tests.api.conftest import Shop

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
ROUTES = Path(__file__).parents[2] / "preference_center" / "systems" / "api"


def test_the_page_names_exactly_the_routes_that_there_are() -> None:
    told = set(re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[a-z/{}_]+)", PAGE)) - {
        ("GET", "/api/v")
    }
    real = {
        (method, route.path)
        for room in ROOMS
        for route in room.routes.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert told == real


CALL = re.compile(r"^call (-X POST )?\$API(/\S+)(?: -H '[^']+')?(?: -d '([^']+)')?$", re.MULTILINE)


def test_the_walk_of_the_page_can_be_walked(shop: Shop) -> None:
    walk = PAGE.split("## A walk", 1)[1].split("\n## ", 1)[0]
    calls = CALL.findall(walk)
    assert len(calls) == walk.count("\ncall $") + walk.count("\ncall -X")
    for post, path, body in calls:
        method = "POST" if post or body else "GET"
        answer = shop.ask(method, path, json.loads(body) if body else None)
        assert answer.status_code < 300, (path, answer.text)
    assert calls[-1][1] == "/campaigns/1/report"
    report = answer.json()
    assert (report["state"], report["audience"]) == ("sending", 1)
    assert report["figures"]["clicks"]["links"][0]["people"] == "fewer than 10"


def test_the_page_lists_every_source() -> None:
    customers = PAGE.split("## Customers", 1)[1]
    online, offline = customers.split("`source` is one of", 1)[1].split("offline", 1)
    assert set(re.findall(r"`(\w+)`", online)) == {
        each for each, needs in SOURCES.items() if not needs
    }
    listed = set(re.findall(r"`(\w+)`", offline.partition("\n- ")[0])) - {"proof"}
    assert listed == {each for each, needs in SOURCES.items() if needs}


def test_the_page_lists_every_scope() -> None:
    listed = PAGE.split("## Keys", 1)[1].split("##", 1)[0]
    assert set(re.findall(r"^\| (\w+) \|", listed, re.MULTILINE)) - {"scope"} == set(ApiScope)


def test_the_page_lists_what_every_state_can() -> None:
    rows = dict(
        re.findall(r"^\| (\w+) \| ([a-z, ]+) \|$", PAGE.split("## Campaigns")[1], re.MULTILINE)
    )
    for state in State:
        offers = [act.value for act in possible(state)] or ["nothing"]
        assert rows[state.value] == ", ".join(offers)
    assert Act.FINISH not in possible(State.SENDING)


def test_the_page_lists_every_event_with_its_letter() -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| .+ \|$", PAGE, re.MULTILINE)
    assert set(rows) >= {(kind.value, letter) for kind, letter in LETTERS.items()}


def test_the_page_lists_every_problem_that_the_api_raises() -> None:
    listed = PAGE.split("| type | status | means |", 1)[1].split("\n\n", 1)[0]
    source = "".join(file.read_text(encoding="utf-8") for file in ROUTES.glob("*.py"))
    raised = set(re.findall(r'Problem\(\s*4\d\d,\s*"([a-z-]+)"', source))
    assert len(raised) > 10
    for slug in raised:
        assert slug in listed, slug
