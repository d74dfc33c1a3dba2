"""The web door in its own process, as production runs it."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from mailer.database import Database
from mailer.vocabulary import Topic
from tests.browser.site import free_port, running_site
from tests.web.house import House, environment_for


def fetch(url: str, body: bytes | None = None) -> tuple[int, str]:
    """Ask for a page, or post to it; an error is an answer too."""
    try:
        with urllib.request.urlopen(url, body, timeout=10) as answer:  # noqa: S310 - our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[str]:
    """The URL of a web door of this test's own."""
    with running_site(environment_for(database.url, tmp_path)) as url:
        yield url


def serving() -> list[psutil.Process]:
    """The processes of the web door."""
    mine = psutil.Process(os.getpid()).children(recursive=True)
    return [each for each in mine if "tests.browser.site" in " ".join(each.cmdline())]


def test_it_answers_clicks_and_pages_in_one_look(site: str) -> None:
    assert fetch(f"{site}/healthz")[0] == 200
    assert fetch(f"{site}/u/forged")[0] == 404
    status, page = fetch(f"{site}/c/forged/0")
    assert (status, "We can't read this link" in unescape(page)) == (404, True)
    assert "/static/site.css" in page


def test_sigterm_answers_what_has_begun_and_leaves_nothing_running(site: str, house: House) -> None:
    jo = house.customer(Topic.COMPANY_NEWS)
    processes = serving()
    with ThreadPoolExecutor(1) as beside:
        with house.parts.database.transaction() as session:
            session.execute(text("SELECT 1 FROM permission_standing FOR UPDATE"))
            answer = beside.submit(fetch, f"{site}/u/{jo.unsubscribe}", b"")
            _wait_for_a_lock(house)
            processes[0].send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert not answer.done()
        assert answer.result(10) == (200, "Stopped.\n")
    assert house.standing(jo).stopped_since is not None
    assert psutil.wait_procs(processes, timeout=5)[1] == []
    with pytest.raises(urllib.error.URLError):
        fetch(f"{site}/healthz")


def test_a_killed_door_leaves_nothing_on_the_port(site: str) -> None:
    processes = serving()
    processes[0].kill()
    assert psutil.wait_procs(processes, timeout=5)[1] == []
    with pytest.raises(urllib.error.URLError):
        fetch(f"{site}/healthz")


@pytest.mark.parametrize("pause", [0.1, 1.0, 2.0])
def test_sigterm_during_the_start_is_not_lost(
    database: Database, tmp_path: Path, pause: float
) -> None:
    port = str(free_port())
    door = psutil.Popen(
        [sys.executable, "-m", "tests.browser.site", port],
        env={**os.environ, **environment_for(database.url, tmp_path)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(pause)
    door.terminate()
    assert psutil.wait_procs([door], timeout=15)[1] == []


def _wait_for_a_lock(house: House) -> None:
    """Wait until somebody waits for a row of ours."""
    end = time.monotonic() + 10
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while time.monotonic() < end:
        with house.parts.database.reading() as session:
            if session.execute(query).scalar_one():
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")
