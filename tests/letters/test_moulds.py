"""A letter cast for a kind of reader is the letter rendered for the reader, word for word."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.development.screens import SampleLinks
from mailer.letters import Brand, Compiled, PromotionalContent, compile_promotional
from mailer.letters.moulds import KINDS_KEPT
from mailer.letters.person import FALLBACKS
from mailer.letters.uses import Use, uses_of
from mailer.vocabulary import Topic

BODIES = [
    "{{ name }} of {{ city }}, {{ country }}.",
    "Dear {{ first_name|default('friend') }}, {% if city %}of {{ city }}{% endif %}.",
    "{{ country if not first_name and city else 'you' }} {{ name }}",
    "{% if country_code in ['DE', 'AT'] %}Hallo {{ name }}{% elif language_code == 'fr' %}"
    "Bonjour{% else %}Hello {{ first_name }}{% endif %}.",
    "{% for word in ['a', 'b'] %}{{ word }} {{ name }}{% if not loop.last %},{% endif %}"
    "{% endfor %}",
    "{{ name|upper }} of {{ city }}",
    "{% if name == 'Jo' %}It is you, {{ name }}.{% endif %}",
    "{{ name ~ ' of ' ~ city }}",
    "{{ (first_name or name)|default('x') }}, {{ name and city }}, {{ not city }}",
    "{{ city|default(name) }} {{ city|default }} {{ name|default('x')|upper }}",
]
WORDS = st.sampled_from(
    ["Jo", "", "Zoë", "<b>", "a & b", "'", "=", ".", "From ", "{{ name }}", "y" * 80, "link_0"]
) | st.text(max_size=30)
CODES = st.sampled_from(["", "DE", "AT", "FR", "fr", "de"])
READERS = st.fixed_dictionaries(
    {name: CODES if name.endswith("_code") else WORDS for name in FALLBACKS}
)


def letter_of(body: str, brand: Brand, **fields: str) -> Compiled:
    content = PromotionalContent.sample().model_copy(
        update={"body_markdown": body, "subject": "For {{ first_name }}", **fields}
    )
    return compile_promotional(content, topic=Topic.COMPANY_NEWS, brand=brand)


@pytest.mark.parametrize("body", BODIES)
def test_every_reader_gets_what_the_plain_way_gives(body: str, brand: Brand) -> None:
    letter = letter_of(f"Good morning. {body}", brand)
    bare = replace(letter, uses=None)

    @settings(max_examples=40)
    @given(readers=st.lists(READERS, min_size=1, max_size=6), tracking=st.booleans())
    def for_all(readers: list[Mapping[str, str]], *, tracking: bool) -> None:
        for reader in readers:
            cast = letter.render(reader, SampleLinks(), tracking=tracking)
            rendered = bare.render(reader, SampleLinks(), tracking=tracking)
            assert cast.subject == rendered.subject
            assert (cast.plain, cast.page) == (rendered.plain, rendered.page)

    for_all()


@pytest.mark.parametrize(
    ("template", "use"),
    [
        ("{{ name }}", Use.PRINTED),
        ("{{ name }}{% if name %}!{% endif %}", Use.ASKED),
        ("{{ name|default('you') }}", Use.ASKED),
        ("{{ 'x' if name and not city else 'y' }}", Use.ASKED),
        ("{% if name == 'Jo' %}{% endif %}{{ name }}", Use.READ),
        ("{{ name|upper }}", Use.READ),
        ("{{ name|default('you')|upper }}", Use.READ),
        ("{{ 'you'|default(name) }}", Use.READ),
        ("{{ name ~ '!' }}", Use.READ),
        ("{% for x in [name] %}{% endfor %}", Use.READ),
        ("{{ name if city else '' }}", Use.READ),
    ],
)
def test_the_strongest_use_of_a_field_counts(template: str, use: Use) -> None:
    assert uses_of(["{{ name }}", template])["name"] is use


def test_a_reader_of_a_further_kind_is_rendered_all_the_same(brand: Brand) -> None:
    letter = letter_of("{% if country == 'x' %}!{% endif %}{{ name }} in {{ country }}.", brand)
    for n in range(KINDS_KEPT + 2):
        reader = {"name": f"Reader {n}", "country": f"Land {n}"}
        page = letter.render(reader, SampleLinks(), tracking=True).plain
        assert f"Reader {n} in Land {n}." in page


def test_one_readers_words_never_stand_in_anothers_letter(brand: Brand) -> None:
    letter = letter_of("{{ name }} of {{ city }}", brand, heading="For {{ name }}")
    people = [
        {"name": f"Reader {n}x", "first_name": f"R{n}x", "city": f"Town {n}x"} for n in range(5)
    ]
    letters = [letter.render(each, SampleLinks(), tracking=True) for each in people]
    for n, made in enumerate(letters):
        whole = made.subject + made.plain + made.page
        assert [other for other in range(5) if f" {other}x" in whole or f"R{other}x" in whole] == [
            n
        ]
