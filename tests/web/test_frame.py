"""What holds for every answer: headers, HEAD, errors in one voice, logs without a token."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from mailer.database import Database
from mailer.vocabulary import Topic
from mailer.wiring import build
from preference_center.app import create_app
from tests.web.house import NOW, House, settings_for

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGES = ("/", "/privacy", "/nothing-here", "/u/forged", "/p/forged")
NEWS = Topic.COMPANY_NEWS


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers
    assert "strict-transport-security" not in headers


@pytest.mark.clause("C09")
def test_production_insists_on_encryption(database: Database, tmp_path: Path) -> None:
    production = {
        "env": "production",
        "public_url": "https://mail.example.com",
        "provider": "smtp",
        "smtp_url": "smtp://mail.example.com:587",
    }
    parts = build(settings_for(database.url, tmp_path, **production), process="test")
    with TestClient(create_app(parts), base_url="https://mail.example.com") as client:
        assert "max-age=" in client.get("/healthz").headers["strict-transport-security"]
        assert client.get("/outbox").status_code == 404
        assert "/outbox" not in client.get("/").text
    parts.close()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_pages_behind_a_token_are_kept_by_nobody_and_listed_nowhere(
    client: TestClient, house: House, method: str
) -> None:
    jo = house.customer(NEWS)
    for path in (f"/u/{jo.unsubscribe}", f"/p/{jo.preferences}", "/u/forged", "/why/forged"):
        headers = client.request(method, path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/privacy", "/healthz", "/metrics", "/static/site.css"])
def test_head_works_wherever_get_does(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == client.get(path).status_code == 200


def test_files_asked_for_by_version_are_kept_for_ever(client: TestClient, app: FastAPI) -> None:
    path = app.state.door.pages.asset_url("site.css")
    answer = client.get(path)
    assert "immutable" in answer.headers["cache-control"]
    again = client.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/site.css?v=old").headers["cache-control"] == "no-cache"
    assert client.get("/static/..%2fapp.py").status_code == 404


def test_a_bad_link_says_so_in_the_copy_that_was_agreed(client: TestClient) -> None:
    page = client.get("/u/forged")
    assert page.status_code == 404
    assert "We can’t read this link" in page.text
    assert "It may have been cut in two." in page.text
    assert "Nothing has changed." in page.text


def test_a_page_that_is_not_there_and_a_method_that_does_not_fit(client: TestClient) -> None:
    assert client.get("/nothing-here").status_code == 404
    answer = client.delete("/privacy")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_the_api_is_told_the_same_as_problem_json(client: TestClient) -> None:
    answer = client.get("/api/v1/nothing-here")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (404, "about:blank#not-found")
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_a_client_that_wants_no_page_gets_words(client: TestClient) -> None:
    answer = client.get("/u/forged", headers={"accept": "text/plain"})
    assert answer.text == "We can’t read this link\n"


@pytest.fixture
def broken(app: FastAPI) -> Iterator[TestClient]:
    """The door with a page that breaks in a way that nobody expected."""

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("jo@example.com could not be handled")

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_what_nobody_expected_is_a_page_with_a_reference_and_no_detail(
    broken: TestClient,
) -> None:
    with capture_logs() as logs:
        answer = broken.get("/broken")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == POLICY
    assert "Something went wrong on our side" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert "jo@example.com" not in answer.text
    unexpected = next(line for line in logs if line["event"] == "unexpected")
    assert unexpected["error"] == "RuntimeError"
    assert unexpected["at"][-1].startswith("test_frame.py:")
    assert "jo@example.com" not in repr(logs)


def test_a_request_that_we_failed_is_a_warning_and_any_other_everyday_news(
    broken: TestClient,
) -> None:
    with capture_logs() as logs:
        for path in ("/broken", "/nothing-here", "/privacy"):
            broken.get(path)
    lines = [line for line in logs if line["event"] == "request"]
    assert [(line["status"], line["log_level"]) for line in lines] == [
        (500, "warning"),
        (404, "info"),
        (200, "info"),
    ]


def test_each_request_is_one_line_without_its_token(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    with capture_logs() as logs:
        client.get(f"/u/{jo.unsubscribe}")
        client.post(f"/u/{jo.unsubscribe}")
        client.get("/nothing-here")
        client.get("/api/v1/customers/1")
    lines = [line for line in logs if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/u/{token}", 200),
        ("POST", "/u/{token}", 200),
        ("GET", "-", 404),
        ("GET", lines[3]["route"], 401),
    ]
    assert "{" in lines[3]["route"]
    assert jo.unsubscribe not in repr(logs)
    assert all(line["ms"] >= 0 and len(line["request_id"]) == 16 for line in lines)


@pytest.mark.clause("C13")
@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "sends neither Global Privacy Control nor Do Not Track"),
        ({"Sec-GPC": "1"}, "Your browser sends Global Privacy Control."),
        ({"DNT": "1"}, "Your browser sends Do Not Track."),
        ({"Sec-GPC": "1", "DNT": "1"}, "Your browser sends Global Privacy Control."),
        ({"Sec-GPC": "0", "DNT": "0"}, "sends neither"),
    ],
)
def test_the_policy_page_says_whether_the_signal_was_seen(
    client: TestClient, headers: dict[str, str], words: str
) -> None:
    assert words in client.get("/privacy", headers=headers).text


@pytest.mark.clause("C25")
def test_the_policy_page_names_its_date_and_the_earlier_versions(client: TestClient) -> None:
    page = client.get("/privacy").text
    assert "in force since" in page
    assert "1 November 2026" in page
    assert "29 September 2014" in page


@pytest.mark.clause("C27")
@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_how_to_reach_us(client: TestClient, path: str) -> None:
    page = client.get(path).text
    assert "10 Corporate Place South, Suite 101, Piscataway, NJ 08854" in page
    assert "CustomerCare@FocalPointSystem.com" in page
    assert "(800) 363-5519" in page


def test_no_page_has_a_script_or_a_style_of_its_own(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    for path in (*PAGES, f"/u/{jo.unsubscribe}", f"/p/{jo.preferences}"):
        page = client.get(path).text
        assert "<script" not in page
        assert "<style" not in page
        assert " style=" not in page


def test_the_clock_is_the_parts_own_unless_another_is_given(house: House) -> None:
    app = create_app(house.parts)
    assert app.state.door.clock() == NOW
