"""Quoted-printable pieces: any order, any content, always legal lines."""

import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from mailer.letters.wire import WirePart, encode, link_slot
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


@pytest.mark.parametrize("length", [10, 75, 76, 77, 149, 150, 151, 400])
@pytest.mark.parametrize("sign", ["a", ".", "=", "%", "é"])
def test_addresses_of_every_length_keep_their_lines_legal(length: int, sign: str) -> None:
    url = ("https://mail.example.com/" + sign * 400)[:length]
    wire = encode(url)
    assert quopri.decodestring(wire).decode() == url
    assert all(len(line) <= 76 and not line.startswith(b".") for line in wire.split(b"\r\n"))


def test_links_and_percent_signs_come_out_where_they_were_put() -> None:
    source = (
        f"100 % {link_slot('link_0')}, {{{{ name }}}} %s {link_slot('why')} {link_slot('link_1')}"
    )
    part = WirePart(template := Environment(autoescape=True).from_string(source))
    context = template.new_context({"name": "50 %"})
    links = {"clicks": encode("https://x/%"), "why": encode("w%")}
    targets = {"link_0": encode("a%20b"), "link_1": encode("c"), "why": encode("w%")}
    measured = part.encoded(context, links, tracking=True)
    direct = part.encoded(context, targets, tracking=False)
    assert (
        quopri.decodestring(b"".join(measured)).decode()
        == "100 % https://x/%0, 50 % %s w% https://x/%1"
    )
    assert quopri.decodestring(b"".join(direct)).decode() == "100 % a%20b, 50 % %s w% c"
