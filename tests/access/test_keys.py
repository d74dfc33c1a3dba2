"""API keys: shown once, recognised by hash, limited by scopes, shut out when revoked."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import access
from mailer.access import ApiScope, ScopeMissing

SECRET = bytes(range(32))
CUSTOMERS = frozenset({ApiScope.CUSTOMERS, ApiScope.READ})


def test_a_key_opens_with_its_scopes(session: Session, now: datetime) -> None:
    new = access.create_key(session, name="Shop", scopes=CUSTOMERS, secret_bytes=SECRET, now=now)
    key = access.key_of(session, new.plaintext)
    assert key is not None
    assert (key.id, key.name, key.scopes, key.created_at) == (new.id, "Shop", CUSTOMERS, now)
    assert key.actor == f"api_key:{new.id}"
    key.require(ApiScope.CUSTOMERS)
    with pytest.raises(ScopeMissing, match="approve"):
        key.require(ApiScope.APPROVE)


def test_no_other_text_opens_than_the_key_itself(session: Session, now: datetime) -> None:
    key = access.create_key(
        session, name="Shop", scopes=CUSTOMERS, secret_bytes=SECRET, now=now
    ).plaintext
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = [key[:-1] + letter for letter in alphabet if letter != key[-1]]
    others = [key + "=", key[:-1], key.upper(), key.removeprefix("fpm_"), "", "é" * len(key), *last]
    assert [text for text in others if access.key_of(session, text)] == []


@pytest.mark.clause("C09")
def test_the_database_never_holds_the_key(session: Session, now: datetime) -> None:
    new = access.create_key(session, name="Shop", scopes=CUSTOMERS, secret_bytes=SECRET, now=now)
    row = session.execute(text("SELECT t::text FROM access_api_key t")).scalar_one()
    assert new.plaintext.removeprefix("fpm_") not in row
    assert SECRET.hex() not in row
    assert new.plaintext not in repr(new)


def test_a_revoked_key_opens_nothing_and_stays_listed(session: Session, now: datetime) -> None:
    new = access.create_key(session, name="Shop", scopes=CUSTOMERS, secret_bytes=SECRET, now=now)
    later = now + timedelta(days=1)
    assert access.revoke_key(session, new.id, now=later) is True
    assert access.revoke_key(session, new.id, now=later + timedelta(days=1)) is False
    assert access.key_of(session, new.plaintext) is None
    (listed,) = access.list_keys(session)
    assert listed.revoked_at == later


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * 33])
def test_a_key_of_another_length_is_not_made(
    session: Session, now: datetime, secret: bytes
) -> None:
    with pytest.raises(ValueError, match="32"):
        access.create_key(session, name="Shop", scopes=CUSTOMERS, secret_bytes=secret, now=now)


def test_a_key_that_could_do_nothing_is_not_made(session: Session, now: datetime) -> None:
    with pytest.raises(ValueError, match="scope"):
        access.create_key(session, name="Shop", scopes=(), secret_bytes=SECRET, now=now)
