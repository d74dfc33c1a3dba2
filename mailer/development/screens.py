"""Pictures of every letter's sample, taken with Chromium: `mail_screens(folder)` remakes them all."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from mailer.letters import (
    CATALOGUE,
    KNOWN,
    Brand,
    Compiled,
    Letter,
    PromotionalContent,
    compile_order_letter,
    compile_promotional,
)
from mailer.vocabulary import Topic

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
SAMPLE_BRAND = Brand(
    company="FocalPoint",
    postal_address="10 Corporate Place South, Suite 101, Piscataway, NJ 08854",
    care_email="CustomerCare@FocalPointSystem.com",
    care_phone="(800) 363-5519",
    public_url="https://mail.focalpointsystem.com",
    shop_url="https://shop.focalpointsystem.com",
)
FULLY_SHOWN = ("order_shipped", "payment_failed", "promotional")
"""Letters that are also shown dark and narrow; the others share their parts."""


class SampleLinks:
    """Links that lead nowhere, for samples."""

    clicks = "https://mail.focalpointsystem.com/c/sample/"
    open = "https://mail.focalpointsystem.com/o/sample.gif"
    unsubscribe = "https://mail.focalpointsystem.com/u/sample"
    preferences = "https://mail.focalpointsystem.com/p/sample"
    why = "https://mail.focalpointsystem.com/why/sample"

    def click(self, n: int, /) -> str:
        """Give the link to target `n`."""
        return f"{self.clicks}{n}"


@dataclass(frozen=True, slots=True)
class Screen:
    """One picture: of which letter, how wide in CSS pixels, in which scheme."""

    letter: str
    width: int = 720
    scheme: Literal["light", "dark"] = "light"

    @property
    def file_name(self) -> str:
        """What the picture is called."""
        size = f"-{self.width}" if self.width < 600 else ""
        return f"mail-{self.letter.replace('_', '-')}{size}-{self.scheme}.png"


def compiled_sample(letter: type[Letter], brand: Brand = SAMPLE_BRAND) -> Compiled:
    """Compile a letter's own sample; a name that a template uses and nobody gives is an error."""
    sample = letter.sample()
    if isinstance(sample, PromotionalContent):
        return compile_promotional(sample, topic=Topic.SOFTWARE_UPDATES, brand=brand, strict=True)
    return compile_order_letter(sample, brand, strict=True)


def sample_page(letter: type[Letter]) -> str:
    """Give the HTML of a letter's sample, without a pixel: pictures fetch nothing."""
    return compiled_sample(letter).render(KNOWN, SampleLinks(), tracking=False).page


def mail_screens(folder: Path) -> list[Path]:
    """Take every picture into `folder` and give their paths. Needs Playwright and Chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - needed for pictures only

    folder.mkdir(parents=True, exist_ok=True)
    executable = str(CHROMIUM) if CHROMIUM.exists() else None
    with sync_playwright() as playwright, TemporaryDirectory() as pages:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        taken = [_taken(browser, screen, Path(pages), folder) for screen in screens()]
        browser.close()
    return taken


def screens() -> Iterator[Screen]:
    """Name every picture: each letter in light, three of them dark and narrow as well."""
    for letter in CATALOGUE:
        yield Screen(letter)
    for letter in FULLY_SHOWN:
        yield Screen(letter, scheme="dark")
        yield Screen(letter, width=360)


def _taken(browser: "Browser", screen: Screen, pages: Path, folder: Path) -> Path:
    page_file = pages / f"{screen.letter}.html"
    page_file.write_text(sample_page(CATALOGUE[screen.letter]), "utf-8")
    page = browser.new_page(
        viewport={"width": screen.width, "height": 640}, color_scheme=screen.scheme
    )
    page.goto(page_file.as_uri())
    path = folder / screen.file_name
    page.screenshot(path=path, full_page=True)
    page.close()
    return path
