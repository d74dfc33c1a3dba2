"""An address is shown so that its owner knows it and nobody else can use it."""

import pytest

from preference_center.masking import NOBODY, masked


def test_an_address_shows_its_first_letters_only() -> None:
    assert masked("jo@example.com").shown == "j•••@e•••.com"


def test_a_screen_reader_hears_words_instead_of_dots() -> None:
    heard = masked("jo@example.com").heard
    assert heard == "address starting with j, at a domain starting with e"


def test_its_length_is_not_given_away() -> None:
    assert masked("jo@example.com") == masked("josephine@elsewhere.com")


@pytest.mark.parametrize("address", [None, "", "jo", "jo@", "@example.com", "jo@localhost"])
def test_what_cannot_be_masked_is_not_shown(address: str | None) -> None:
    assert masked(address) == NOBODY
