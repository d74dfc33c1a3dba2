"""The web door in its own process, as production runs it."""

import os
import urllib.error
import urllib.request
from html import unescape
from pathlib import Path

import psutil
import pytest

from mailer.database import Database
from tests.browser.site import running_site
from tests.web.house import environment_for


def fetch(url: str) -> tuple[int, str]:
    """Ask for a page; an error is an answer too."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_it_answers_clicks_and_pages_and_ends_whole_on_sigterm(
    database: Database, tmp_path: Path
) -> None:
    with running_site(environment_for(database.url, tmp_path)) as url:
        assert fetch(f"{url}/healthz")[0] == 200
        assert fetch(f"{url}/u/forged")[0] == 404
        status, page = fetch(f"{url}/c/forged/0")
        assert (status, "We can't read this link" in unescape(page)) == (404, True)
        assert "/static/site.css" in page
        mine = psutil.Process(os.getpid()).children(recursive=True)
        serving = [each for each in mine if "tests.browser.site" in " ".join(each.cmdline())]
        assert len(serving) >= 2
    gone, alive = psutil.wait_procs(serving, timeout=5)
    assert (len(gone), alive) == (len(serving), [])
    with pytest.raises(urllib.error.URLError):
        fetch(f"{url}/healthz")
