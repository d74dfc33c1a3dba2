"""Nothing is called saved that is not: every way in which keeping a wish can fail is a 500."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from mailer.database import Database
from mailer.links import Purpose
from mailer.vocabulary import Topic
from mailer.wiring import build
from preference_center.app import create_app
from tests.web.house import House, settings_for

NEWS = Topic.COMPANY_NEWS
AWAY = "postgresql://postgres@127.0.0.1:1/nowhere"


@pytest.fixture
def away(tmp_path: Path) -> Iterator[TestClient]:
    """The web door while the database is away."""
    parts = build(settings_for(AWAY, tmp_path), process="test")
    with TestClient(create_app(parts)) as client:
        client.headers["x-token-u"] = parts.links.sign(Purpose.UNSUBSCRIBE, 1, 2, 3)
        client.headers["x-token-p"] = parts.links.sign(Purpose.PREFERENCES, 1, 2)
        yield client
    parts.close()


@pytest.fixture
def refusing_commits(database: Database) -> Iterator[None]:
    """A database that takes every statement and then refuses the COMMIT."""
    make = """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON permission_consent
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
    """
    with database.transaction() as session:
        session.execute(text(make))
    yield
    with database.transaction() as session:
        session.execute(text("DROP TRIGGER refuse ON permission_consent; DROP FUNCTION refuse()"))


@pytest.mark.clause("C08")
@pytest.mark.parametrize("data", [{}, {"choice": "all"}])
def test_a_commit_that_fails_is_never_answered_with_success(
    client: TestClient, house: House, request: pytest.FixtureRequest, data: dict[str, str]
) -> None:
    jo = house.customer(NEWS)
    request.getfixturevalue("refusing_commits")
    answer = client.post(f"/u/{jo.unsubscribe}", data=data)
    assert answer.status_code == 500
    assert "We couldn’t make sure that this is saved" in answer.text
    assert "(800) 363-5519" in answer.text
    assert house.standing(jo).stopped_since is None


@pytest.mark.clause("C08")
@pytest.mark.parametrize("path", ["/u/{unsubscribe}", "/p/{preferences}"])
def test_a_no_that_is_not_in_the_journal_is_not_acknowledged(
    database: Database, house: House, tmp_path: Path, path: str
) -> None:
    jo = house.customer(NEWS)
    (tmp_path / "file").write_text("where the journal's folder should be")
    parts = build(settings_for(database.url, tmp_path / "file"), process="test")
    with TestClient(create_app(parts)) as client:
        where = path.format(unsubscribe=jo.unsubscribe, preferences=jo.preferences)
        answer = client.post(where, data={"act": "stop", "choice": "all"})
    parts.close()
    assert answer.status_code == 500
    assert "couldn’t make sure" in answer.text


def test_looking_while_the_records_are_away_is_asked_to_wait(away: TestClient) -> None:
    for path in (f"/u/{away.headers['x-token-u']}", f"/p/{away.headers['x-token-p']}"):
        answer = away.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "30"
        assert "We can’t reach our records right now" in answer.text


def test_a_wish_while_the_records_are_away_is_told_that_nothing_changed(
    away: TestClient,
) -> None:
    topic = away.post(f"/u/{away.headers['x-token-u']}", data={"choice": "topic"})
    save = away.post(f"/p/{away.headers['x-token-p']}", data={"act": "save"})
    for answer in (topic, save):
        assert answer.status_code == 500
        assert "We couldn’t save this" in answer.text
        assert "Nothing has changed." in answer.text


def test_a_one_click_while_the_records_are_away_may_be_tried_again(away: TestClient) -> None:
    answer = away.post(f"/u/{away.headers['x-token-u']}", headers={"accept": "text/plain"})
    assert answer.status_code == 500
    assert answer.headers["retry-after"] == "30"
    assert "Stopped" not in answer.text
    assert 'fpmail_optout_unsaved_total{door="one_click"} 1.0' in away.get("/metrics").text
