"""Compiling: two stages that cannot reach into each other, links in order, tracking on and off."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mailer.development.screens import SampleLinks
from mailer.letters import (
    CATALOGUE,
    KNOWN,
    Brand,
    BrandInvalid,
    Compiled,
    PromotionalContent,
    compile_order_letter,
    compile_promotional,
)
from mailer.letters.order_letters import OrderShipped
from mailer.letters.slots import MarksBroken, Stash, cut, guard
from mailer.vocabulary import Topic
from tests.letters.conftest import naughty_strings

SITE = "https://www.focalpointsystem.com"


def promotional_with(brand: Brand, **fields: str) -> Compiled:
    content = PromotionalContent.sample().model_copy(update=fields)
    return compile_promotional(content, topic=Topic.COMPANY_NEWS, brand=brand, strict=True)


class Reader(HTMLParser):
    """Collects where links lead, and checks that every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self.links.append(values["href"] or "")
        if tag == "img":
            self.pictures.append(values["src"] or "")
            assert "alt" in values
        if tag not in ("img", "br", "meta", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_links_are_numbered_in_order_and_each_address_once(brand: Brand) -> None:
    body = f"[a]({SITE}/1) [b]({SITE}/2?x=1&y=2) [c]({SITE}/1)"
    compiled = promotional_with(brand, body_markdown=body, button_url=f"{SITE}/3")
    assert compiled.targets == (f"{SITE}/1", f"{SITE}/2?x=1&y=2", f"{SITE}/3")
    links = SampleLinks()
    rendered = compiled.render({}, links, tracking=True)
    clicks = [link for link in Reader(rendered.page).links if "/c/" in link]
    assert clicks == [links.click(n) for n in (0, 1, 0, 2)]
    assert all(links.click(n) in rendered.plain for n in range(3))


@pytest.mark.clause("C17")
def test_without_tracking_links_are_plain_and_there_is_no_pixel(brand: Brand) -> None:
    compiled = promotional_with(brand, body_markdown=f"[a]({SITE}/1?x=1&y=2)")
    rendered = compiled.render({}, SampleLinks(), tracking=False)
    reader = Reader(rendered.page)
    assert reader.links[1] == f"{SITE}/1?x=1&y=2"
    assert reader.pictures == []
    assert f"{SITE}/1?x=1&y=2" in rendered.plain
    assert "/c/" not in rendered.page + rendered.plain
    assert "/o/" not in rendered.page


@pytest.mark.parametrize("name", CATALOGUE)
def test_with_tracking_there_is_one_pixel_and_every_tag_is_closed(name: str, brand: Brand) -> None:
    sample = CATALOGUE[name].sample()
    compiled = (
        compile_promotional(sample, topic=Topic.COMPANY_NEWS, brand=brand)
        if isinstance(sample, PromotionalContent)
        else compile_order_letter(sample, brand)
    )
    page = compiled.render(KNOWN, SampleLinks(), tracking=True).page
    reader = Reader(page)
    assert reader.pictures == [SampleLinks.open]
    assert reader.open == []
    assert not re.search(r"[\x00-\x08\x0b-\x1f]|\{[{%#]", page)


@pytest.mark.parametrize("quarter", range(4))
def test_naughty_strings_are_written_by_marketing_without_harm(quarter: int, brand: Brand) -> None:
    unfit = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069{}\[\]<>|@$%]|&#")
    texts = [unfit.sub("", text) for text in naughty_strings()[quarter::4]]
    compiled = promotional_with(brand, body_markdown="\n\n".join(texts))
    links = SampleLinks()
    rendered = compiled.render({}, links, tracking=True)
    reference = compiled.reference({}, links, tracking=True)
    assert rendered.page == reference.html
    assert rendered.plain == reference.text
    assert Reader(rendered.page).links.count(links.click(0)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "&#123;&#123; brand &#125;&#125;",
        "&lbrace;&lbrace; brand }}",
        "&#123;% if x %}",
        "{&#123; brand }}",
        "&#123;{{ first_name }}",
        "`{` {{ first_name }}",
        "{",
        "a { b } c",
    ],
)
def test_braces_that_come_out_of_a_tool_open_nothing(text: str, brand: Brand) -> None:
    compiled = promotional_with(brand, body_markdown=text, heading="Hi &#123;&#123; brand }}")
    rendered = compiled.render({"first_name": "Jo"}, SampleLinks(), tracking=False)
    assert "{" in rendered.plain
    assert "Undefined" not in rendered.page


