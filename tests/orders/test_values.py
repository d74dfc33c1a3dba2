"""The grammar of order numbers and event ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.orders import EventIdInvalid, OrderNumberInvalid, check_event_id, check_number
from mailer.people import holds_card_number


@pytest.mark.parametrize("number", ["1", "10482", "US-2026.11_0482", "a" * 32, "1234567890123"])
def test_an_order_number_of_letters_digits_and_dashes_passes(number: str) -> None:
    assert check_number(number) == number


@pytest.mark.parametrize(
    "number",
    ["", "-1", "a" * 33, "10 482", "10482\n", "10/482", "١٢٣", "12345678901234", "ord@example"],
)
def test_what_is_no_order_number_is_refused(number: str) -> None:
    with pytest.raises(OrderNumberInvalid):
        check_number(number)


@pytest.mark.clause("C01")
@given(st.text(alphabet="0123456789-._A", min_size=1, max_size=40))
def test_no_card_number_fits_into_an_order_number(text: str) -> None:
    try:
        check_number(text)
    except OrderNumberInvalid:
        return
    assert not holds_card_number(text)


@pytest.mark.clause("C01")
@pytest.mark.parametrize(
    "number", ["4111111111111111", "4111-1111-1111-1111", "X4111.1111.1111.1111"]
)
def test_a_card_number_is_no_order_number(number: str) -> None:
    with pytest.raises(OrderNumberInvalid):
        check_number(number)


def test_an_event_id_has_a_grammar_of_its_own() -> None:
    assert check_event_id("parcel:2026-11.1_a") == "parcel:2026-11.1_a"
    for wrong in ("", " ", "a" * 65, "ä", "a b"):
        with pytest.raises(EventIdInvalid):
            check_event_id(wrong)
