"""Checking what marketing wrote: links, structure, card numbers, the postal address."""

from dataclasses import replace

import pytest

from mailer.letters import (
    Brand,
    ContentInvalid,
    PromotionalContent,
    check_content,
    compile_promotional,
)
from mailer.letters.markdown import written
from mailer.vocabulary import Topic
from tests.letters.conftest import corpus

SITE = "https://www.focalpointsystem.com"


def fields(content: PromotionalContent, brand: Brand, **changes: str) -> set[str]:
    changed = content.model_copy(update=changes)
    found = check_content(changed, brand=brand)
    assert all(problem.text and problem.fix for problem in found)
    return {problem.field.partition(",")[0] for problem in found}


def body(content: PromotionalContent, brand: Brand, text: str) -> set[str]:
    return fields(content, brand, body_markdown=text)


def test_the_sample_is_fine(content: PromotionalContent, brand: Brand) -> None:
    assert check_content(content, brand=brand) == []


@pytest.mark.parametrize(
    "link",
    [
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,hi)",
        "[x](vbscript:x)",
        "[x](file:///etc/passwd)",
        "[x](//evil.example)",
        "[x](/releases)",
        "[x](https://evil.example)",
        "[x](https://focalpointsystem.com.evil.example)",
        "[x](https://notfocalpointsystem.com)",
        "[x](https://www.focalpointsystem.com@evil.example/)",
        "[x](https://evil.example\\@www.focalpointsystem.com)",
        "[x](https://www.focalpointsystem.com/{{ city }})",
        "[x]({{ city }})",
        "[x][1]\n\n[1]: https://evil.example",
        f'[x]({SITE} "{{{{ city }}}}")',
        f"[]({SITE})",
        "<https://evil.example>",
        "[x](mailto:jo@evil.example)",
        "[x](mailto:nobody)",
        f"![]({SITE}/a.png)",
        "![x](https://evil.example/a.png)",
        "![x](http://www.focalpointsystem.com/a.png)",
        f"![{{{{ city }}}}]({SITE}/a.png)",
    ],
)
def test_a_link_that_leads_astray_is_a_problem(
    link: str, content: PromotionalContent, brand: Brand
) -> None:
    assert body(content, brand, f"Look: {link}") == {"body_markdown"}


@pytest.mark.parametrize(
    "link",
    [
        f"[x]({SITE}/a?b=1&c=2#d)",
        "[x](http://shop.focalpointsystem.com/)",
        f"<{SITE}/a>",
        "[write](mailto:CustomerCare@FocalPointSystem.com?subject=Hello)",
        f"![A till]({SITE}/a.png)",
    ],
)
def test_a_link_to_a_page_of_ours_is_fine(
    link: str, content: PromotionalContent, brand: Brand
) -> None:
    assert body(content, brand, f"Look: {link}") == set()


def test_an_administrator_can_make_a_host_known(content: PromotionalContent, brand: Brand) -> None:
    partner = replace(brand, known_hosts=("Partner.example",))
    assert body(content, partner, "[x](https://www.partner.example/offer)") == set()


def test_no_redirecting_address_of_the_public_lists_passes(
    content: PromotionalContent, brand: Brand
) -> None:
    for line in (
        corpus("payloads/open-redirect/Open-Redirect-payloads.txt").read_text().splitlines()
    ):
        changes = {"button_label": "Go", "button_url": line}
        assert "button_url" in fields(content, brand, **changes), line


def test_markup_of_the_public_lists_comes_out_as_text(brand: Brand) -> None:
    lines = corpus("payloads/xss/xss_payloads_quick.txt").read_text("utf-8").splitlines()
    for line in lines:
        html = written(line.replace("{", "")).html
        assert "<script" not in html.lower()
        assert "<img src=" not in html.lower() or 'alt="' in html
        assert "<svg" not in html.lower()


