"""A keyed hash is HMAC-SHA256, whatever the key and the value."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from mailer.keyed_hash import KeyedHash


@given(key=st.binary(max_size=200), values=st.lists(st.binary(max_size=300), max_size=5))
def test_a_keyed_hash_is_what_the_standard_library_makes_of_it(
    key: bytes, values: list[bytes]
) -> None:
    """RFC 2104, also for keys of more than a block, and for one value after another."""
    begun = KeyedHash(key)
    assert [begun.digest(each) for each in values] == [
        hmac.digest(key, each, "sha256") for each in values
    ]
