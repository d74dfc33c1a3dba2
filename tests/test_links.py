"""A token opens what it was signed for, and nothing else does."""

import base64
import hashlib
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import Signer

from mailer.links import LARGEST_ID, LONGEST_TOKEN, LinkForged, Links, Purpose
from mailer.vocabulary import AddressId, MailingId, PersonId

OLD, NEW = b"o" * 31 + b"1", b"n" * 31 + b"2"
URL = "https://mail.example.com"
LINKS = Links([OLD, NEW], URL)
IDS = {
    Purpose.CLICK: (12, 5_678_901),
    Purpose.OPEN: (12, 5_678_901),
    Purpose.UNSUBSCRIBE: (5_678_901, 77, 12),
    Purpose.PREFERENCES: (5_678_901, 77),
    Purpose.WHY: (12, 5_678_901),
    Purpose.VISIT: (0,),
}
OTHER_CHARACTERS = "AQgw09-_=.+/ ~%\n\x00éА\ud800"
ids_of_any_kind = st.lists(st.integers(0, LARGEST_ID), min_size=1, max_size=5)


def opens(purpose: Purpose, token: str, links: Links = LINKS) -> bool:
    try:
        links.read(purpose, token)
    except LinkForged:
        return False
    return True


@settings(deadline=None)
@given(st.sampled_from(Purpose), ids_of_any_kind)
def test_a_token_gives_back_the_ids_it_was_signed_for(purpose: Purpose, ids: list[int]) -> None:
    assert LINKS.read(purpose, LINKS.sign(purpose, *ids)) == tuple(ids)


@pytest.mark.clause("C16")
@pytest.mark.parametrize("purpose", Purpose)
def test_every_changed_character_is_refused(purpose: Purpose) -> None:
    token = LINKS.sign(purpose, *IDS[purpose])
    tried = 0
    for place, was in enumerate(token):
        for other in {*OTHER_CHARACTERS, was.swapcase(), chr(ord(was) + 1), chr(ord(was) ^ 1)}:
            if other != was:
                assert not opens(purpose, token[:place] + other + token[place + 1 :])
                tried += 1
    assert tried > 20 * len(token)


@pytest.mark.clause("C16")
@pytest.mark.parametrize("purpose", Purpose)
def test_every_missing_added_or_swapped_character_is_refused(purpose: Purpose) -> None:
    token = LINKS.sign(purpose, *IDS[purpose])
    for place in range(len(token)):
        assert not opens(purpose, token[:place] + token[place + 1 :])
        assert not opens(purpose, token[:place])
        left, right = token[place : place + 1], token[place + 1 : place + 2]
        if right not in {"", left}:
            assert not opens(purpose, token[:place] + right + left + token[place + 2 :])
    for place, added in product(range(len(token) + 1), OTHER_CHARACTERS):
        assert not opens(purpose, token[:place] + added + token[place:])


@pytest.mark.parametrize(
    "disguise",
    [
        lambda token: token + "=",
        lambda token: token.replace(".", "==."),
        str.upper,
        str.lower,
        str.swapcase,
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.replace(".", ".."),
        lambda token: token + ".gif",
        lambda token: "\ufeff" + token,
        lambda token: "".join(chr(ord(c) + 0xFEE0) for c in token),
    ],
)
def test_a_token_in_disguise_is_refused(disguise: Callable[[str], str]) -> None:
    for purpose, ids in IDS.items():
        assert not opens(purpose, disguise(LINKS.sign(purpose, *ids)))


@pytest.mark.parametrize(("made_for", "tried_as"), list(product(Purpose, Purpose)))
def test_a_token_of_one_purpose_opens_no_other(made_for: Purpose, tried_as: Purpose) -> None:
    token = LINKS.sign(made_for, *IDS[made_for])
    assert opens(tried_as, token) == (made_for is tried_as)


@settings(deadline=None)
@given(st.text(max_size=2 * LONGEST_TOKEN))
def test_no_text_raises_anything_but_forged(text: str) -> None:
    assert not opens(Purpose.UNSUBSCRIBE, text)


@settings(max_examples=300, deadline=None)
@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", max_size=60),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", max_size=44),
)
def test_text_in_the_form_of_a_token_is_refused(payload: str, signature: str) -> None:
    assert not opens(Purpose.CLICK, f"{payload}.{signature}")
    assert not opens(Purpose.CLICK, f"{payload}.{signature:A<43}")


