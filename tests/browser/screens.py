"""Draws the pages for docs/screens: `python -m tests.browser.screens [FOLDER] [NAME …]`.

Sample data only, at a fixed moment; needs Chromium, and takes its PostgreSQL from
TEST_DATABASE_URL or starts the embedded one.
"""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from sqlalchemy import text
from sqlmodel import SQLModel

import mailer.tables  # noqa: F401 - registers the tables of every room
from mailer.development.servers import embedded_postgres
from mailer.migrations import migrate
from mailer.wiring import build
from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.scenes import SCENES, catch_sample_mail
from tests.browser.site import running_site
from tests.web.house import NOW, House, environment_for, settings_for

FOLDER = Path("docs/screens")
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 640}
DARK = ("preferences", "stopped", "receipt", "unsubscribe")
SMALL = ("preferences", "stopped", "receipt", "unsubscribe", "bad-link")


def draw(folder: Path, names: Sequence[str]) -> None:
    """Draw the named scenes, or all, into a folder; says each file on the console."""
    console = Console()
    folder.mkdir(parents=True, exist_ok=True)
    with _site() as (url, house), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in names or SCENES:
            for file, options in _views(name):
                _draw_one(browser, url, house, name, folder / file, options)
                console.print(folder / file)
        browser.close()


def _views(name: str) -> Iterator[tuple[str, dict[str, object]]]:
    yield f"{name}.png", {"viewport": WIDE}
    if name in DARK:
        yield f"{name}-dark.png", {"viewport": WIDE, "color_scheme": "dark"}
    if name in SMALL:
        yield f"{name}-320.png", {"viewport": NARROW, "device_scale_factor": 2}


def _draw_one(
    browser: Browser, url: str, house: House, name: str, file: Path, options: dict[str, Any]
) -> None:
    context = browser.new_context(**options)
    page = context.new_page()
    SCENES[name](page, url, house)
    page.screenshot(path=file, full_page=True)
    context.close()
    names = ", ".join(f'"{table}"' for table in SQLModel.metadata.tables)
    with house.parts.database.transaction() as session:
        session.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))


@contextmanager
def _site() -> Iterator[tuple[str, House]]:
    with tempfile.TemporaryDirectory() as folder, _database_url(Path(folder)) as database_url:
        outbox = Path(folder) / "outbox"
        outbox.mkdir()
        catch_sample_mail(outbox)
        migrate(database_url)
        environment = environment_for(
            database_url, Path(folder), smtp_url="smtp://127.0.0.1:1", mail_catcher=str(outbox)
        )
        parts = build(
            settings_for(database_url, Path(folder)), process="screens", clock=lambda: NOW
        )
        with running_site(environment) as url:
            yield url, House(parts)
        parts.close()


@contextmanager
def _database_url(folder: Path) -> Iterator[str]:
    """Yield the URL of a database of our own, dropped in the end."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given is None:
        with embedded_postgres(folder / "postgres", throwaway=True) as url:
            yield url
        return
    name = f"screens_{secrets.token_hex(4)}"
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield given.rpartition("/")[0] + "/" + name
    finally:
        with psycopg.connect(given, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER, sys.argv[2:])
