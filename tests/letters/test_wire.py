"""Quoted-printable pieces: any order, any content, always legal lines."""

import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.letters.wire import encode, encode_urls
from tests.letters.conftest import naughty_strings

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


def unfolded(pieces: list[str]) -> str:
    return quopri.decodestring(b"".join(map(encode, pieces))).decode()


def normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


@given(st.lists(TEXT, max_size=6))
def test_pieces_side_by_side_read_back_as_the_texts_side_by_side(pieces: list[str]) -> None:
    assert unfolded(pieces) == "".join(map(normal, pieces))


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_no_line_is_long_or_begins_with_a_dot_or_ends_in_a_space(pieces: list[str]) -> None:
    wire = b"".join(map(encode, pieces))
    assert wire.isascii()
    for line in wire.split(b"\r\n"):
        assert len(line) <= 76
        assert b"\n" not in line
        assert b"\r" not in line
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))


@pytest.mark.parametrize("text", [".", "..", "=", "a=", "x" * 75, "x" * 76, "." * 200, "é" * 90])
def test_texts_at_the_edge_of_a_line_survive(text: str) -> None:
    assert unfolded([text, text]) == text * 2


def test_a_line_that_would_open_a_new_message_in_a_mailbox_is_escaped() -> None:
    assert encode("From here on") == b"=46rom here on=\r\n"


def test_every_naughty_string_survives() -> None:
    strings = naughty_strings()
    assert unfolded(strings) == "".join(map(normal, strings))


@given(st.dictionaries(st.from_regex(r"[a-z_0-9]{1,9}", fullmatch=True), TEXT, min_size=1))
def test_addresses_encoded_together_are_as_encoded_alone(urls: dict[str, str]) -> None:
    together = encode_urls(urls)
    assert set(together) == {name.encode() for name in urls}
    for name, url in urls.items():
        assert quopri.decodestring(together[name.encode()]).decode() == normal(url)


@pytest.mark.parametrize("length", [10, 75, 76, 77, 149, 150, 151, 400])
@pytest.mark.parametrize("sign", ["a", ".", "="])
def test_addresses_of_every_length_keep_their_lines_legal(length: int, sign: str) -> None:
    url = ("https://mail.example.com/" + sign * 400)[:length]
    wire = encode_urls({"link": url})[b"link"]
    assert quopri.decodestring(wire).decode() == url
    assert all(len(line) <= 76 and not line.startswith(b".") for line in wire.split(b"\r\n"))
