"""The vault opens what it sealed, in its place, under its person's key; and nothing else."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from mailer.vault import PersonKey, SealBroken, Vault, VaultKeyMissing, key_name
from mailer.vocabulary import PersonId

JO, ANNA, LENA = PersonId(1), PersonId(2), PersonId(3)
PLACE = "people_customer.email:1"
OLD, NEW, INDEX = (hashlib.sha256(name).digest() for name in (b"old", b"new", b"index"))


@given(words=st.text())
def test_a_field_comes_back_as_it_was(words: str) -> None:
    key = PersonKey(OLD)
    assert key.decrypt(key.encrypt(words, place=PLACE), place=PLACE) == words


@pytest.mark.clause("C09")
def test_equal_texts_never_look_alike_and_show_nothing() -> None:
    key = PersonKey(OLD)
    first, second = (key.encrypt("jo@example.com", place=PLACE) for _ in "ab")
    assert first != second
    assert b"example" not in first


PLACES = (b"people_customer.email:", b"people_customer.name:", b"people_customer.city:")


@pytest.mark.parametrize("texts", [["Jo", "Jo", "Jo"], ["jo@example.com", "小明", "x" * 5000]])
def test_what_is_sealed_for_a_new_person_opens_in_its_places(
    session: Session, vault: Vault, texts: list[str]
) -> None:
    row, sealed = vault.seal_new(JO, PLACES, texts)
    vault.store_keys(session, [row])
    key, fields = vault.keys_of(session, [JO])[JO], unpacked(sealed)
    places = ["people_customer.email:1", "people_customer.name:1", "people_customer.city:1"]
    assert [
        key.decrypt(each, place=place) for each, place in zip(fields, places, strict=True)
    ] == texts
    with pytest.raises(SealBroken):
        key.decrypt(fields[0], place=places[1])


@pytest.mark.clause("C09")
def test_new_people_have_keys_of_their_own_and_no_nonce_serves_twice(
    session: Session, vault: Vault
) -> None:
    (jo, of_jo), (anna, of_anna) = (vault.seal_new(who, PLACES, ["Jo"] * 3) for who in (JO, ANNA))
    vault.store_keys(session, [jo, anna])
    with pytest.raises(SealBroken):
        vault.keys_of(session, [ANNA])[ANNA].decrypt(unpacked(of_jo)[0], place=PLACE)
    wrapped = [unpacked(row[2:])[1] for row in (jo, anna)]
    boxes = [*wrapped, *unpacked(of_jo), *unpacked(of_anna)]
    assert len({box[1:13] for box in boxes}) == len(boxes)


def test_an_empty_text_of_a_new_person_is_nothing() -> None:
    _, sealed = Vault([OLD], [INDEX]).seal_new(JO, PLACES, ["", "Jo", ""])
    first, middle, last = unpacked(sealed)
    assert (first, last) == (b"", b"")
    assert len(middle) == len("Jo") + 29


def unpacked(values: bytes) -> list[bytes]:
    """Return packed values one by one; nothing for a NULL."""
    found = []
    while values:
        size = max(int.from_bytes(values[:4], "big", signed=True), 0)
        found.append(values[4 : 4 + size])
        values = values[4 + size :]
    return found


def test_every_single_changed_bit_breaks_the_seal() -> None:
    key = PersonKey(OLD)
    sealed = key.encrypt("Jo", place=PLACE)
    for position in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(SealBroken):
            key.decrypt(bytes(changed), place=PLACE)


def test_every_cut_and_every_longer_value_breaks_the_seal() -> None:
    key = PersonKey(OLD)
    sealed = key.encrypt("Jo", place=PLACE)
    for cut in range(len(sealed)):
        with pytest.raises(SealBroken):
            key.decrypt(sealed[:cut], place=PLACE)
    with pytest.raises(SealBroken):
        key.decrypt(sealed + b"\x00", place=PLACE)


def test_another_place_or_another_person_breaks_the_seal() -> None:
    sealed = PersonKey(OLD).encrypt("Jo", place=PLACE)
    with pytest.raises(SealBroken):
        PersonKey(OLD).decrypt(sealed, place="people_customer.name:1")
    with pytest.raises(SealBroken):
        PersonKey(NEW).decrypt(sealed, place=PLACE)


def test_people_have_keys_of_their_own_that_last(session: Session, vault: Vault) -> None:
    made = vault.create_keys(session, [JO, ANNA])
    sealed = made[JO].encrypt("Jo", place=PLACE)
    found = vault.keys_of(session, [JO, ANNA, LENA])
    assert set(found) == {JO, ANNA}
    assert found[JO].decrypt(sealed, place=PLACE) == "Jo"
    with pytest.raises(SealBroken):
        found[ANNA].decrypt(sealed, place=PLACE)


def test_a_second_key_for_the_same_person_is_refused(session: Session, vault: Vault) -> None:
    vault.create_keys(session, [JO])
    with pytest.raises(IntegrityError):
        vault.create_keys(session, [JO])


def test_no_people_need_no_keys(session: Session, vault: Vault) -> None:
    assert vault.create_keys(session, []) == {}
    assert vault.keys_of(session, []) == {}


def test_wrapped_keys_swapped_between_people_are_noticed(session: Session, vault: Vault) -> None:
    vault.create_keys(session, [JO, ANNA])
    session.execute(
        text(
            "UPDATE vault_person_key k SET wrapped = o.wrapped FROM vault_person_key o"
            " WHERE k.person_id <> o.person_id"
        )
    )
    with pytest.raises(SealBroken):
        vault.keys_of(session, [JO])


def test_a_shredded_person_cannot_be_read_again(session: Session, vault: Vault) -> None:
    vault.create_keys(session, [JO, ANNA])
    vault.shred(session, JO)
    assert set(vault.keys_of(session, [JO, ANNA])) == {ANNA}


def test_rotation_in_slices_keeps_every_field_readable(session: Session) -> None:
    before = Vault([OLD], [INDEX])
    people = [PersonId(n) for n in range(1, 8)]
    sealed = {
        person: key.encrypt("Jo", place=PLACE)
        for person, key in before.create_keys(session, people).items()
    }
    between = Vault([OLD, NEW], [INDEX])
    assert between.left_to_rotate(session) == 7
    step = between.rotate(session, after=PersonId(0), limit=3)
    assert (step.last, step.changed, step.is_last) == (3, 3, False)
    assert {
        key.decrypt(sealed[person], place=PLACE)
        for person, key in between.keys_of(session, people).items()
    } == {"Jo"}
    while not step.is_last:
        step = between.rotate(session, after=step.last, limit=3)
    assert between.left_to_rotate(session) == 0
    after = Vault([NEW], [INDEX]).keys_of(session, people)
    assert all(after[person].decrypt(sealed[person], place=PLACE) == "Jo" for person in people)


def test_the_order_of_the_list_decides_only_which_key_writes(session: Session) -> None:
    Vault([OLD], [INDEX]).create_keys(session, [JO])
    assert set(Vault([NEW, OLD], [INDEX]).keys_of(session, [JO])) == {JO}
    assert Vault([NEW, OLD], [INDEX]).left_to_rotate(session) == 0


def test_a_dropped_vault_key_is_named_by_its_fingerprint_only(session: Session) -> None:
    Vault([OLD], [INDEX]).create_keys(session, [JO])
    with pytest.raises(VaultKeyMissing, match=key_name(OLD)) as caught:
        Vault([NEW], [INDEX]).keys_of(session, [JO])
    assert OLD.hex()[:8] not in str(caught.value)


@given(words=st.text(max_size=200))
def test_an_index_is_the_hmac_that_any_library_computes(words: str) -> None:
    info = b"fpmail blind index:email"
    subkey = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(INDEX)
    wanted = hmac.digest(subkey, words.encode(), "sha256")[:16]
    assert Vault([OLD], [INDEX]).index("email", words) == wanted


def test_an_index_tells_purposes_and_keys_apart() -> None:
    vault = Vault([OLD], [INDEX, NEW])
    newest, older = vault.indexes("email", "jo@example.com")
    assert newest == vault.index("email", "jo@example.com")
    assert len(newest) == 16
    assert len({newest, older, vault.index("name", "jo@example.com")}) == 3
    assert Vault([OLD], [INDEX]).index("email", "jo@example.com") == older
    assert vault.index_names == (key_name(NEW), key_name(INDEX))


def test_keys_never_show_in_a_repr() -> None:
    assert repr(Vault([OLD], [INDEX])) == "Vault(...)"
    assert repr(PersonKey(OLD)) == "PersonKey(...)"
