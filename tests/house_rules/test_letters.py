"""Rules that every letter keeps, whoever writes the next one."""

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest

import mailer.letters
from mailer.development.screens import SAMPLE_BRAND, SampleLinks, compiled_sample
from mailer.letters import CATALOGUE, KNOWN, LARGEST_HTML, Letter, Rendered, compile_order_letter
from mailer.letters.fields import MOST_LINES, Part
from mailer.letters.person import FALLBACKS
from mailer.letters.templates import TEMPLATES
from mailer.vocabulary import Stream

FILES = ("subject.txt", "body.txt", "body.html")
LETTERS = list(CATALOGUE.values())
ORDER_LETTERS = [letter for letter in LETTERS if letter.stream is Stream.ORDER_UPDATE]
PROMOTIONAL = [letter for letter in LETTERS if letter.stream is Stream.PROMOTIONAL]
SELLING = re.compile(
    r"\b(offer|sale|discount|save|deal|coupon|voucher|gift|upgrade|recommend|you (may|might) also"
    r"|new(est)? (product|release)|learn more|shop now|buy|free|limited|exclusive|news(letter)?"
    r"|sign up|subscribe|invite|refer a|follow us|webinar|event)s?\b",
    re.IGNORECASE,
)
OURS = ("mailto:", "tel:", SampleLinks.preferences, SAMPLE_BRAND.account_url)


def by_name(letter: type[Letter]) -> str:
    return letter.name


def rendered(letter: type[Letter], person: Mapping[str, str] = KNOWN) -> Rendered:
    return compiled_sample(letter).render(person, SampleLinks(), tracking=True)