def test_a_megabyte_is_refused_by_its_length() -> None:
    with pytest.raises(LinkForged, match="longer"):
        LINKS.read(Purpose.CLICK, "A" * 1_000_000)


def test_a_genuine_signature_over_a_longer_varint_is_refused() -> None:
    """What a careless second writer could sign: 5 written in two bytes, under our own key."""
    token = raw_signer(Purpose.CLICK).sign(b64(b"\x85\x00\x07")).decode()
    assert not opens(Purpose.CLICK, token)
    assert opens(Purpose.CLICK, raw_signer(Purpose.CLICK).sign(b64(b"\x05\x07")).decode())


@pytest.mark.parametrize(
    "payload", [b"", b"\x85", b"\x05\x85", b"\xff" * 10, b"\xff" * 9 + b"\x01"]
)
def test_a_genuine_signature_over_no_ids_is_refused(payload: bytes) -> None:
    assert not opens(Purpose.CLICK, raw_signer(Purpose.CLICK).sign(b64(payload)).decode())


def test_a_token_is_what_itsdangerous_itself_makes() -> None:
    for purpose, ids in IDS.items():
        payload = LINKS.sign(purpose, *ids).partition(".")[0].encode()
        assert LINKS.sign(purpose, *ids) == raw_signer(purpose).sign(payload).decode()


def test_the_newest_key_signs_and_every_key_reads() -> None:
    before = Links([OLD], URL).sign(Purpose.UNSUBSCRIBE, 1, 2, 3)
    after = LINKS.sign(Purpose.UNSUBSCRIBE, 1, 2, 3)
    assert before != after
    assert opens(Purpose.UNSUBSCRIBE, before)
    assert opens(Purpose.UNSUBSCRIBE, after, Links([NEW], URL))
    assert not opens(Purpose.UNSUBSCRIBE, after, Links([OLD], URL))


def test_without_a_key_there_are_no_links() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Links([], URL)


@pytest.mark.parametrize("ids", [(), (-1,), (1, 2**63), (2**62,) * 12])
def test_ids_that_no_token_can_hold_are_refused_when_signing(ids: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="id"):
        LINKS.sign(Purpose.CLICK, *ids)


def test_the_links_of_a_person_lead_to_their_pages() -> None:
    links = Links([NEW], URL + "/").for_person(
        mailing_id=MailingId(12), person_id=PersonId(34), address_id=AddressId(56)
    )
    first, second = links.click(0), links.click(11)
    assert first.rpartition("/")[0] == second.rpartition("/")[0], "one signature for all clicks"
    assert (first.rpartition("/")[2], second.rpartition("/")[2]) == ("0", "11")
    assert LINKS.read(Purpose.CLICK, token_in(first, "/c/", "/0")) == (12, 34)
    assert LINKS.read(Purpose.OPEN, token_in(links.open, "/o/", ".gif")) == (12, 34)
    assert LINKS.read(Purpose.UNSUBSCRIBE, token_in(links.unsubscribe, "/u/")) == (34, 56, 12)
    assert LINKS.read(Purpose.PREFERENCES, token_in(links.preferences, "/p/")) == (34, 56)
    assert LINKS.read(Purpose.WHY, token_in(links.why, "/why/")) == (12, 34)


def test_an_unsubscribe_url_is_short_and_needs_no_escaping() -> None:
    url = LINKS.unsubscribe_url(LINKS.sign(Purpose.UNSUBSCRIBE, 10**9, 10**9, 10**6))
    assert len(url) < len(URL) + 75
    assert set(url[len(URL) :]) <= set("/.-_") | {c for c in url if c.isalnum()}


def token_in(url: str, before: str, after: str = "") -> str:
    assert url.startswith(URL + before)
    assert url.endswith(after)
    return url.removeprefix(URL + before).removesuffix(after)


def raw_signer(purpose: Purpose) -> Signer:
    return Signer(
        [OLD, NEW],
        salt=f"mailer.{purpose.value}",
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )


def b64(payload: bytes) -> bytes:
    return base64.urlsafe_b64encode(payload).rstrip(b"=")
