"""The pages as they are looked at: by axe, by rulers, and by eye."""

from collections.abc import Callable, Mapping
from email.message import EmailMessage
from pathlib import Path

from playwright.sync_api import Locator, Page

from mailer.vocabulary import Topic
from tests.web.house import Customer, House

Scene = Callable[[Page, str, House], None]
"""Brings a page to where it is to be looked at: the page, the site's URL, the house."""

ON = (Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES, Topic.SERVICE_AND_EVENTS)


def follow(way: Locator) -> None:
    """Press a button or a link, and return when the page that it leads to is there."""
    # A click alone returns on the way: what is looked at next may be no document yet.
    with way.page.expect_navigation():
        way.click()


def _jo(house: House) -> Customer:
    return house.customer(*ON)


def unsubscribe(page: Page, site: str, house: House) -> None:
    """The question."""
    page.goto(f"{site}/u/{_jo(house).unsubscribe}")


def stopped(page: Page, site: str, house: House) -> None:
    """The acknowledgement."""
    unsubscribe(page, site, house)
    follow(page.get_by_role("button", name="Stop all promotional mail"))


def topic_stopped(page: Page, site: str, house: House) -> None:
    """The acknowledgement for one topic."""
    unsubscribe(page, site, house)
    follow(page.get_by_role("button", name="Stop only"))


def preferences(page: Page, site: str, house: House) -> None:
    """The preference centre."""
    page.goto(f"{site}/p/{_jo(house).preferences}")


def preferences_wrong(page: Page, site: str, house: House) -> None:
    """The preference centre with a day that cannot be meant."""
    preferences(page, site, house)
    page.get_by_label("Pause until").fill("2020-01-01")
    follow(page.get_by_role("button", name="Save preferences"))


def preferences_stopped(page: Page, site: str, house: House) -> None:
    """The preference centre after everything was stopped."""
    preferences(page, site, house)
    follow(page.get_by_role("button", name="Stop all promotional mail"))
    follow(page.get_by_role("link", name="Back to my preferences"))


def preferences_asked_again(page: Page, site: str, house: House) -> None:
    """A stale tab that wants on what another one switched off."""
    preferences(page, site, house)
    other = page.context.new_page()
    other.goto(page.url)
    _choose(other, "Company news", "Off")
    follow(other.get_by_role("button", name="Save preferences"))
    other.close()
    follow(page.get_by_role("button", name="Save preferences"))


def receipt(page: Page, site: str, house: House) -> None:
    """The receipt of a save that changed several things."""
    preferences(page, site, house)
    _choose(page, "Company news", "Off")
    _choose(page, "Product information", "On")
    page.get_by_label("Send me").select_option("weekly")
    page.get_by_label("Pause until").fill("2027-03-14")
    follow(page.get_by_role("button", name="Save preferences"))


def bad_link(page: Page, site: str, _: House) -> None:
    """A link that was cut in two."""
    page.goto(f"{site}/u/AQEB.Y1Ismk8VCMjBYP")


def privacy(page: Page, site: str, _: House) -> None:
    """The policy."""
    page.goto(f"{site}/privacy")


def front(page: Page, site: str, _: House) -> None:
    """The front page."""
    page.goto(f"{site}/")


def outbox(page: Page, site: str, _: House) -> None:
    """What was caught."""
    page.goto(f"{site}/outbox")


def outbox_mail(page: Page, site: str, house: House) -> None:
    """One caught mail."""
    outbox(page, site, house)
    follow(page.get_by_role("link", name="The autumn release is here"))


SCENES: Mapping[str, Scene] = {
    "preferences": preferences,
    "preferences-stopped": preferences_stopped,
    "preferences-asked-again": preferences_asked_again,
    "preferences-error": preferences_wrong,
    "receipt": receipt,
    "unsubscribe": unsubscribe,
    "stopped": stopped,
    "topic-stopped": topic_stopped,
    "bad-link": bad_link,
    "privacy": privacy,
    "front": front,
    "outbox": outbox,
    "outbox-mail": outbox_mail,
}


def _choose(page: Page, topic: str, answer: str) -> None:
    group = page.get_by_role("group", name=topic, exact=True)
    group.get_by_label(answer, exact=True).check()


def catch_sample_mail(folder: Path) -> None:
    """Write two mails as the catcher does, one of them with HTML and links."""
    _catch(folder, 1, "Your order 10482 has shipped", "Your order 10482 is on its way.", "")
    _catch(folder, 2, "The autumn release is here", "See what is new.", HTML)


HTML = (
    '<!doctype html><html lang="en"><head><title>News</title>'
    "<style>body{font-family:sans-serif;margin:24px;color:#14202B}a{color:#0B5A7A}</style></head>"
    "<body><h1>The autumn release is here</h1><p>Hello Jo, see what is new.</p>"
    '<p><a href="https://shop.focalpointsystem.com/autumn">Read about it</a></p>'
    '<p><a href="https://shop.focalpointsystem.com/stop">Stop all promotional mail</a></p>'
    '<img src="/o/pixel.gif" alt=""></body></html>'
)


def _catch(folder: Path, number: int, subject: str, text: str, html: str) -> None:
    message = EmailMessage()
    message["Delivered-To"] = "jo@example.com"
    message["Return-Path"] = "<news@focalpointsystem.com>"
    message["From"] = "FocalPoint <news@focalpointsystem.com>"
    message["To"] = "Jo Example <jo@example.com>"
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    name = f"20261122T1541{number:02}.000000Z-{number:06}.eml"
    (folder / name).write_bytes(message.as_bytes())
