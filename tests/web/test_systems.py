"""What systems ask the web door: is it there, is it ready, how does it stand, what was caught."""

import base64
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from mailer.database import Database
from mailer.settings import Settings
from mailer.vocabulary import Topic
from mailer.wiring import build
from preference_center.app import create_app
from preference_center.systems import health
from tests.browser.scenes import catch_sample_mail
from tests.web.house import House, settings_for

NEWS = Topic.COMPANY_NEWS
AWAY = "postgresql://postgres@127.0.0.1:1/nowhere"


def test_healthz_looks_at_nothing(tmp_path: Path) -> None:
    parts = build(settings_for(AWAY, tmp_path), process="test")
    with TestClient(create_app(parts)) as client:
        assert client.get("/healthz").json() == {"healthy": True}
    parts.close()


def test_readyz_names_what_is_missing(tmp_path: Path) -> None:
    settings = settings_for(AWAY, tmp_path, postal_address="", broker_url="redis://127.0.0.1:1")
    parts = build(settings, process="test")
    with TestClient(create_app(parts)) as client:
        answer = client.get("/readyz")
    parts.close()
    found = answer.json()
    assert (answer.status_code, found["ready"]) == (503, False)
    assert found["checks"] == {
        "database": False,
        "migrations": False,
        "keys": False,
        "journal": True,
        "restored": True,
        "broker": False,
        "provider": True,
        "postal_address": False,
    }
    assert len(found["missing"]) == 5
    assert any("fpmail migrate" in line for line in found["missing"])


def test_a_broker_that_is_away_does_not_keep_opt_outs_from_coming_in() -> None:
    needed = {check.name for check in health.CHECKS if check.needed}
    assert needed == {"database", "migrations", "keys", "journal"}


def test_a_journal_that_cannot_be_written_is_missing(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where the journal's folder should be")
    parts = build(settings_for(database.url, tmp_path / "file"), process="test")
    found = health.look(parts)
    parts.close()
    assert (found["database"], found["journal"]) == (True, False)


def figures(client: TestClient) -> dict[tuple[str, str], float]:
    """The figures by name and first label."""
    text = client.get("/metrics").text
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_say_how_delivery_stands(client: TestClient, house: House) -> None:
    house.customer(NEWS)
    seen = figures(client)
    assert seen["fpmail_database_up", ""] == 1
    assert seen["fpmail_in_hand_people", ""] == 0
    assert seen["fpmail_unknown_people", ""] == 0


def test_metrics_time_each_acknowledgement_by_its_door(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    client.post(f"/u/{jo.unsubscribe}")
    client.post(f"/u/{jo.unsubscribe}", data={"choice": "all"})
    seen = figures(client)
    assert seen["fpmail_optout_acknowledged_seconds_count", "one_click"] == 1
    assert seen["fpmail_optout_acknowledged_seconds_count", "unsubscribe_page"] == 1


def test_metrics_answer_while_the_database_is_away(tmp_path: Path) -> None:
    parts = build(settings_for(AWAY, tmp_path), process="test")
    with TestClient(create_app(parts)) as client:
        assert figures(client)["fpmail_database_up", ""] == 0
    parts.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A developer's machine with two caught mails."""
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    catch_sample_mail(outbox)
    return settings_for(
        database_url, tmp_path, smtp_url="smtp://127.0.0.1:1", mail_catcher=str(outbox)
    )


def test_the_outbox_lists_what_was_caught_newest_first(client: TestClient) -> None:
    page = client.get("/outbox").text
    assert page.index("The autumn release is here") < page.index("Your order 10482 has shipped")


def test_the_outbox_turns_pages(client: TestClient, settings: Settings) -> None:
    folder = Path(settings.mail_catcher)
    mail = next(folder.iterdir()).read_bytes()
    for number in range(60):
        (folder / f"20261121T1200{number:02}.000000Z-{number:06}.eml").write_bytes(mail)
    first = client.get("/outbox").text
    older = first.partition('href="/outbox?before=')[2].partition('"')[0]
    second = client.get(f"/outbox?before={older}").text
    assert (first.count("<tr "), second.count("<tr ")) == (51, 13)
    assert 'href="/outbox">Newer' in second


def test_the_outbox_is_searched_by_recipient_page_by_page(
    client: TestClient, settings: Settings
) -> None:
    folder = Path(settings.mail_catcher)
    mail = next(folder.iterdir()).read_bytes()
    for number in range(60):
        other = mail.replace(b"Delivered-To: jo@", b"Delivered-To: Anna.Becker@")
        (folder / f"20261121T1200{number:02}.000000Z-{number:06}.eml").write_bytes(other)
    first = client.get("/outbox", params={"to": "anna.b"}).text
    assert first.count("Anna.Becker@example.com") == 50
    assert "jo@example.com" not in first
    assert 'value="anna.b"' in first
    older = unescape(first.partition('<a href="/outbox?before=')[2].partition('"')[0])
    second = client.get(f"/outbox?before={older}").text
    assert second.count("Anna.Becker@example.com") == 10
    assert 'href="/outbox?to=anna.b">Newer' in second
    nobody = client.get("/outbox", params={"to": '<b>"&'}).text
    assert "Nothing to “<bdi>&lt;b&gt;&#34;&amp;</bdi>” is here." in nobody


def test_a_caught_mail_shows_its_parts_and_frames_its_html(client: TestClient) -> None:
    name = "20261122T154102.000000Z-000002.eml"
    answer = client.get(f"/outbox/{name}")
    assert "frame-src 'self'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    for words in ("See what is new.", "https://shop.focalpointsystem.com/autumn", "Subject: The"):
        assert words in answer.text
    assert f'src="/outbox/{name}/html" sandbox="allow-popups' in answer.text


def test_the_framed_html_runs_nothing_and_loads_nothing_but_pictures_of_ours(
    client: TestClient,
) -> None:
    answer = client.get("/outbox/20261122T154102.000000Z-000002.eml/html")
    policy = answer.headers["content-security-policy"]
    for part in (
        "default-src 'none'",
        "script-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "img-src data: http://127.0.0.1:8000/static/;",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    ):
        assert part in policy
    assert '<base target="_blank">' in answer.text


@pytest.mark.parametrize("name", ["x.eml", "%2e%2e%2fx", "20261122T154102.000000Z-000009.eml"])
def test_a_mail_that_was_not_caught_is_not_found(client: TestClient, name: str) -> None:
    assert client.get(f"/outbox/{name}").status_code == 404


def test_there_is_no_outbox_without_a_catcher(database: Database, tmp_path: Path) -> None:
    parts = build(settings_for(database.url, tmp_path), process="test")
    with TestClient(create_app(parts)) as client:
        assert client.get("/outbox").status_code == 404
    parts.close()


def test_the_front_page_leads_a_developer_to_the_outbox(client: TestClient, app: FastAPI) -> None:
    assert 'href="/outbox"' in client.get("/").text
    assert app.url_path_for("outbox") == "/outbox"


def test_the_api_stands_behind_its_keys(client: TestClient) -> None:
    assert client.get("/api/v1/customers/1").status_code == 401
    wrong = base64.b64encode(b"wrong").decode()
    answer = client.get("/api/v1/customers/1", headers={"authorization": f"Bearer {wrong}"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/api/v1/openapi.json").json()["info"]["title"] == "FocalPoint Mail"