@pytest.mark.parametrize(
    "text",
    [
        "a {% if city %}b\n\nc{% endif %}",
        "**a{% if city %}b** c{% endif %}",
        "{% if city %}\n- a\n- b {% endif %}",
        "{% for x in ['a'] %}\n\n> {{ x }} {% endfor %}",
        "a {% if city %}b{% else %}\n\nc{% endif %}",
    ],
)
def test_a_condition_that_crosses_paragraphs_is_a_problem(
    text: str, content: PromotionalContent, brand: Brand
) -> None:
    assert body(content, brand, text) == {"body_markdown"}


@pytest.mark.parametrize(
    "text",
    [
        "a {% if city %}b{% else %}c{% endif %} d",
        "{% if city %}\n# b\n\n- c\n{% else %}\nd\n{% endif %}",
        "{% for x in ['a', 'b'] %}\n- {{ x }}\n{% endfor %}",
        "- a\n  {% if city %}\n  b\n  {% endif %}\n- c",
        "> {% if city %}\n> b\n> {% endif %}",
    ],
)
def test_a_condition_round_whole_paragraphs_or_inside_one_is_fine(
    text: str, content: PromotionalContent, brand: Brand
) -> None:
    assert body(content, brand, text) == set()


@pytest.mark.clause("C01")
@pytest.mark.parametrize("field", ["subject", "preheader", "heading", "body_markdown"])
def test_a_card_number_is_a_problem_in_every_field(
    field: str, content: PromotionalContent, brand: Brand
) -> None:
    assert fields(content, brand, **{field: "Card 4242 4242 4242 4242"}) == {field}


@pytest.mark.parametrize("sign", ["\r\n", "\0", "\x85", "\u2028", "\x0e"])
@pytest.mark.parametrize("field", ["subject", "preheader", "heading"])
def test_a_control_character_is_a_problem(
    field: str, sign: str, content: PromotionalContent, brand: Brand
) -> None:
    assert fields(content, brand, **{field: f"Hello{sign}Bcc: x"}) == {field}


def test_control_characters_in_the_body_are_a_problem(
    content: PromotionalContent, brand: Brand
) -> None:
    for text in ("Hello \x0elink_0\x0f", "Hello \u202e", "Hello &#12;", "Hello &#x202e;"):
        assert body(content, brand, text) == {"body_markdown"}


@pytest.mark.parametrize("subject", ["", "  ", "{{ first_name }}"])
def test_a_subject_says_something_of_its_own(
    subject: str, content: PromotionalContent, brand: Brand
) -> None:
    assert fields(content, brand, subject=subject) == {"subject"}


@pytest.mark.parametrize("text", ["Hello ${name}", "*|FNAME|*", "<%= x %>", "[[ brand ]]", "#{x}"])
def test_the_marks_of_another_system_are_a_problem(
    text: str, content: PromotionalContent, brand: Brand
) -> None:
    assert body(content, brand, text) == {"body_markdown"}


def test_a_button_comes_whole(content: PromotionalContent, brand: Brand) -> None:
    assert fields(content, brand, button_url="") == {"button_url"}
    assert fields(content, brand, button_label=" ") == {"button_url"}
    assert fields(content, brand, button_url="", button_label="") == set()


@pytest.mark.clause("C27")
def test_without_a_postal_address_nothing_promotional_is_compiled(
    content: PromotionalContent, brand: Brand
) -> None:
    nowhere = replace(brand, postal_address=" ")
    assert fields(content, nowhere) == {"postal_address"}
    with pytest.raises(ContentInvalid, match="postal"):
        compile_promotional(content, topic=Topic.COMPANY_NEWS, brand=nowhere)


def test_a_letter_that_mailboxes_would_cut_off_is_refused(
    content: PromotionalContent, brand: Brand
) -> None:
    long = content.model_copy(update={"body_markdown": "- word\n" * 2600})
    with pytest.raises(ContentInvalid, match="kB"):
        compile_promotional(long, topic=Topic.COMPANY_NEWS, brand=brand)
