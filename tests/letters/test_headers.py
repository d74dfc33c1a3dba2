"""Headers, held to the standard library's own parser."""

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.letters.headers import (
    AddressUnusable,
    fixed_mailbox_header,
    mailbox_header,
    one_line,
    text_header,
)
from tests.letters.conftest import awkward_names, naughty_strings

TEXT = st.text(max_size=300)


def parsed(header: bytes) -> EmailMessage:
    message = message_from_bytes(header + b"X-After: here\r\n\r\nbody\r\n", policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def read(header: bytes) -> str:
    message = parsed(header)
    assert message.keys()[-1] == "X-After"
    assert len(message.keys()) == 2
    return str(message[message.keys()[0]])


def name_in(header: bytes) -> str:
    """Read a display name by the older parser: the newer one of Python 3.11 adds spaces to it."""
    name, _ = parseaddr(str(message_from_bytes(header)["To"]))
    return str(make_header(decode_header(name)))


def assert_legal(header: bytes) -> None:
    assert header.isascii()
    assert header.endswith(b"\r\n")
    lines = header[:-2].split(b"\r\n")
    assert all(line.startswith(b" ") for line in lines[1:])
    assert all(line.strip() and len(line) <= 78 for line in lines)


@given(TEXT)
def test_any_subject_comes_out_as_one_line_and_reads_back(text: str) -> None:
    subject = one_line(text)
    header = text_header("Subject", subject)
    assert_legal(header)
    assert read(header) == subject


@given(TEXT)
def test_any_name_reads_back_and_leaves_the_address_alone(text: str) -> None:
    header = mailbox_header("To", text, "jo@example.com")
    assert_legal(header)
    [address] = parsed(header)["To"].addresses
    assert address.addr_spec == "jo@example.com"
    assert name_in(header) == one_line(text)


def test_every_naughty_string_is_a_harmless_subject_and_name() -> None:
    for text in naughty_strings():
        assert read(text_header("Subject", one_line(text))) == one_line(text)
        [address] = parsed(mailbox_header("To", text, "jo@example.com"))["To"].addresses
        assert address.addr_spec == "jo@example.com"


def test_no_awkward_name_adds_a_header() -> None:
    for name in awkward_names():
        header = mailbox_header("To", name, "jo@example.com")
        assert_legal(header)
        assert parsed(header).keys() == ["To", "X-After"]


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\0", "\x85", "\u2028", "\u2029", "\u202e"])
def test_what_could_end_or_turn_a_line_becomes_a_space(sign: str) -> None:
    assert one_line(f"Jo{sign}Bcc: anna@example.com") == "Jo Bcc: anna@example.com"


def test_a_subject_longer_than_any_screen_is_cut_with_a_sign() -> None:
    assert one_line("long " * 100).endswith("long…")
    assert len(one_line("x" * 1000)) == 250


def test_what_looks_like_an_encoded_word_stays_what_it_is() -> None:
    assert read(text_header("Subject", "=?utf-8?B?SGk=?=")) == "=?utf-8?B?SGk=?="


def test_plain_names_stay_plain_and_dotted_ones_are_quoted() -> None:
    assert (
        mailbox_header("To", "Jo Example", "jo@example.com")
        == b"To: Jo Example <jo@example.com>\r\n"
    )
    quoted = b'To: "Example, Jo" <jo@example.com>\r\n'
    assert mailbox_header("To", "Example, Jo", "jo@example.com") == quoted


@pytest.mark.parametrize(
    "address",
    ["", "jo", "jo@exa mple.com", "jo@example.com\r\nBcc: x@y.z", "jö@example.com", "a@b>"],
)
def test_an_address_that_no_header_may_hold_is_refused_unrepeated(address: str) -> None:
    with pytest.raises(AddressUnusable) as refused:
        mailbox_header("To", "Jo", address)
    assert "jo" not in str(refused.value).lower().replace("address", "")


def test_the_sender_is_read_as_settings_hold_it() -> None:
    assert fixed_mailbox_header("From", '"FocalPoint" <news@example.com>') == (
        b"From: FocalPoint <news@example.com>\r\n"
    )
    assert fixed_mailbox_header("From", "news@example.com") == b"From: news@example.com\r\n"
