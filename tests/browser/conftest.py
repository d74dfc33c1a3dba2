"""A real Chromium on the real web door. Missing Chromium is named, and fails under CI=true."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, Playwright, sync_playwright

from mailer.database import Database
from mailer.wiring import build
from tests.browser.chromium import CHROMIUM, MISSING
from tests.browser.hanging import ENDED, PATIENCE, Browsers, watched
from tests.browser.scenes import catch_sample_mail
from tests.browser.site import running_site
from tests.web.house import NOW, House, environment_for, settings_for


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, or a skip that says what to install."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        yield playwright


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Do a test once more whose Chromium had to be killed; that is said as a rerun."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=[ENDED]))
            item.add_marker(pytest.mark.timeout(2 * PATIENCE + 60))


@pytest.fixture(autouse=True)
def _watched() -> Iterator[None]:
    with watched():
        yield


@pytest.fixture(scope="session")
def browsers(playwright: Playwright) -> Iterator[Browsers]:
    """A headless Chromium for the whole run, or as long as it lives."""
    browsers = Browsers(playwright)
    yield browsers
    browsers.close()


@pytest.fixture(scope="session")
def outbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mail catcher's folder with two caught mails."""
    folder = tmp_path_factory.mktemp("outbox")
    catch_sample_mail(folder)
    return folder


@pytest.fixture(scope="session")
def site(
    database_url: str,
    tables: Database,
    outbox: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The URL of the running web door."""
    folder = tmp_path_factory.mktemp("site")
    environment = environment_for(
        database_url, folder, smtp_url="smtp://127.0.0.1:1", mail_catcher=str(outbox)
    )
    with running_site(environment) as url:
        yield url


@pytest.fixture
def house(database: Database, database_url: str, tmp_path: Path) -> Iterator[House]:
    """The house behind the site: same database, same keys, a journal of its own."""
    parts = build(settings_for(database_url, tmp_path), process="test", clock=lambda: NOW)
    yield House(parts)
    parts.close()


NewPage = Callable[..., Page]


@pytest.fixture
def new_page(browsers: Browsers) -> Iterator[NewPage]:
    """Open a page in a browser of its own: `new_page(color_scheme="dark", viewport=…)`."""
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        context = browsers.one().new_context(**options)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        with suppress(Error):  # the browser may have been killed
            context.close()