def test_square_brackets_written_by_a_person_open_nothing(brand: Brand) -> None:
    person = {"first_name": "[[ brand ]]", "city": "{{ name }}"}
    compiled = promotional_with(brand, body_markdown="To {{ first_name }} of {{ city }}")
    plain = compiled.render(person, SampleLinks(), tracking=False).plain
    assert "To [[ brand ]] of {{ name }}" in plain


def test_a_brand_cannot_carry_marks(brand: Brand) -> None:
    with pytest.raises(BrandInvalid, match="company"):
        replace(brand, company="{{ x }}")
    with pytest.raises(BrandInvalid, match="care_phone"):
        replace(brand, care_phone="1\n2")
    with pytest.raises(BrandInvalid, match="shop_url"):
        replace(brand, shop_url="javascript:x")


def test_an_order_letter_leads_to_its_own_order_and_parcel(brand: Brand) -> None:
    compiled = compile_order_letter(OrderShipped.sample(), brand)
    assert compiled.targets == (
        "https://www.ups.com/track?tracknum=1Z999AA10123456784&loc=en_US",
        "https://shop.focalpointsystem.com/account/orders/10482",
    )


def test_a_parcel_without_a_link_keeps_the_numbers_of_the_other_links(brand: Brand) -> None:
    shipped = OrderShipped.sample().model_copy(update={"tracking": None})
    compiled = compile_order_letter(shipped, brand)
    assert compiled.targets == (
        "https://shop.focalpointsystem.com/account",
        "https://shop.focalpointsystem.com/account/orders/10482",
    )
    links = SampleLinks()
    page = compiled.render({}, links, tracking=True).page
    assert links.click(1) in page
    assert links.click(0) not in page


def test_an_order_number_with_a_slash_stays_one_part_of_the_address(brand: Brand) -> None:
    shipped = OrderShipped.sample().model_copy(update={"order_number": "A/1"})
    assert compile_order_letter(shipped, brand).targets[1].endswith("/orders/A/1")


def test_the_version_follows_the_content_and_nothing_else(brand: Brand) -> None:
    first = promotional_with(brand, subject="One")
    assert first.version == promotional_with(brand, subject="One").version
    assert first.version != promotional_with(brand, subject="Two").version


def test_a_word_that_a_text_holds_already_is_not_taken_for_a_mark() -> None:
    text = "qz0x0z <!--qz0x0z--> {{ name }}"
    stash = Stash(text)
    assert stash.back(stash.away(text)) == text


def test_a_lost_mark_is_noticed() -> None:
    stash = Stash("")
    words = stash.away("{{ a }}{% if b %}{% endif %}", comments=True)
    assert stash.all_there(words)
    assert not stash.all_there(words[:-10])
    assert not stash.all_there(words + words)


def test_raw_blocks_cannot_hide_marks() -> None:
    with pytest.raises(MarksBroken):
        cut("{% raw %}{{ x }}{% endraw %}")


def test_guarded_text_is_printed_as_it_stands() -> None:
    assert guard("a{b") == "a{b"
    assert guard("{{{%") == "{{ '{' }}{{ '{' }}{{ '{' }}%"
    assert guard("end {") == "end {{ '{' }}"


def test_who_saves_checks_and_starts_a_letter_gets_it_compiled_once(brand: Brand) -> None:
    """Equal content is enough: each of them reads it anew."""
    first, again = PromotionalContent.sample(), PromotionalContent.sample()
    compiled = compile_promotional(first, topic=Topic.COMPANY_NEWS, brand=brand)
    assert compile_promotional(again, topic=Topic.COMPANY_NEWS, brand=brand) is compiled
    for other in (
        compile_promotional(again, topic=Topic.SOFTWARE_UPDATES, brand=brand),
        compile_promotional(
            again, topic=Topic.COMPANY_NEWS, brand=replace(brand, care_phone="+1 732 555 0100")
        ),
        compile_promotional(again, topic=Topic.COMPANY_NEWS, brand=brand, known=["https://x.com"]),
    ):
        assert other is not compiled
