"""One rule says what an address is and when two of them are the same."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.people import AddressInvalid, canonical_address


def test_the_domain_is_lowered_and_the_local_part_stays() -> None:
    address = canonical_address(" Jo.Example+News@Example.COM ")
    assert address.display == "Jo.Example+News@example.com"
    assert address.key == "jo.example+news@example.com"
    assert address.domain == "example.com"


def test_plus_tags_and_dots_make_other_mailboxes() -> None:
    keys = {
        canonical_address(text).key
        for text in ("jo@example.com", "jo+a@example.com", "j.o@example.com")
    }
    assert len(keys) == 3


def test_a_domain_in_another_script_is_written_in_ascii() -> None:
    assert canonical_address("jo@bücher.de") == canonical_address("jo@xn--bcher-kva.de")
    assert canonical_address("jo@bücher.de").display == "jo@xn--bcher-kva.de"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is missing"),
        ("jo", "has no @ sign"),
        ("jo@", "has nothing after the @ sign"),
        ("@example.com", "has nothing before the @ sign"),
        ("jo@example", "has no dot after the @ sign"),
        ("jo@-example.com", "has no valid domain after the @ sign"),
        ("jo@example.invalid", "has no valid domain after the @ sign"),
        ("jo@[127.0.0.1]", "has no valid domain after the @ sign"),
        ("jo@jo@example.com", "has two @ signs"),
        ("jo..jo@example.com", "has a dot in the wrong place"),
        ("jo jo@example.com", "holds a space"),
        ("j(o)@example.com", "holds a sign that no address has"),
        ("l" * 65 + "@example.com", "has more than 64 characters before the @ sign"),
        ("jo@" + "a." * 125 + "example.com", "has no valid domain after the @ sign"),
        ("l" * 60 + "@" + "a." * 100 + "example.com", "is longer than 254 characters"),
        ("张伟@example.com", "cannot be written in ASCII before the @ sign"),
        ('"jo jo"@example.com', "has a quoted part before the @ sign, which we do not accept"),
        ("Jo <jo@example.com>", "holds a name or angle brackets beside the address"),
        ("jo@example.com\r\nBcc: anna@example.com", "holds a line break or a control character"),
        ("jo@example.com\n", "holds a line break or a control character"),
        ("jo\x00@example.com", "holds a line break or a control character"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressInvalid) as caught:
        canonical_address(text)
    assert caught.value.reason == reason


LOCALS = st.text("abcXYZ019.!#$%&'*+/=?^_`{|}~-()<>,;:\"\\ é", min_size=1, max_size=70)
DOMAINS = st.sampled_from(["example.com", "Example.ORG", "ex ample.com", "a..b", "bücher.de", "x"])


@given(local=LOCALS, domain=DOMAINS)
@example(local="l" * 64, domain="example.com")
def test_the_quick_rule_accepts_what_the_library_accepts(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    try:
        wanted = validate_email(text.strip(" "), check_deliverability=False).ascii_email
    except EmailNotValidError:
        wanted = None
    try:
        found = canonical_address(text).display
    except AddressInvalid:
        found = None
    assert found == wanted
