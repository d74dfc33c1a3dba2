"""What a letter says of its reader: the value, or a fallback, never a hole (C03)."""

from dataclasses import dataclass

import pytest

from mailer.development.screens import SampleLinks
from mailer.letters import Brand, Compiled, PromotionalContent, compile_promotional, person_fields
from mailer.letters.person import FALLBACKS, MERGE_FIELDS, clean, merged
from mailer.vocabulary import Topic


@dataclass(frozen=True)
class Someone:
    name: str | None = "Anna Becker"
    first_name: str | None = "Anna"
    city: str | None = "Kiel"
    country: str | None = "DE"
    language: str | None = "de-AT"
    timezone: str | None = "Europe/Berlin"


def test_a_profile_becomes_words_and_codes() -> None:
    assert person_fields(Someone()) == {
        "first_name": "Anna",
        "name": "Anna Becker",
        "city": "Kiel",
        "country": "Germany",
        "language": "German",
        "country_code": "DE",
        "language_code": "de",
        "timezone": "Europe/Berlin",
    }


@pytest.mark.parametrize("language", ["sr-Latn", "zh_Hant_TW", "x-klingon", "", "??", None])
def test_no_language_tag_is_too_strange(language: str | None) -> None:
    fields = person_fields(Someone(language=language))
    assert fields.get("language", "known").strip()


def test_what_a_profile_lacks_is_left_out() -> None:
    assert person_fields(Someone(None, None, "", None, None, None)) == {}


@pytest.mark.clause("C03")
@pytest.mark.parametrize("missing", ["", " ", "\u2028", None])
def test_a_missing_value_gets_its_fallback(missing: str | None) -> None:
    person = {} if missing is None else dict.fromkeys(FALLBACKS, missing)
    assert merged(person) == dict(FALLBACKS)


def test_a_name_that_advertises_is_no_name() -> None:
    for name in ("Win at http://evil.example", "www.evil.example", "WWW.evil.example\n", "x" * 101):
        assert clean(name) == ""


def test_controls_and_direction_overrides_are_taken_out_of_a_name() -> None:
    assert clean("Jo\r\n\u202eExample\ud800\x00") == "Jo Example"
    assert clean("نُورَةُ") == "نُورَةُ"


def written(brand: Brand, **fields: str) -> Compiled:
    content = PromotionalContent.sample().model_copy(update=fields)
    return compile_promotional(content, topic=Topic.COMPANY_NEWS, brand=brand)


@pytest.mark.clause("C03")
def test_no_hole_is_printed_in_subject_preheader_heading_or_body(brand: Brand) -> None:
    everything = " ".join(f"[{{{{ {name} }}}}]" for name in MERGE_FIELDS)
    fields = dict.fromkeys(("subject", "preheader", "heading", "body_markdown"), f"A {everything}")
    rendered = written(brand, **fields).render({}, SampleLinks(), tracking=True)
    for part in (rendered.subject, rendered.plain, rendered.page):
        assert "[there]" in part.replace("<bdi>", "").replace("</bdi>", "")
        assert "[]" not in part.replace("<bdi>", "").replace("</bdi>", "")


@pytest.mark.clause("C03")
def test_marketing_may_choose_another_fallback_and_ask_whether_a_value_is_there(
    brand: Brand,
) -> None:
    text = "Dear {{ first_name | default('friend') }}{% if city %} in {{ city }}{% endif %}!"
    compiled = written(brand, body_markdown=text)
    links = SampleLinks()
    assert "Dear friend!" in compiled.render({"city": " "}, links, tracking=False).plain
    person = {"first_name": "Anna", "city": "Kiel"}
    assert "Dear Anna in Kiel!" in compiled.render(person, links, tracking=False).plain
