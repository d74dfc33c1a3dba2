"""What a digest tells of a letter that was held back, and the letters of its sets."""

import pytest

from mailer.letters import (
    KNOWN,
    Brand,
    DigestContent,
    HeldBack,
    PromotionalContent,
    RehearsalLinks,
    compile_promotional,
)
from mailer.letters.markdown import LONGEST_OPENING, opening
from mailer.vocabulary import Topic

SITE = "https://www.focalpointsystem.com"
LINKS = RehearsalLinks("https://mail.example.com")


def letter(body: str, **more: str) -> PromotionalContent:
    return PromotionalContent(
        subject="Stock counts in {{ city }}", heading="Counts", body_markdown=body, **more
    )


def held_back(body: str, number: int = 1, **more: str) -> HeldBack:
    return HeldBack.of(letter(body, **more), mailing=number, topic=Topic.SOFTWARE_UPDATES)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Dear {{ first_name }},\n\nmuch is new.", "Dear {{ first_name }},"),
        ("# Counts\n\n- one\n- two\n\n**Much** is\nnew.", "Much is new."),
        ('![A till](https://www.focalpointsystem.com/a.png "6x6")\n\nMuch.', "Much."),
        ('{% if country_code == "DE" %}\nGuten Tag!\n{% endif %}\n\nMuch.', "Much."),
        ("Much is {% if city %}new in {{ city }}{% else %}new{% endif %}.", None),
        ("See [the notes](https://www.focalpointsystem.com/n), please.", "See the notes, please."),
        ("- only\n- a list", ""),
    ],
)
def test_the_opening_is_the_first_paragraph_that_everybody_reads(
    body: str, said: str | None
) -> None:
    assert opening(body) == (body if said is None else said)


def test_a_long_opening_is_cut_after_a_sentence_or_a_word_and_never_inside_a_condition() -> None:
    sentence = "It counts the stock of every shelf in an hour and asks about what is missing. "
    short = opening(sentence * 9)
    assert short.endswith("missing.")
    assert LONGEST_OPENING / 2 < len(short) <= LONGEST_OPENING
    assert opening("word " * 99).endswith("word…")
    condition = "{% if city %}" + sentence * 9 + "{% endif %}"
    assert opening(condition).endswith("{% endif %}")
    marks = opening("{{ first_name }} and " * 40)
    assert marks.endswith("…")
    assert marks.replace("{{ first_name }}", "").replace("and", "").strip(" …") == ""


def test_its_main_link_is_that_of_the_button_else_the_first_one_of_the_text() -> None:
    text = f"Mail [us](mailto:care@focalpointsystem.com), or read [on]({SITE}/on)."
    assert (held_back(text).url, held_back(text).label) == (f"{SITE}/on", "Read more")
    pressed = held_back(text, button_label="Look", button_url=f"{SITE}/look")
    assert (pressed.url, pressed.label) == (f"{SITE}/look", "Look")
    assert held_back("Nothing to see.").url == ""


def test_a_set_is_told_of_alone_and_its_links_keep_their_numbers(brand: Brand) -> None:
    items = tuple(held_back(f"Text {n} [on]({SITE}/{n}).", n) for n in range(3))
    whole = DigestContent(
        subject="All in one", heading="All", body_markdown="Hello.", held_back=items
    )
    targets = compile_promotional(whole, topic=Topic.COMPANY_NEWS, brand=brand).targets
    assert targets == tuple(f"{SITE}/{n}" for n in range(3))
    compiled = compile_promotional(
        whole.only(0b101), topic=Topic.COMPANY_NEWS, brand=brand, known=targets
    )
    assert compiled.targets == targets
    told = compiled.render(KNOWN, LINKS, tracking=True)
    for part in (told.plain, told.page):
        assert ("Text 0" in part, "Text 1" in part, "Text 2" in part) == (True, False, True)
        assert f"{LINKS.clicks}2" in part
        assert f"{LINKS.clicks}1" not in part


@pytest.mark.clause("C03")
def test_the_words_of_what_was_held_back_are_filled_and_escaped_for_each_reader(
    brand: Brand,
) -> None:
    content = DigestContent(
        subject="All in one",
        heading="All",
        body_markdown="Hello.",
        held_back=(held_back("Five < six & {{ first_name }} knows it."),),
    )
    compiled = compile_promotional(content, topic=Topic.COMPANY_NEWS, brand=brand)
    told = compiled.render({**KNOWN, "first_name": "<Jo>"}, LINKS, tracking=True)
    assert "Stock counts in Trenton" in told.plain
    assert "Five < six & <Jo> knows it." in told.plain
    assert "Five &lt; six &amp; <bdi>&lt;Jo&gt;</bdi> knows it." in told.page
    nobody = compiled.render({}, LINKS, tracking=True)
    assert "{{" not in nobody.plain


@pytest.mark.clause("C08")
def test_it_names_every_topic_that_it_is_about(brand: Brand) -> None:
    alone = DigestContent(subject="All in one", heading="All", body_markdown="Hello.")
    more = alone.model_copy(update={"held_back": (held_back("Much is new."),)})
    assert more.topics(Topic.COMPANY_NEWS) == (Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES)
    assert more.topics(Topic.SOFTWARE_UPDATES) == (Topic.SOFTWARE_UPDATES,)
    for content, said in (
        (alone, "because “Company news” is switched on"),
        (more, "because “Company news” and “Software updates” are switched on"),
    ):
        compiled = compile_promotional(content, topic=Topic.COMPANY_NEWS, brand=brand)
        told = compiled.render(KNOWN, LINKS, tracking=True)
        assert said in told.plain
        assert said in told.page
