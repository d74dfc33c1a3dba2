"""A real Chromium on the real web door. Missing Chromium is named, and fails under CI=true."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from mailer.database import Database
from mailer.wiring import build
from tests.browser.chromium import CHROMIUM, FLAGS, MISSING
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


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium for the whole run."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


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
def new_page(chromium: Browser) -> Iterator[NewPage]:
    """Open a page in a browser of its own: `new_page(color_scheme="dark", viewport=…)`."""
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        context = chromium.new_context(**options)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
