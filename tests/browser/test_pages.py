"""Every page: nothing that axe finds, no sideways scroll, no foreign byte, little weight."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response

from tests.browser.scenes import SCENES
from tests.web.house import House

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
SIZES = {1280: 900, 320: 640}
PAGES = (
    "preferences",
    "unsubscribe",
    "receipt",
    "bad-link",
    "privacy",
    "front",
    "outbox",
    "outbox-mail",
)
EXPECTED = ("status of 4", "/o/pixel.gif")
"""What the console says where all is well: an error page's status, and a pixel that was kept out."""
NewPage = Callable[..., Page]


def violations(page: Page) -> list[str]:
    """What axe finds, in words."""
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{each['id']}: {', '.join(str(node['target']) for node in each['nodes'])}"
        for each in found
    ]


@pytest.mark.parametrize("name", SCENES)
def test_axe_finds_nothing_in_light_and_dark_wide_and_narrow(
    new_page: NewPage, site: str, house: House, name: str
) -> None:
    page = new_page()
    SCENES[name](page, site, house)
    for width, height in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in ("light", "dark"):
            # Without motion, or contrast is measured halfway from one scheme's colour to the other.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert (scheme, width, violations(page)) == (scheme, width, [])


@pytest.mark.parametrize("name", ["preferences", "stopped", "receipt", "preferences-error"])
def test_pages_mirror_for_right_to_left(
    new_page: NewPage, site: str, house: House, name: str
) -> None:
    page = new_page(viewport={"width": 320, "height": 640})
    SCENES[name](page, site, house)
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_our_own_bytes_only_and_few_of_them(
    new_page: NewPage, site: str, house: House, name: str
) -> None:
    page = new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    SCENES[name](page, site, house)
    seen: list[Response] = []
    fresh = new_page()
    fresh.on("response", lambda response: seen.append(response))  # noqa: PLW0108 - Playwright marks it
    fresh.goto(page.url, wait_until="networkidle")
    assert {each.url.startswith(f"{site}/") for each in seen} == {True}
    if not name.startswith("outbox"):
        assert len(seen) <= 4
        assert sum(len(each.body()) for each in seen) <= 40_000
    assert [each for each in complaints if not any(well in each for well in EXPECTED)] == []


@pytest.mark.parametrize("width", [320, 360])
def test_the_outbox_is_a_list_of_labelled_rows_on_a_telephone(
    new_page: NewPage, site: str, house: House, width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 740})
    SCENES["outbox"](page, site, house)
    table = page.get_by_role("region", name="Caught mail")
    assert table.evaluate("each => each.scrollWidth <= each.clientWidth")
    assert page.get_by_role("cell").count() == 6
    labels = page.get_by_role("cell").evaluate_all(
        "all => all.map(each => getComputedStyle(each, '::before').content + each.dataset.label)"
    )
    assert {each.rpartition('"')[2] for each in labels} == {"To", "From", "Caught"}
    assert all("none" not in each for each in labels)


@pytest.mark.parametrize("name", ["front", "bad-link", "preferences"])
@pytest.mark.parametrize("width", [320, 360])
def test_our_number_and_address_do_not_break_inside(
    new_page: NewPage, site: str, house: House, name: str, width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 740})
    SCENES[name](page, site, house)
    for phone in page.locator('a[href^="tel:"]').all():
        assert phone.evaluate("each => each.querySelector('bdi').getClientRects().length") == 1
    for address in page.locator('a[href^="mailto:"]').all():
        parts = address.evaluate(
            "each => [...each.childNodes].filter(part => part.nodeType === 3).map(part => {"
            " const range = document.createRange(); range.selectNode(part);"
            " return range.getClientRects().length; })"
        )
        assert parts == [1, 1]


def test_the_exit_has_the_same_colour_wherever_it_is_offered(
    new_page: NewPage, site: str, house: House
) -> None:
    page = new_page()
    colours = set()
    for name in ("preferences", "unsubscribe"):
        SCENES[name](page, site, house)
        exit_ = page.get_by_role("button", name="Stop all promotional mail")
        colours.add(exit_.evaluate("each => getComputedStyle(each).backgroundColor"))
    assert len(colours) == 1


@pytest.mark.parametrize("name", ["preferences", "unsubscribe", "stopped"])
def test_text_may_be_spaced_out_without_loss(
    new_page: NewPage, site: str, house: House, name: str
) -> None:
    page = new_page(viewport={"width": 320, "height": 640})
    SCENES[name](page, site, house)
    page.evaluate(
        "for (const each of document.querySelectorAll('*')) {"
        " each.style.lineHeight = '1.5'; each.style.letterSpacing = '.12em';"
        " each.style.wordSpacing = '.16em'; }"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    clipped = page.evaluate(
        "[...document.querySelectorAll('button, a, label, p')]"
        ".filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 1"
        " && getComputedStyle(each).display !== 'inline').map(each => each.textContent)"
    )
    assert clipped == []


@pytest.mark.parametrize("name", ["preferences", "unsubscribe", "stopped", "receipt"])
def test_what_is_pressed_is_44_pixels_high(
    new_page: NewPage, site: str, house: House, name: str
) -> None:
    page = new_page(viewport={"width": 320, "height": 640})
    SCENES[name](page, site, house)
    heights = page.evaluate(
        "[...document.querySelectorAll('button, a, label.choice, select, input[type=date]')]"
        ".map(each => [each.textContent.trim(), each.getBoundingClientRect().height])"
    )
    assert [text for text, height in heights if height < 43.5] == []
