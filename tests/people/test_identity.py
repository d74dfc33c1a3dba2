"""Merged customers are one person, erased ones are nobody, and searches know it."""

import hashlib
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer import packed, people
from mailer.people import AudienceFilter, NewProfile, PersonGone, identity
from mailer.vault import Vault
from mailer.vocabulary import PersonId
from tests.conftest import NOW

JO = NewProfile(
    external_id="c-1", email="jo@example.com", source="shop", name="Jo Example",
    phone="+49301234567", country="DE", language="de",
)  # fmt: skip
ANNA = NewProfile(
    email="anna@example.org", source="shop", name="Anna Becker", country="AT", language="de-AT"
)
KIM = NewProfile(
    email="kim@example.net", source="shop", name="Kim O'Brien", country="IE", language="en"
)


@pytest.fixture
def three(session: Session, vault: Vault) -> tuple[PersonId, PersonId, PersonId]:
    made = people.upsert_many(session, vault, [JO, ANNA, KIM], now=NOW)
    return (made[0].person_id, made[1].person_id, made[2].person_id)


Three = tuple[PersonId, PersonId, PersonId]


def test_everybody_is_their_own_person_at_first(session: Session, three: Three) -> None:
    identity = people.identity_of(session, three[0])
    assert identity.survivor == three[0]
    assert identity.persons == {three[0]}
    assert identity.addresses == {people.address_of(session, three[0])}


def test_an_unknown_person_stands_alone(session: Session) -> None:
    identity = people.identity_of(session, PersonId(12345))
    assert identity.persons == {12345}
    assert identity.addresses == frozenset()


def test_merged_customers_share_one_identity(session: Session, vault: Vault, three: Three) -> None:
    jo, anna, kim = three
    addresses = {people.address_of(session, person) for person in three}
    people.merge(session, survivor=anna, merged=kim, now=NOW)
    people.merge(session, survivor=jo, merged=anna, now=NOW)
    for person in three:
        identity = people.identity_of(session, person)
        assert identity.survivor == jo
        assert identity.persons == {jo, anna, kim}
        assert identity.addresses == addresses
    assert people.profile_of(session, vault, anna) is None
    survivor = people.profile_of(session, vault, jo)
    assert survivor is not None
    assert survivor.name == "Jo Example"


def test_the_homes_of_many_are_told_as_one_text(session: Session, three: Three) -> None:
    people.merge(session, survivor=three[0], merged=three[1], now=NOW)
    persons = [three[0], three[2]]
    pairs = session.execute(
        text("SELECT * FROM unnest(CAST(:one AS bigint[]), CAST(:other AS bigint[]))"),
        dict(zip(("one", "other"), people.homes_of(session, packed.array(persons)), strict=True)),
    )
    told = sorted(tuple(pair) for pair in pairs)
    assert len(told) == 3
    assert told == sorted(people.addresses_of(session, persons))
    assert people.homes_of(session, packed.array([])) == ("{}", "{}")


def test_the_homes_of_a_set_are_looked_up_without_a_walk_over_everybody(session: Session) -> None:
    """Right after an import nothing is known of its rows, and each set would walk over all."""
    session.execute(
        text(
            "INSERT INTO people_address_use (person_id, address_id, since)"
            " SELECT n, n, now() FROM generate_series(1, 20000) n"
        )
    )
    given = {"persons": packed.array(range(1, 5001))}
    plan = session.execute(text(f"EXPLAIN {identity.HOMES.text}"), given).scalars().all()
    assert any("people_address_use" in line for line in plan)
    assert not [line for line in plan if "Seq Scan" in line], plan


def test_a_merge_done_twice_changes_nothing(session: Session, three: Three) -> None:
    jo, anna, _ = three
    for _ in "ab":
        people.merge(session, survivor=jo, merged=anna, now=NOW)
    versions = session.execute(
        text("SELECT version FROM people_customer WHERE id = :a"), {"a": anna}
    )
    assert versions.scalar_one() == 2


def test_impossible_merges_are_refused(session: Session, vault: Vault, three: Three) -> None:
    jo, anna, kim = three
    people.merge(session, survivor=jo, merged=anna, now=NOW)
    for survivor, merged in [(jo, jo), (anna, kim), (anna, jo), (kim, anna), (jo, PersonId(999))]:
        with pytest.raises(PersonGone):
            people.merge(session, survivor=survivor, merged=merged, now=NOW)
    people.erase(session, vault, kim, now=NOW)
    with pytest.raises(PersonGone):
        people.merge(session, survivor=jo, merged=kim, now=NOW)


def test_a_profile_of_a_merged_customer_reaches_the_survivor(
    session: Session, vault: Vault, three: Three
) -> None:
    jo, anna, _ = three
    people.merge(session, survivor=anna, merged=jo, now=NOW)
    by_id, by_address = people.upsert_many(
        session, vault, [replace(JO, name="Other"), replace(JO, external_id=None)], now=NOW
    )
    assert by_id.person_id == by_address.person_id == anna
    assert by_id.address_id == people.address_of(session, anna)
    profile = people.profile_of(session, vault, anna)
    assert profile is not None
    assert profile.name == "Anna Becker"


