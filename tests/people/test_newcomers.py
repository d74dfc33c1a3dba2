"""Customers made ready ahead: as if they had come in one by one, or left to that way."""

from collections.abc import Sequence
from dataclasses import replace
from threading import Event, Thread

from sqlalchemy import text
from sqlmodel import Session

from mailer import people
from mailer.database import Database
from mailer.people import NewProfile, Profile, check_profile
from mailer.vault import Vault
from mailer.vocabulary import PersonId
from tests.conftest import NOW
from tests.people.test_upserts import ANNA, JO, seen


def welcome(session: Session, vault: Vault, *profiles: NewProfile) -> list[bool]:
    checked = [check_profile(profile, now=NOW) for profile in profiles]
    reserved = people.reserve(session, len(checked))
    ready = people.make_ready(vault, checked, reserved, now=NOW)
    return people.welcome(session, vault, ready)


def only(session: Session, vault: Vault) -> Profile:
    (profile,) = people.customers_page(session, vault, after=PersonId(0), limit=10)
    return profile


def stored(session: Session) -> dict[str, list[tuple[object, ...]]]:
    """Return what tells customers apart, without what is random or a number."""
    tables = {
        "people_customer": "external_id, version, index_key, phone_blind, country, language,"
        " timezone, source, attributes, created_at, merged_into, erased_at",
        "people_address": "blind, index_key, domain_tag",
        "people_address_use": "since, until",
        "people_name_word": "blind",
        "vault_person_key": "vault_key, length(wrapped)",
    }
    return {
        table: sorted(tuple(row) for row in session.execute(text(f"SELECT {columns} FROM {table}")))
        for table, columns in tables.items()
    }


def test_who_was_made_ready_is_who_would_have_come_in(session: Session, vault: Vault) -> None:
    assert welcome(session, vault, JO) == [True]
    ready, tables = only(session, vault), stored(session)
    session.rollback()
    came = people.upsert(session, vault, JO, now=NOW)
    one_by_one = seen(session, vault, came.person_id)
    assert replace(ready, person_id=one_by_one.person_id, address_id=one_by_one.address_id) == (
        one_by_one
    )
    assert tables == stored(session)


def test_an_empty_attribute_is_kept_neither_way(session: Session, vault: Vault) -> None:
    given = replace(JO, attributes={"plan": "gold", "tags": ""})
    welcome(session, vault, given)
    assert only(session, vault).attributes == {"plan": "gold"}
    session.rollback()
    came = people.upsert(session, vault, given, now=NOW)
    assert seen(session, vault, came.person_id).attributes == {"plan": "gold"}


def test_who_was_made_ready_is_found_by_everything_that_names_them(
    session: Session, vault: Vault
) -> None:
    welcome(session, vault, JO)
    person = [only(session, vault).person_id]
    assert people.find_by_email(session, vault, "jo@example.com") == person
    assert people.find_by_phone(session, vault, "+49 30 1234567") == person
    assert people.find_by_name(session, vault, "example jo") == person
    assert people.find_by_external_id(session, "c-1") == person


def test_who_is_known_is_left_alone(session: Session, vault: Vault) -> None:
    people.upsert_many(session, vault, [JO, ANNA], now=NOW)
    same_id = replace(JO, email="another@example.com")
    same_address = replace(ANNA, external_id="c-9")
    new = replace(ANNA, email="kim@example.org", name="Kim")
    assert welcome(session, vault, same_id, new, same_address) == [False, True, False]
    kept = people.customers_page(session, vault, after=PersonId(0), limit=10)
    assert [profile.email for profile in kept] == [
        "Jo@example.com",
        "anna@example.org",
        "kim@example.org",
    ]


def test_an_address_under_an_older_index_key_is_known(session: Session) -> None:
    vault_keys, old, new = [b"v" * 32], b"o" * 32, b"n" * 32
    people.upsert(session, Vault(vault_keys, [old]), ANNA, now=NOW)
    assert welcome(session, Vault(vault_keys, [old, new]), ANNA) == [False]


def test_of_whom_two_profiles_speak_neither_is_taken(session: Session, vault: Vault) -> None:
    shouted = replace(ANNA, email="ANNA@example.org")
    twice = replace(JO, email="other@example.com")
    kim = replace(ANNA, email="kim@example.org")
    assert welcome(session, vault, ANNA, JO, shouted, kim, twice) == [False] * 3 + [True, False]


def test_who_another_door_makes_meanwhile_is_left_to_be_found(
    database: Database, vault: Vault
) -> None:
    answers: list[Sequence[bool]] = []
    looked = Event()

    def come_in() -> None:
        with database.transaction() as session:
            session.execute(text("SELECT 1"))
            looked.set()
            answers.append(welcome(session, vault, JO, ANNA))

    with database.transaction() as session:
        people.upsert(session, vault, JO, now=NOW)
        thread = Thread(target=come_in)
        thread.start()
        looked.wait(10)
        _wait_for_a_lock(database)
    thread.join()
    assert answers == [[False, False]]
    with database.reading() as session:
        assert only(session, vault).external_id == "c-1"


def _wait_for_a_lock(database: Database) -> None:
    """Return once some connection waits for another one's commit."""
    waiting = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    for _ in range(2000):
        with database.reading() as session:
            if session.execute(waiting).scalar_one():
                return
    raise AssertionError("nobody waits")
