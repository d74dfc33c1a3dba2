"""The ways that people go: with a keyboard alone, without scripts, without cookies."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright

from mailer.vocabulary import Topic
from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.scenes import follow
from tests.web.house import NOW, House

pytestmark = [pytest.mark.browser, pytest.mark.clause("C14")]

NEWS, SOFTWARE = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES
NewPage = Callable[..., Page]


@pytest.fixture(params=["all on", "scripts off", "scripts and cookies off"])
def page(playwright: Playwright, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Page]:
    """A browser of its own, with scripts and cookies allowed or not."""
    context = _context(playwright, tmp_path / "profile", request.param)
    yield context.new_page()
    context.close()


def _context(playwright: Playwright, profile: Path, what: str) -> BrowserContext:
    if "cookies off" in what:
        preferences = {"profile": {"default_content_setting_values": {"cookies": 2}}}
        (profile / "Default").mkdir(parents=True)
        (profile / "Default" / "Preferences").write_text(json.dumps(preferences))
    return playwright.chromium.launch_persistent_context(
        str(profile),
        executable_path=CHROMIUM,
        args=FLAGS,
        java_script_enabled=what == "all on",
    )


@pytest.mark.clause("C08")
def test_unsubscribing_takes_one_press(page: Page, site: str, house: House) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    page.goto(f"{site}/u/{jo.unsubscribe}")
    follow(page.get_by_role("button", name="Stop all promotional mail"))
    assert page.get_by_role("heading", level=1).inner_text() == "Promotional mail is stopped"
    assert "in force now" in page.get_by_role("status").inner_text()
    assert house.standing(jo).stopped_since == NOW
    assert page.context.cookies() == []


@pytest.mark.clause("C07")
def test_preferences_are_saved_and_shown_on_a_receipt(page: Page, site: str, house: House) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    page.goto(f"{site}/p/{jo.preferences}")
    page.get_by_role("group", name="Company news").get_by_label("Off").check()
    page.get_by_label("Send me").select_option("monthly")
    follow(page.get_by_role("button", name="Save preferences"))
    assert page.get_by_role("heading", level=1).inner_text() == "Your preferences are saved"
    assert "Company news off." in page.get_by_role("main").inner_text()
    assert house.standing(jo).topics_on == {SOFTWARE}
    page.reload()
    assert "Company news off." in page.get_by_role("main").inner_text()
    follow(page.get_by_role("link", name="Back to my preferences"))
    assert page.get_by_role("group", name="Company news").get_by_label("Off").is_checked()
    assert page.context.cookies() == []


@pytest.mark.clause("C08")
def test_the_keyboard_alone_unsubscribes_within_three_tabs(
    new_page: NewPage, site: str, house: House
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    page = new_page()
    page.goto(f"{site}/u/{jo.unsubscribe}")
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Stop all promotional mail":
            break
    ring = page.evaluate(
        "(() => { const style = getComputedStyle(document.activeElement);"
        " return [style.outlineStyle, style.outlineWidth]; })()"
    )
    assert ring == ["solid", "3px"]
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('is stopped')")
    assert house.standing(jo).stopped_since == NOW


def test_the_keyboard_alone_changes_a_topic_and_saves(
    new_page: NewPage, site: str, house: House
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    page = new_page()
    page.goto(f"{site}/p/{jo.preferences}")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == f"topic.{NEWS}"
    page.keyboard.press("ArrowRight")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "save":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('are saved')")
    assert house.standing(jo).topics_on == {SOFTWARE}


def test_a_caught_mail_is_framed_without_a_script_or_a_pixel(
    new_page: NewPage, site: str, house: House
) -> None:
    page = new_page()
    answered: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    page.goto(f"{site}/outbox")
    follow(page.get_by_role("link", name="The autumn release is here"))
    frame = page.frame_locator("iframe")
    assert frame.get_by_role("heading").inner_text() == "The autumn release is here"
    assert not any("/o/" in url for url in answered)
    with page.context.expect_page() as opened:
        frame.get_by_role("link", name="Read about it").click(no_wait_after=True)
    assert opened.value != page
