"""The attack in its short form, with another seed each time; `make promises` is the same by hand."""

import secrets

import pytest

from tests.promises.__main__ import attack


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.clause("C08")
def test_whatever_a_seed_does_to_it_every_promise_holds() -> None:
    assert attack(secrets.randbelow(10**9)), "what was broken, and the line to replay it: above"