def test_merged_customers_are_found_as_the_survivor(
    session: Session, vault: Vault, three: Three
) -> None:
    jo, anna, _ = three
    people.merge(session, survivor=anna, merged=jo, now=NOW)
    assert people.find_by_email(session, vault, "JO@example.com") == [anna]
    assert people.find_by_phone(session, vault, "+49 30 1234567") == [anna]
    assert people.find_by_name(session, vault, "example") == [anna]


@pytest.mark.clause("C04")
def test_customers_are_found_by_words_of_their_names(
    session: Session, vault: Vault, three: Three
) -> None:
    _, anna, kim = three
    assert people.find_by_name(session, vault, "becker ANNA") == [anna]
    assert people.find_by_name(session, vault, "obrien") == [kim]
    assert people.find_by_name(session, vault, "Anna Example") == []
    assert people.find_by_name(session, vault, "Anna Anna") == [anna]
    assert people.find_by_name(session, vault, " - ") == []


@pytest.mark.clause("C04")
@pytest.mark.parametrize("dialled", ["030 1234567", "+49 (30) 1234567", "0049 30 1234567"])
def test_customers_are_found_however_the_phone_is_dialled(
    session: Session, vault: Vault, three: Three, dialled: str
) -> None:
    assert three[0] in people.find_by_phone(session, vault, dialled)


def test_a_number_that_does_not_parse_is_found_by_its_digits(
    session: Session, vault: Vault
) -> None:
    made = people.upsert(session, vault, replace(KIM, phone="ext 555-12345678901234"), now=NOW)
    assert people.find_by_phone(session, vault, "555 12345678901234") == [made.person_id]


def test_a_change_of_address_keeps_the_former_one_in_the_identity(
    session: Session, vault: Vault, three: Three
) -> None:
    jo = three[0]
    before = people.address_of(session, jo)
    after = people.change_address(session, vault, jo, email="Jo.New@Example.com", now=NOW)
    assert people.identity_of(session, jo).addresses == {before, after}
    profile = people.profile_of(session, vault, jo)
    assert profile is not None
    assert (profile.email, profile.version, profile.address_id) == ("Jo.New@example.com", 2, after)
    assert people.change_address(session, vault, jo, email="jo.new@example.com", now=NOW) == after


def test_who_is_gone_cannot_change_address(session: Session, vault: Vault, three: Three) -> None:
    jo, anna, kim = three
    people.merge(session, survivor=jo, merged=anna, now=NOW)
    people.erase(session, vault, kim, now=NOW)
    for person in (anna, kim, PersonId(999)):
        with pytest.raises(PersonGone):
            people.change_address(session, vault, person, email="new@example.com", now=NOW)
        with pytest.raises(PersonGone):
            people.address_of(session, person)


@pytest.mark.clause("C08")
def test_an_erased_customer_leaves_numbers_and_hashes_only(
    session: Session, vault: Vault, three: Three
) -> None:
    jo = three[0]
    address = people.address_of(session, jo)
    for _ in "ab":
        people.erase(session, vault, jo, now=NOW)
    assert people.profile_of(session, vault, jo) is None
    assert people.find_by_name(session, vault, "Jo") == []
    assert people.find_by_phone(session, vault, "+49301234567") == []
    assert people.find_by_email(session, vault, "jo@example.com") == []
    assert people.identity_of(session, jo).addresses == {address}
    assert people.address_id_of(session, vault, "JO@example.com", create=False) == address
    row = session.execute(text("SELECT * FROM people_customer WHERE id = :id"), {"id": jo}).one()
    assert row.email is row.name is row.phone is row.external_id is row.phone_blind is None


def test_an_erased_customer_who_comes_again_is_new_at_the_same_address(
    session: Session, vault: Vault, three: Three
) -> None:
    jo = three[0]
    address = people.address_of(session, jo)
    people.erase(session, vault, jo, now=NOW)
    again = people.upsert(session, vault, JO, now=NOW)
    assert again.created
    assert again.person_id != jo
    assert again.address_id == address


def test_erasing_reaches_all_that_were_merged(session: Session, vault: Vault, three: Three) -> None:
    jo, anna, _ = three
    people.merge(session, survivor=jo, merged=anna, now=NOW)
    people.erase(session, vault, jo, now=NOW)
    assert vault.keys_of(session, [jo, anna]) == {}


def test_an_address_has_a_number_without_a_customer(session: Session, vault: Vault) -> None:
    assert people.address_id_of(session, vault, "lena@example.com", create=False) is None
    made = people.address_id_of(session, vault, "lena@example.com", create=True)
    assert made is not None
    assert people.address_id_of(session, vault, "LENA@Example.com", create=True) == made
    assert (
        people.upsert(session, vault, replace(ANNA, email="lena@example.com"), now=NOW).address_id
        == made
    )


