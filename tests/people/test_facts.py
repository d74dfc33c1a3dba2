"""What comes in is made clean or refused, with a reason that holds none of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from mailer.people import (
    CardNumberFound,
    CheckedProfile,
    FieldInvalid,
    NewProfile,
    TooYoung,
    check_profile,
)
from mailer.people.facts import are_clean, clean
from mailer.people.phones import parsed_number, phone_number
from tests.conftest import NOW


def checked(**said: Any) -> CheckedProfile:
    return check_profile(NewProfile(email="jo@example.com", source="shop", **said), now=NOW)


def test_what_is_not_said_is_not_there() -> None:
    assert checked().texts == {}
    assert checked().clear == {}
    assert checked(name="", country="").texts == {"name": ""}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  Jo   Example ", "Jo Example"),
        ("Jo\tExample", "Jo Example"),
        ("Zoe\u0308", "Zoë"),
        ("\u1100\u1175\u11b7", "김"),
        ("Bob \u202eexe.tnemyap\u202c Gray", "Bob exe.tnemyap Gray"),
        ("\u2067Dan\u2069 Cohen", "\u2067Dan\u2069 Cohen"),
        ("\u2067Dan Cohen", "Dan Cohen"),
        ("Zero\u200bWidth\ufeff", "ZeroWidth"),
        ("می\u200cخواهد", "می\u200cخواهد"),
        ("{{ customer.name }}", "{{ customer.name }}"),
        ("\u3000\u3000", ""),
    ],
)
def test_a_name_is_made_clean(written: str, kept: str) -> None:
    assert checked(name=written).texts["name"] == kept


@pytest.mark.parametrize(
    "sign", ["\r\n", "\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\ud800"]
)
def test_a_name_that_could_break_a_header_is_refused(sign: str) -> None:
    with pytest.raises(FieldInvalid, match="name holds a line break") as caught:
        checked(name=f"Mallory{sign}Bcc: anna@example.com")
    assert "Mallory" not in str(caught.value)


def test_lines_of_a_street_become_one() -> None:
    assert (
        checked(street="c/o Becker\r\nMain Street 5\n").texts["street"]
        == "c/o Becker, Main Street 5"
    )


@pytest.mark.clause("C01")
@pytest.mark.parametrize(
    "field", ["name", "street", "city", "region", "postal_code", "phone", "external_id"]
)
def test_a_card_number_is_refused_in_every_free_field(field: str) -> None:
    with pytest.raises(CardNumberFound) as caught:
        checked(**{field: "4111 1111 1111 1111"})
    assert caught.value.field == field
    assert "4111" not in str(caught.value)


@pytest.mark.clause("C01")
def test_a_card_number_is_refused_in_the_shops_own_fields() -> None:
    with pytest.raises(CardNumberFound):
        checked(attributes={"note": "4111111111111111"})


@pytest.mark.clause("C01")
def test_phone_numbers_and_long_ids_are_not_taken_for_cards() -> None:
    assert checked(phone="+4915112345678901"[:15], country="DE").texts["phone"]
    assert checked(external_id="4111111111111111110").external_id == "4111111111111111110"


@pytest.mark.parametrize(
    ("written", "country", "kept"),
    [
        ("(800) 363-5519", "us", "+18003635519"),
        ("030 1234567", "DE", "+49301234567"),
        ("+49 30 1234567", "", "+49301234567"),
        ("030 1234567 ext. 12", "DE", "+49301234567;ext=12"),
        ("030 1234567", "", "030 1234567"),
        ("ask Anna", "DE", "ask Anna"),
        ("", "DE", ""),
    ],
)
def test_a_phone_number_is_read_as_dialled_in_the_country(
    written: str, country: str, kept: str
) -> None:
    assert checked(phone=written, country=country).texts["phone"] == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("DE", "de"),
        ("pt_br", "pt-BR"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("iw", "he"),
        ("tlh-Latn-x-private", "tlh-Latn-x-private"),
        ("", ""),
    ],
)
def test_a_language_is_written_one_way(written: str, kept: str) -> None:
    assert checked(language=written).clear["language"] == kept


@pytest.mark.parametrize("code", ["UK", "ZZ", "EU", "QQ", "U", "D1", "ß", "USA"])
def test_a_code_that_iso_3166_does_not_assign_is_no_country(code: str) -> None:
    with pytest.raises(FieldInvalid, match="country is no country code of ISO 3166"):
        checked(country=code)


@pytest.mark.parametrize("code", ["GB", "us", "SS", "CW", "AQ", "XK"])
def test_every_assigned_code_is_a_country(code: str) -> None:
    assert checked(country=code).clear["country"] == code.upper()


def test_a_country_is_written_in_capitals() -> None:
    assert checked(country=" de ").clear["country"] == "DE"


@pytest.mark.parametrize(
    "said",
    [
        {"country": "Germany"},
        {"language": "German (Austria)"},
        {"timezone": "Mars/Olympus_Mons"},
        {"timezone": "../../etc/passwd"},
        {"timezone": "Europe"},
        {"birth_year": 1066},
        {"birth_year": 2030},
        {"name": "J" * 1001},
        {"external_id": "x" * 201},
        {"attributes": {"Not a name": "x"}},
        {"attributes": {f"field_{n}": "x" for n in range(51)}},
    ],
)
def test_a_field_out_of_bounds_is_refused(said: Mapping[str, object]) -> None:
    with pytest.raises(FieldInvalid):
        checked(**said)


def test_a_source_is_a_plain_word() -> None:
    with pytest.raises(FieldInvalid, match="source"):
        check_profile(NewProfile(email="jo@example.com", source="Trade fair!"), now=NOW)


@pytest.mark.clause("C23")
@pytest.mark.parametrize("year", [2013, 2014, 2026])
def test_who_may_be_under_thirteen_is_refused(year: int) -> None:
    with pytest.raises(TooYoung):
        checked(birth_year=year)


@pytest.mark.clause("C23")
def test_who_is_surely_thirteen_is_not(now: datetime) -> None:
    assert checked(birth_year=now.year - 14).texts["birth_year"] == "2012"


def test_what_was_said_shows_in_no_repr() -> None:
    shown = repr(checked(name="Jo Example", street="Main Street 5"))
    assert "Example" not in shown
    assert "Main" not in shown


def test_two_ids_of_the_shops_never_become_one() -> None:
    ids = [" a  b ", "a b", "a\u200bb", "ab", "A B", "Zoe\u0308", "Zoë"]
    assert len({checked(external_id=written).external_id for written in ids}) == len(ids)
    assert checked(external_id=" c-1 ").external_id == "c-1"
    assert checked(external_id="  ").external_id is None


@pytest.mark.parametrize("sign", ["\x00", "\n", "\ud800", "\u2028"])
def test_an_id_that_cannot_be_printed_is_refused(sign: str) -> None:
    with pytest.raises(FieldInvalid, match="external_id holds"):
        checked(external_id=f"c{sign}1")


@given(
    digits=st.from_regex(
        r"\+(1|30|31|32|33|34|40|41|43|44|45|46|47|48|49)[0-9]{5,13}", fullmatch=True
    )
)
def test_a_number_in_standard_form_is_what_the_library_makes_of_it(digits: str) -> None:
    try:
        parsed = phonenumbers.parse(digits, None)
        possible = phonenumbers.is_possible_number(parsed)
    except phonenumbers.NumberParseException:
        possible = False
    standard = phonenumbers.format_number(parsed, PhoneNumberFormat.E164) if possible else digits
    assert checked(phone=digits).texts["phone"] == standard


DIALLED = st.from_regex(r"0{0,3}[1-9]?[0-9]{1,6}([ -]?[0-9]{1,6}){1,2}", fullmatch=True)


@given(country=st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), number=DIALLED)
def test_a_plain_number_is_what_the_library_makes_of_it(country: str, number: str) -> None:
    assert phone_number(number, country) == parsed_number(number, country)


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_kind_of_number_of_a_country_is_what_the_library_makes_of_it(country: str) -> None:
    for kind in range(11):
        example = phonenumbers.example_number_for_type(country, kind)
        if example is not None:
            written = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)
            for number in (written, "".join(filter(str.isdecimal, written)), written[:-1]):
                assert phone_number(number, country) == parsed_number(number, country)


SIGNS = st.text(
    st.characters() | st.sampled_from(" |\t\u00a0\u0301\u202e\u2066\u2069ae"), max_size=45
)


@given(said=st.dictionaries(st.sampled_from(["name", "street", "city", "postal_code"]), SIGNS))
def test_what_is_clean_at_a_glance_is_what_cleaning_leaves(said: dict[str, str]) -> None:
    if are_clean(said):
        assert {name: clean(name, words) for name, words in said.items()} == said
