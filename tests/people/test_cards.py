"""Card numbers are refused wherever they hide, and other long numbers are not (C01)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.people import CardNumberFound, holds_card_number, refuse_card_numbers
from mailer.people.cards import LONG_RUN, may_hold_long_run

CARDS = (
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111\u00a01111\u20111111\u20131111",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "3782 822463 10005",
    "30569309025904",
    "6011111111111117",
    "3566002020360505",
    "6200000000000005",
    "6304000000000000",
    "2200000000000004",
    "４１１１１１１１１１１１１１１１",
    "٤١١١ ١١١١ ١١١١ ١١١١",
    "4111\u200b1111\u200b1111\u200b1111",
    "my card is 4111 1111 1111 1111, valid 12/28",
    "4111 1111 1111 1111 12 28",
    "order 7 4111111111111111",
)
NO_CARDS = (
    "",
    "4111111111111112",
    "411111111111111",
    "1234567890123456",
    "+49 170 1234567",
    "41111111111111111111111",
    "2026-11-22 10:00:00",
    "Main Street 4111",
    "4111a1111b1111c1111",
)


@pytest.mark.clause("C01")
@pytest.mark.parametrize("text", CARDS)
def test_a_card_number_is_found(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.clause("C01")
@pytest.mark.parametrize("text", NO_CARDS)
def test_what_is_no_card_number_passes(text: str) -> None:
    assert not holds_card_number(text)


@pytest.mark.clause("C01")
def test_the_field_is_named_and_the_number_is_not() -> None:
    with pytest.raises(CardNumberFound) as caught:
        refuse_card_numbers(name="Jo Example", note="pay with 4111 1111 1111 1111")
    assert caught.value.field == "note"
    assert "1111" not in str(caught.value)


def test_fields_side_by_side_make_no_number_together() -> None:
    refuse_card_numbers(street="4111 1111", city="1111 1111")


DIGIT_OR_BETWEEN = st.sampled_from("0123456789٣९５ \t\x1f\xa0.-\u00ad\u200b\u2013\u2212\uff0d")
HELD = st.tuples(st.text(), st.text(DIGIT_OR_BETWEEN, min_size=14, max_size=60), st.text())


@given(text=st.one_of(st.text(), HELD.map("".join)))
@example(text="٣" * 14)
@example(text="\udceb1 1.1-1\t11111\u200b11111")
def test_the_quick_look_misses_no_run_of_digits(text: str) -> None:
    assert may_hold_long_run(text) or not LONG_RUN.search(text)


def test_the_quick_look_spares_a_usual_row_the_search() -> None:
    assert not may_hold_long_run("jo.example@example.com|Jürgen Groß|Main Street 12|12345")
