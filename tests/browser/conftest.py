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
from tests.databases import count_from_one, empty_tables, made_tables, own_database
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
def site_tables(server_url: str) -> Iterator[Database]:
    """The site's own database: it would find any other that tests empty to be a restored one."""
    with own_database(server_url) as url, made_tables(url) as database:
        yield database


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the site keeps its journal."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture
def database(site_tables: Database, site_folder: Path) -> Iterator[Database]:
    """The site's database, empty; what its journal tells is over with the test as well."""
    count_from_one(site_tables)
    yield site_tables
    for journal in (site_folder / "journal").glob("*.jsonl"):
        journal.unlink()  # the site writes on, and reads no line of somebody who is gone
    empty_tables(site_tables)


@pytest.fixture(scope="session")
def site(site_tables: Database, site_folder: Path, outbox: Path) -> Iterator[str]:
    """The URL of the running web door."""
    environment = environment_for(
        site_tables.url, site_folder, smtp_url="smtp://127.0.0.1:1", mail_catcher=str(outbox)
    )
    with running_site(environment) as url:
        yield url


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    """The house behind the site: same database, same keys, a journal of its own."""
    parts = build(settings_for(database.url, tmp_path), process="test", clock=lambda: NOW)
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