class Links(HTMLParser):
    """Every address that a page leads to or fetches."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.fetches: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "href":
                (self.leads if tag == "a" else self.fetches).append(value or "")
            elif name in ("src", "srcset", "background", "poster", "data"):
                self.fetches.append(value or "")


def test_every_letter_has_its_three_files_and_every_folder_a_letter() -> None:
    folders = {path.name for path in TEMPLATES.iterdir() if path.name != "_layout"}
    assert folders == set(CATALOGUE)
    for name in folders:
        assert {path.name for path in (TEMPLATES / name).iterdir()} == set(FILES)


def test_every_letter_class_is_in_the_catalogue() -> None:
    def below(kind: type[object]) -> Iterator[type[object]]:
        for subclass in kind.__subclasses__():
            yield subclass
            yield from below(subclass)

    named = {each for each in below(Letter) if "name" in vars(each)}
    assert named == set(CATALOGUE.values())


@pytest.mark.parametrize("letter", LETTERS, ids=by_name)
def test_every_letter_says_enough_in_all_its_parts(letter: type[Letter]) -> None:
    full = rendered(letter)
    assert 10 <= len(full.subject) <= 78
    assert len(full.plain) > 300
    assert '<html lang="en" dir="ltr"' in full.page
    assert 'name="color-scheme" content="light dark"' in full.page
    assert "prefers-color-scheme: dark" in full.page
    assert 'class="preheader"' in full.page


@pytest.mark.parametrize("letter", LETTERS, ids=by_name)
def test_the_text_part_is_written_not_stripped(letter: type[Letter]) -> None:
    text = rendered(letter).plain
    assert not re.search(r"<[a-z/!]|&[a-z#]+;|\{[{%]|\n{4}| +$", text)
    assert "None" not in text


@pytest.mark.parametrize("letter", LETTERS, ids=by_name)
def test_no_letter_comes_near_the_size_that_mailboxes_cut_off(letter: type[Letter]) -> None:
    assert len(rendered(letter).page.encode()) < LARGEST_HTML / 3


def test_even_the_longest_order_is_not_cut_off() -> None:
    sample = CATALOGUE["order_received"].sample()
    line = sample.fields["lines"][0] | {"name": "Ware " * 20}
    letter = type(sample).read(sample.fields | {"lines": [line] * MOST_LINES})
    page = compile_order_letter(letter, SAMPLE_BRAND).render({}, SampleLinks(), tracking=True).page
    assert len(page.encode()) < LARGEST_HTML


@pytest.mark.parametrize("letter", LETTERS, ids=by_name)
def test_no_letter_fetches_anything_but_our_own_pixel(letter: type[Letter]) -> None:
    page = rendered(letter).page
    assert Links(page).fetches == [SampleLinks.open]
    assert not re.search(r"url\(|@import|@font-face|<link|<script|javascript:", page, re.IGNORECASE)


@pytest.mark.clause("C27")
@pytest.mark.parametrize("letter", LETTERS, ids=by_name)
def test_every_letter_says_where_we_are_and_how_to_reach_us(letter: type[Letter]) -> None:
    full = rendered(letter)
    for part in (full.plain, full.page):
        assert SAMPLE_BRAND.postal_address in part
        assert SAMPLE_BRAND.care_email in part
        assert SAMPLE_BRAND.care_phone in part


@pytest.mark.clause("C08")
@pytest.mark.parametrize("letter", LETTERS, ids=by_name)
def test_every_letter_leads_to_the_preferences(letter: type[Letter]) -> None:
    full = rendered(letter)
    assert SampleLinks.preferences in Links(full.page).leads
    assert SampleLinks.preferences in full.plain


@pytest.mark.clause("C08")
@pytest.mark.parametrize("letter", PROMOTIONAL, ids=by_name)
def test_every_promotional_letter_offers_a_way_out_at_both_ends(letter: type[Letter]) -> None:
    full = rendered(letter)
    assert Links(full.page).leads.count(SampleLinks.unsubscribe) == 2
    assert full.page.index(SampleLinks.unsubscribe) < full.page.index("<h1")
    assert SampleLinks.unsubscribe in full.plain
    assert "You get this because" in full.plain
    assert "You get this because" in full.page


@pytest.mark.clause("C05")
@pytest.mark.parametrize("letter", ORDER_LETTERS, ids=by_name)
def test_every_order_letter_says_why_it_came(letter: type[Letter]) -> None:
    full = rendered(letter)
    words = "comes even when promotional mail is off. It carries no advertising."
    assert words in full.plain
    assert words in full.page


@pytest.mark.clause("C05")
@pytest.mark.parametrize("letter", ORDER_LETTERS, ids=by_name)
def test_no_order_letter_carries_promotion(letter: type[Letter]) -> None:
    compiled = compiled_sample(letter)
    page = compiled.render(KNOWN, SampleLinks(), tracking=False).page
    tracking = [url for url in compiled.targets if "tracknum" in url]
    assert compiled.topic is None
    assert SampleLinks.unsubscribe not in page
    assert [url for url in Links(page).leads if not url.startswith((*OURS, *tracking))] == []


@pytest.mark.clause("C05")
@pytest.mark.parametrize("letter", ORDER_LETTERS, ids=by_name)
def test_no_order_template_sells_or_uses_what_promotion_is_made_of(letter: type[Letter]) -> None:
    for name in FILES:
        source = (TEMPLATES / letter.name / name).read_text("utf-8")
        assert not SELLING.search(source), f"{letter.name}/{name} sells"
        assert "promotional" not in source
        assert "content." not in source
        assert "unsubscribe" not in source


@pytest.mark.parametrize(
    "text", ["Save 20 % today", "See our newest product", "You might also like"]
)
def test_the_list_of_selling_words_finds_some(text: str) -> None:
    assert SELLING.search(text)


@pytest.mark.parametrize("letter", ORDER_LETTERS, ids=by_name)
def test_an_order_letter_reads_well_with_nothing_but_what_it_must_have(
    letter: type[Letter],
) -> None:
    sample = letter.sample()
    must = {
        name: value
        for name, value in sample.fields.items()
        if letter.model_fields[name].is_required() or name == "plan"
    }
    compiled = compile_order_letter(letter.read(must), SAMPLE_BRAND, strict=True)
    bare = compiled.render({}, SampleLinks(), tracking=True)
    for part in (bare.subject, bare.plain, bare.page):
        assert "None" not in part
    assert "Hello there," in bare.plain
    assert not re.search(r"\n{4}|: *$| ,|\(\)", bare.plain.replace(":\n", ".\n"), re.MULTILINE)


@pytest.mark.parametrize("letter", LETTERS, ids=by_name)
def test_no_field_is_called_what_the_reader_or_the_compiler_gives(letter: type[Letter]) -> None:
    given = {*FALLBACKS, "measured", "link", "loop"}
    assert not given & set(letter.model_fields)


@pytest.mark.parametrize("letter", LETTERS, ids=by_name)
def test_every_field_of_an_order_letter_reaches_its_reader(letter: type[Letter]) -> None:
    sources = "".join((TEMPLATES / letter.name / name).read_text("utf-8") for name in FILES)
    layout = "".join(path.read_text("utf-8") for path in (TEMPLATES / "_layout").glob("*.*"))
    unused = [name for name in letter.model_fields if not re.search(rf"\b{name}", sources + layout)]
    assert unused == [] or issubclass(letter, tuple(PROMOTIONAL))


def test_fields_are_frozen_and_show_no_value_in_their_errors() -> None:
    parts: list[type[Part]] = [Part, *LETTERS]
    for letter in parts:
        assert letter.model_config["frozen"]
        assert letter.model_config["hide_input_in_errors"]
        assert letter.model_config["extra"] == "forbid"


def test_the_door_lists_exactly_what_it_opens() -> None:
    door = importlib.import_module("mailer.letters")
    opened = {
        name
        for name, value in vars(door).items()
        if getattr(value, "__module__", "").startswith("mailer.letters.")
    }
    assert opened <= set(door.__all__)
    assert sorted(mailer.letters.__all__) == sorted(set(mailer.letters.__all__))


def test_the_door_opens_without_a_database() -> None:
    """No engine, no connection, no settings: letters can be written on any machine."""
    code = (
        "import socket, os; os.environ.clear(); socket.socket.connect = None\n"
        "from mailer.letters import CATALOGUE\n"
        "print(len(CATALOGUE))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(len(CATALOGUE))