def test_reach_tells_who_moved_and_who_is_gone(
    session: Session, vault: Vault, three: Three
) -> None:
    jo, anna, kim = three
    before = {person: people.address_of(session, person) for person in three}
    moved = people.change_address(session, vault, jo, email="jo.new@example.com", now=NOW)
    people.merge(session, survivor=jo, merged=anna, now=NOW)
    asked = bindparam("asked", [*before, PersonId(999)], type_=ARRAY(BigInteger))
    told = {
        person: (address, version, row.gone)
        for row in session.execute(people.reach_of(asked))
        for person, address, version in zip(row.persons, row.addresses, row.versions, strict=True)
    }
    assert told[jo] == (moved, 3, False), "moved, and another became them"
    assert told[anna][2] is True
    assert told[kim] == (before[kim], 1, False)
    assert PersonId(999) not in told


def audience(session: Session, wanted: AudienceFilter) -> list[int]:
    return [row.person_id for row in session.execute(people.audience_of(wanted))]


def test_an_audience_is_chosen_by_language_country_and_number(
    session: Session, vault: Vault, three: Three
) -> None:
    jo, anna, kim = three
    assert audience(session, AudienceFilter()) == [jo, anna, kim]
    assert audience(session, AudienceFilter(person_ids=frozenset({kim}))) == [kim]
    assert audience(session, AudienceFilter(person_ids=frozenset())) == []
    people.merge(session, survivor=jo, merged=anna, now=NOW)
    people.erase(session, vault, kim, now=NOW)
    assert audience(session, AudienceFilter()) == [jo]


OLD, NEW = (hashlib.sha256(name).digest() for name in (b"old index", b"new index"))
KEY = hashlib.sha256(b"vault").digest()


def test_new_index_keys_come_in_slices_without_a_pause(session: Session, now: datetime) -> None:
    old, between, new = Vault([KEY], [OLD]), Vault([KEY], [OLD, NEW]), Vault([KEY], [NEW])
    profiles = [replace(JO, external_id=f"c-{n}", email=f"jo{n}@example.com") for n in range(5)]
    made = people.upsert_many(session, old, profiles, now=now)
    erased = people.upsert(session, old, ANNA, now=now)
    people.erase(session, old, erased.person_id, now=now)
    assert people.left_to_reindex(session, between) == 5
    step = people.reindex(session, between, after=PersonId(0), limit=2)
    assert (step.seen, step.changed) == (2, 2)
    for vault in (between,):
        assert len(people.find_by_name(session, vault, "example")) == 5
        assert len(people.find_by_phone(session, vault, "+49301234567")) == 5
        assert people.find_by_email(session, vault, "jo4@example.com") == [made[4].person_id]
    while not step.is_last:
        step = people.reindex(session, between, after=step.last, limit=2)
    assert people.left_to_reindex(session, between) == 0
    assert len(people.find_by_name(session, new, "example")) == 5
    assert len(people.find_by_phone(session, new, "+49301234567")) == 5
    assert people.find_by_email(session, new, "jo0@example.com") == [made[0].person_id]
    again = people.upsert_many(session, new, profiles, now=now)
    assert not any(answer.created or answer.changed for answer in again)
    assert (
        people.address_id_of(session, between, "anna@example.org", create=False)
        == erased.address_id
    )


def test_a_customer_changed_between_two_index_keys_is_found_under_the_new_one(
    session: Session, now: datetime
) -> None:
    old, between, new = Vault([KEY], [OLD]), Vault([KEY], [OLD, NEW]), Vault([KEY], [NEW])
    jo = people.upsert(session, old, JO, now=now).person_id
    people.upsert(session, between, replace(JO, city="Rome"), now=now)
    assert people.find_by_name(session, new, "Jo") == [jo]
    assert people.find_by_phone(session, new, "+49301234567") == [jo]
    assert people.left_to_reindex(session, between) == 1
    people.reindex(session, between, after=PersonId(0), limit=10)
    assert people.find_by_email(session, new, "jo@example.com") == [jo]


def test_an_address_known_under_two_index_keys_stays_one_for_look_ups(
    session: Session, now: datetime
) -> None:
    old, between, new = Vault([KEY], [OLD]), Vault([KEY], [OLD, NEW]), Vault([KEY], [NEW])
    first = people.upsert(session, old, JO, now=now).address_id
    people.upsert(session, new, replace(JO, external_id="c-7"), now=now)
    assert people.address_id_of(session, between, "jo@example.com", create=True) == first
    people.reindex(session, between, after=PersonId(0), limit=10)
    assert people.left_to_reindex(session, between) == 0
    assert people.address_id_of(session, between, "jo@example.com", create=True) == first


def test_domains_carry_a_tag_under_each_index_key(session: Session) -> None:
    between = Vault([KEY], [OLD, NEW])
    people.upsert(session, between, JO, now=NOW)
    tag = session.execute(text("SELECT domain_tag FROM people_address")).scalar_one()
    assert tag == people.domain_tags(between, "Example.com")[0]
    assert people.domain_tags(between, "example.com")[1:] == people.domain_tags(
        Vault([KEY], [OLD]), "example.com"
    )
