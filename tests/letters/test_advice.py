"""What reads badly is told with its reason; what reads well is left alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailer.letters import (
    Brand,
    Compiled,
    Problem,
    PromotionalContent,
    advice_on,
    check_content,
    compile_promotional,
    read_without,
    rehearse,
)
from mailer.letters.templates import second_stage
from mailer.vocabulary import Topic

SENDER = "FocalPoint <news@focalpointsystem.com>"
BODY = "We opened a second workshop in Rotterdam, where printers are mended within a week. "
IMAGE = "https://www.focalpointsystem.com/till.png"


def letter(**changed: str) -> PromotionalContent:
    return PromotionalContent.sample().model_copy(update=changed)


def rehearsed(compiled: Compiled, brand: Brand, sender: str = SENDER) -> list[Problem]:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return rehearse(compiled, topic=Topic.COMPANY_NEWS, brand=brand, sender=sender, now=now)


def fields(**changed: str) -> list[str]:
    return [each.field for each in advice_on(letter(**changed))]


def test_the_sample_needs_no_advice() -> None:
    assert advice_on(PromotionalContent.sample()) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "A subject that goes on and on about everything that is new with us now"},
        {"subject": "BUY THE NEW TILL NOW"},
        {"heading": "Now!!"},
        {"preheader": "One! Two! Three!"},
        {"body_markdown": '{% if country_code == "DE" %}\nHallo\n{% endif %}'},
        {"body_markdown": "See below."},
        {"subject": "Re: Your till"},
        {"subject": "FWD : your till"},
        {"subject": "Your Risk-Free till"},
        {"button_label": "Click  here"},
        {"heading": "You have won a till"},
        {"preheader": "Save $$$ on tills"},
        {"preheader": "Safe, 100 % of the time"},
    ],
)
def test_what_reads_badly_is_told_of_its_field(changed: dict[str, str]) -> None:
    assert fields(**changed) == list(changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "Hello {{ first_name }}, POS Pro 9.1 is here!"},
        {"subject": '{{ first_name | default("Hello") }}, POS Pro 9.1 is here!'},
        {"subject": "{% if first_name %}{{ first_name }}, {% endif %}POS Pro 9.1 is here"},
        {"subject": "{{ 'Moin' if city == 'Kiel' else 'Hello' }}, POS Pro is here"},
        {"heading": '{{ "3" }} new tills'},
        {"subject": "FAQ"},
        {"subject": "Returns: how they work"},
        {"subject": "Tills that make moneyless shops work"},
        {"heading": "1100 % more tills at $5"},
        {"heading": "Über die neue Kasse"},
        {"body_markdown": BODY + "[Node.js](https://www.focalpointsystem.com/node)"},
        {"body_markdown": f'{BODY}\n\n![The new till]({IMAGE} "600x200")'},
    ],
)
def test_what_reads_well_is_left_alone(changed: dict[str, str]) -> None:
    assert fields(**changed) == []


def test_a_picture_without_a_size_and_an_address_as_words_are_told() -> None:
    body = f"{BODY}\n\n![The new till]({IMAGE})\n\n<https://www.focalpointsystem.com/till>"
    told = advice_on(letter(body_markdown=body))
    assert [each.text.split(";")[0].split(",")[0] for each in told] == [
        "The picture has no size",
        "Its words are an address",
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[d](https://www.example.com/a b)", "[d](https://www.example.com/a b)"),
        ("[our till] (https://www.example.com/till)", "[our till] (https://www.example.com/till)"),
        ("![till](https://www.example.com/a b.png)", "![till](https://www.example.com/a b.png)"),
        ("[the\ntill](https://www.example.com/a b)", "[the till](https://www.example.com/a b)"),
        ("[the till][1]", "[the till][1]"),
        ("[{{ city }}](https://www.example.com/a b)", "[{{ city }}](https://www.example.com/a b)"),
        ("It is <b>new</b>.", "<b>"),
        ('<a href="https://www.example.com">till</a>', '<a href="https://www.example.com">'),
        ("<!-- later -->", "<!--"),
    ],
)
def test_links_and_html_that_stay_signs_are_told(written: str, told: str) -> None:
    problems = advice_on(letter(body_markdown=f"{BODY}\n\n{written}"))
    assert [each.field for each in problems] == ["body_markdown"]
    assert problems[0].text.startswith(f"“{told}” is ")
    assert problems[0].text.endswith("it is printed as it stands.")


@pytest.mark.parametrize(
    "written",
    [
        "[the till](https://www.focalpointsystem.com/a%20b)",
        "Write `[words](address)` or `<b>`.",
        "    [indented](https://www.example.com/a b)",
        "Prices [net] (without VAT) are < 3 and > 1.",
        "[The till][1] is new.\n\n[1]: https://www.focalpointsystem.com/till",
        "Choose [x] or [ ].",
    ],
)
def test_links_code_and_brackets_are_left_alone(written: str) -> None:
    assert fields(body_markdown=f"{BODY}\n\n{written}") == []


@pytest.mark.parametrize(
    ("name", "source", "read"),
    [
        ("subject", "{{ first_name }}, your tills got faster", "there, your tills got faster"),
        ("heading", "  {{ city | lower }} has a new till", "your city has a new till"),
        ("preheader", "{{ name | default('you') }}, a new till", "you, a new till"),
    ],
)
def test_a_line_that_begins_with_a_field_is_told_as_it_reads_without_it(
    name: str, source: str, read: str
) -> None:
    (told,) = advice_on(letter(**{name: source}))
    assert told.field == name
    assert told.text.endswith(f"who has none there reads “{read}”.")


def test_a_picture_is_called_a_picture(brand: Brand) -> None:
    wordless = check_content(letter(body_markdown=f"{BODY}\n\n![]({IMAGE})"), brand=brand)
    assert [(each.field, each.text) for each in wordless] == [
        (
            "body_markdown, picture “”",
            f"The picture {IMAGE} has no words (alt text) for who does not see it.",
        )
    ]
    unsized = f"{BODY}\n\n![The new till]({IMAGE})"
    assert fields(body_markdown=unsized) == ["body_markdown, picture “The new till”"]
    page = IMAGE.removesuffix(".png")
    (linked,) = check_content(letter(body_markdown=f"{BODY}\n\n[]({page})"), brand=brand)
    assert (linked.field, linked.text) == (
        "body_markdown, link “”",
        f"The link to {page} has no words.",
    )


def test_a_size_in_the_title_becomes_the_pictures_width_and_height(brand: Brand) -> None:
    body = f'{BODY}\n\n![The new till]({IMAGE} "600x200")\n\n![Old]({IMAGE} "Our first till")'
    page = compile_promotional(
        letter(body_markdown=body), topic=Topic.COMPANY_NEWS, brand=brand
    ).html.render({})
    assert 'width="600"' in page
    assert 'height="200"' in page
    assert 'title="Our first till"' in page
    assert "600x200" not in page


@pytest.mark.parametrize(
    ("words", "is_fraud"),
    [
        ("https://bank.example.com/login", True),
        ("www.bank.example.com", True),
        ("bank.com", True),
        ("https://www.focalpointsystem.com", False),
        ("focalpointsystem.com/till", False),
        ("invoice.pdf", False),
        ("Read more", False),
    ],
)
def test_words_that_show_another_address_are_refused(
    words: str, is_fraud: bool, brand: Brand
) -> None:
    body = f"{BODY} [{words}](https://www.focalpointsystem.com/till)"
    told = check_content(letter(body_markdown=body), brand=brand)
    assert [each.text.startswith("Its words show another") for each in told] == [True] * is_fraud


def test_printed_fields_are_told_with_what_stands_for_them() -> None:
    content = letter(
        subject="{{ first_name }}, hello",
        heading="{{ name | default('friend') }}",
        body_markdown=(
            "{% if city %}In {{ city }}.{% endif %} {{ country if country else '' }}"
            ' {% if language_code == "de" %}Hallo{% endif %} {{ language | upper }}'
        ),
    )
    assert read_without(content) == {
        "first_name": "there",
        "name": "friend",
        "language": "your language",
    }


@pytest.mark.clause("C08")
def test_a_rehearsed_letter_has_its_way_out_in_headers_and_parts(brand: Brand) -> None:
    compiled = compile_promotional(
        PromotionalContent.sample(), topic=Topic.COMPANY_NEWS, brand=brand
    )
    assert rehearsed(compiled, brand) == []


@pytest.mark.clause("C08")
def test_a_template_that_lost_the_way_out_or_its_text_is_told_of(brand: Brand) -> None:
    whole = compile_promotional(PromotionalContent.sample(), topic=Topic.COMPANY_NEWS, brand=brand)
    bare = replace(whole, html=second_stage("<p>Hello</p>", html=True, strict=False))
    empty = replace(whole, text=second_stage("\n", html=False, strict=False))
    assert [each.field for each in rehearsed(bare, brand)] == ["page"]
    told = rehearsed(empty, brand)
    assert [(each.field, each.clause) for each in told] == [("text part", "C08"), ("text part", "")]


def test_a_sender_that_cannot_write_is_told_of(brand: Brand) -> None:
    whole = compile_promotional(PromotionalContent.sample(), topic=Topic.COMPANY_NEWS, brand=brand)
    assert [each.field for each in rehearsed(whole, brand, sender="nobody")] == ["message"]
