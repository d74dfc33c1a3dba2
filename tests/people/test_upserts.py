"""Customers come in, one by one or in sets, with the same outcome."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import event, text
from sqlmodel import Session

from mailer import people
from mailer.database import Database
from mailer.people import NewProfile, Profile, Upserted
from mailer.vault import SealBroken, Vault
from mailer.vocabulary import PersonId
from tests.conftest import NOW

JO = NewProfile(
    external_id="c-1",
    email="Jo@Example.com",
    source="shop",
    name="Jo Example",
    phone="030 1234567",
    street="Main Street 5",
    city="Berlin",
    region="BE",
    postal_code="10115",
    country="DE",
    language="de-AT",
    timezone="Europe/Berlin",
    birth_year=1980,
    attributes={"plan": "gold"},
)
ANNA = NewProfile(email="anna@example.org", source="checkout", name="Anna Becker")


def take(session: Session, vault: Vault, *profiles: NewProfile) -> list[Upserted]:
    return people.upsert_many(session, vault, profiles, now=NOW)


def seen(session: Session, vault: Vault, person_id: PersonId) -> Profile:
    profile = people.profile_of(session, vault, person_id)
    assert profile is not None
    return profile


def test_a_customer_comes_back_as_they_came_in(
    session: Session, vault: Vault, now: datetime
) -> None:
    made = people.upsert(session, vault, JO, now=now)
    assert made.created
    assert seen(session, vault, made.person_id) == Profile(
        person_id=made.person_id,
        address_id=made.address_id,
        version=1,
        email="Jo@example.com",
        name="Jo Example",
        phone="+49301234567",
        street="Main Street 5",
        city="Berlin",
        region="BE",
        postal_code="10115",
        country="DE",
        language="de-AT",
        timezone="Europe/Berlin",
        birth_year=1980,
        external_id="c-1",
        source="shop",
        attributes={"plan": "gold"},
        created_at=now,
    )
    assert seen(session, vault, made.person_id).first_name == "Jo"


@pytest.mark.clause("C09")
def test_nothing_that_names_a_customer_stands_in_the_clear(session: Session, vault: Vault) -> None:
    take(session, vault, JO)
    for table in ("people_customer", "people_address", "people_name_word", "people_address_use"):
        for row in session.execute(text(f"SELECT * FROM {table}")).mappings():
            stored = b"|".join(
                value if isinstance(value, bytes) else str(value).encode() for value in row.values()
            )
            for word in (b"xample", b"Main", b"Street", b"BE|", b"10115", b"1234567", b"1980"):
                assert word not in stored


def test_a_customer_is_found_by_the_shops_id_before_the_address(
    session: Session, vault: Vault
) -> None:
    first, _ = take(session, vault, JO, ANNA)
    again, *_ = take(session, vault, replace(ANNA, external_id="c-1"))
    assert again.person_id == first.person_id


def test_a_customer_without_an_id_is_found_by_address_and_given_one(
    session: Session, vault: Vault
) -> None:
    (anna,) = take(session, vault, ANNA)
    (again,) = take(session, vault, replace(ANNA, external_id="c-2", email="ANNA@example.org"))
    assert (again.person_id, again.created) == (anna.person_id, False)
    assert seen(session, vault, anna.person_id).external_id == "c-2"


def test_two_of_the_shops_customers_may_share_an_address(session: Session, vault: Vault) -> None:
    (jo,) = take(session, vault, JO)
    (kim,) = take(session, vault, replace(JO, external_id="c-9", name="Kim Example"))
    assert kim.created
    assert kim.address_id == jo.address_id
    (first,) = take(session, vault, replace(JO, external_id=None))
    assert first.person_id == jo.person_id


def test_what_is_not_said_stays_and_what_is_emptied_goes(session: Session, vault: Vault) -> None:
    (jo,) = take(session, vault, JO)
    take(
        session,
        vault,
        NewProfile(external_id="c-1", email="jo@example.com", source="form", phone=""),
    )
    after = seen(session, vault, jo.person_id)
    assert (after.name, after.phone, after.attributes) == ("Jo Example", "", {"plan": "gold"})
    assert after.source == "shop"
    assert people.find_by_phone(session, vault, "+49301234567") == []


def test_attributes_are_changed_by_their_names_and_an_empty_one_goes(
    session: Session, vault: Vault
) -> None:
    (jo,) = take(session, vault, JO)
    take(session, vault, replace(JO, attributes={"tags": "vip"}))
    assert seen(session, vault, jo.person_id).attributes == {"plan": "gold", "tags": "vip"}
    take(session, vault, replace(JO, attributes={"plan": ""}))
    assert seen(session, vault, jo.person_id).attributes == {"tags": "vip"}
    take(session, vault, replace(JO, attributes={}))
    assert seen(session, vault, jo.person_id).attributes == {"tags": "vip"}


def test_nobody_gathers_more_attributes_than_are_kept(session: Session, vault: Vault) -> None:
    first, more = ({f"{part}_{n}": "x" for n in range(30)} for part in ("first", "more"))
    people.upsert(session, vault, replace(JO, attributes=first), now=NOW)
    with pytest.raises(people.FieldInvalid, match="more than 50"):
        people.upsert(session, vault, replace(JO, attributes=more), now=NOW)


def test_whoever_has_too_many_attributes_by_files_can_still_be_changed_and_cleared(
    session: Session, vault: Vault
) -> None:
    first, more = ({f"{part}_{n}": "x" for n in range(30)} for part in ("first", "more"))
    (jo,) = take(session, vault, replace(JO, attributes=first))
    take(session, vault, replace(JO, attributes=more))
    assert len(seen(session, vault, jo.person_id).attributes) == 60
    people.upsert(session, vault, replace(JO, attributes={"first_1": "y"}), now=NOW)
    assert seen(session, vault, jo.person_id).attributes["first_1"] == "y"
    people.upsert(session, vault, replace(JO, attributes=dict.fromkeys(first | more, "")), now=NOW)
    assert seen(session, vault, jo.person_id).attributes == {}


def test_whoever_has_too_many_attributes_by_files_keeps_tags_that_can_be_changed(
    session: Session, vault: Vault
) -> None:
    tags = [f"t{n:03}" for n in range(180)]
    first, more = ({f"{part}_{n}": "x" for n in range(30)} for part in ("first", "more"))
    (jo,) = take(session, vault, replace(JO, attributes=first))
    take(session, vault, replace(JO, attributes=more | {"tags": ",".join(tags)}))
    told = people.change_tags(session, jo.person_id, remove=["t000"], add=["vip"])
    assert told == [*tags[1:], "vip"]
    ann = replace(JO, external_id="c-2", email="ann@example.com")
    (known,) = take(session, vault, replace(ann, attributes=first))
    take(session, vault, replace(ann, attributes=more))
    with pytest.raises(people.FieldInvalid, match="more than 50"):
        people.change_tags(session, known.person_id, add=["vip"])


def test_the_version_goes_up_only_when_a_fact_changes(session: Session, vault: Vault) -> None:
    (jo,) = take(session, vault, JO)
    (same,) = take(session, vault, JO)
    assert (same.created, same.changed) == (False, False)
    assert seen(session, vault, jo.person_id).version == 1
    (moved,) = take(session, vault, replace(JO, city="Vienna"))
    assert moved.changed
    assert seen(session, vault, jo.person_id).version == 2


def test_another_address_is_told_and_the_former_one_remembered(
    session: Session, vault: Vault
) -> None:
    (jo,) = take(session, vault, JO)
    (moved,) = take(session, vault, replace(JO, email="jo@example.net"))
    assert (moved.person_id, moved.moved_from) == (jo.person_id, jo.address_id)
    assert moved.address_id != jo.address_id
    identity = people.identity_of(session, jo.person_id)
    assert identity.addresses == {jo.address_id, moved.address_id}
    assert people.find_by_email(session, vault, "jo@example.com") == []
    assert people.find_by_email(session, vault, "jo@example.net") == [jo.person_id]
    (back,) = take(session, vault, JO)
    assert back.address_id == jo.address_id


def test_of_two_words_about_one_customer_the_later_stands(session: Session, vault: Vault) -> None:
    first, second, third = take(
        session,
        vault,
        JO,
        replace(JO, external_id=None, name="Joan Example"),
        replace(JO, phone=None, city="Rome"),
    )
    assert first.person_id == second.person_id == third.person_id
    assert [first.created, second.created, third.created] == [True, False, False]
    profile = seen(session, vault, first.person_id)
    assert (profile.name, profile.city, profile.phone) == ("Jo Example", "Rome", "+49301234567")


def test_no_profiles_make_no_customers(session: Session, vault: Vault) -> None:
    assert take(session, vault) == []


def test_one_bad_profile_writes_nothing(session: Session, vault: Vault) -> None:
    with pytest.raises(people.AddressInvalid):
        take(session, vault, JO, replace(ANNA, email="anna"))
    assert session.execute(text("SELECT count(*) FROM people_customer")).scalar_one() == 0
    assert session.execute(text("SELECT count(*) FROM people_address")).scalar_one() == 0


def _some_profiles(dice: random.Random) -> list[NewProfile]:
    return [
        NewProfile(
            external_id=dice.choice([None, "c-1", "c-2", "c-3"]),
            email=dice.choice(
                ["jo@example.com", "JO@example.com", "anna@example.com", "kim@example.com"]
            ),
            source="shop",
            name=dice.choice([None, "", "Jo Example", "Anna Becker"]),
            phone=dice.choice([None, "", "+49301234567"]),
            attributes=dice.choice([None, {"plan": "", "tags": "vip"}, {"plan": "gold"}]),
        )
        for _ in range(12)
    ]


def _state(session: Session, vault: Vault, answers: Sequence[Upserted]) -> list[object]:
    """Who is who, and what is known of them, in the order of first mention."""
    order = list(dict.fromkeys(answer.person_id for answer in answers))
    profiles = people.profiles_of(session, vault, order)
    facts = [
        (
            p.external_id,
            p.email,
            p.name,
            p.phone,
            p.attributes,
            people.find_by_name(session, vault, "jo").count(p.person_id),
        )
        for p in (profiles[person] for person in order)
    ]
    return [order.index(answer.person_id) for answer in answers] + list(facts)


@pytest.mark.parametrize("seed", range(60))
def test_a_set_ends_as_its_profiles_would_one_after_another(
    session: Session, vault: Vault, seed: int
) -> None:
    before, profiles = (_some_profiles(random.Random(f"{seed}{part}")) for part in "ab")
    outcomes = []
    for one_by_one in (True, False):
        point = session.begin_nested()
        answers = take(session, vault, *before[:4])
        if one_by_one:
            answers += [people.upsert(session, vault, profile, now=NOW) for profile in profiles]
        else:
            answers += take(session, vault, *profiles)
        outcomes.append(_state(session, vault, answers))
        point.rollback()
    assert outcomes[0] == outcomes[1]


def test_doors_at_the_same_moment_make_one_customer(database: Database, vault: Vault) -> None:
    made: list[Upserted] = []

    def come_in(number: int) -> None:
        with database.transaction() as session:
            named = replace(JO, name=f"Jo {number}", external_id=None if number % 2 else "c-1")
            made.append(people.upsert(session, vault, named, now=NOW))

    threads = [Thread(target=come_in, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.person_id for answer in made}) == 1
    assert sum(answer.created for answer in made) == 1


def test_doors_with_one_id_and_many_addresses_make_one_customer(
    database: Database, vault: Vault
) -> None:
    made: list[Upserted] = []

    def come_in(number: int) -> None:
        with database.transaction() as session:
            moved = replace(JO, email=f"jo{number}@example.com")
            made.append(people.upsert(session, vault, moved, now=NOW))

    threads = [Thread(target=come_in, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.person_id for answer in made}) == 1
    assert sum(answer.created for answer in made) == 1


def test_a_batch_of_five_hundred_is_read_in_two_statements(session: Session, vault: Vault) -> None:
    made = take(session, vault, *(replace(ANNA, email=f"anna{n}@example.org") for n in range(500)))
    statements: list[str] = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
    found = people.profiles_of(session, vault, [answer.person_id for answer in made])
    assert len(found) == 500
    assert len(statements) <= 2


def test_pages_go_on_where_the_last_one_ended(session: Session, vault: Vault) -> None:
    made = take(session, vault, *(replace(ANNA, email=f"anna{n}@example.org") for n in range(5)))
    first = people.customers_page(session, vault, after=PersonId(0), limit=3)
    second = people.customers_page(session, vault, after=first[-1].person_id, limit=3)
    assert [p.person_id for p in first + second] == [answer.person_id for answer in made]


def test_fields_swapped_between_customers_are_noticed(session: Session, vault: Vault) -> None:
    jo, _ = take(session, vault, JO, ANNA)
    session.execute(
        text("UPDATE people_customer c SET name = o.name FROM people_customer o WHERE o.id <> c.id")
    )
    with pytest.raises(SealBroken):
        people.profile_of(session, vault, jo.person_id)


def test_an_error_of_the_database_tells_nothing_of_the_customer(
    session: Session, vault: Vault
) -> None:
    session.execute(
        text("ALTER TABLE people_customer ADD CONSTRAINT no_de CHECK (country <> 'DE')")
    )
    with pytest.raises(Exception, match="people_customer") as caught:
        take(session, vault, JO)
    assert "Example" not in str(caught.value)


def test_time_of_coming_is_kept(session: Session, vault: Vault) -> None:
    (jo,) = take(session, vault, JO)
    people.upsert(session, vault, replace(JO, city="Rome"), now=NOW + timedelta(days=1))
    assert seen(session, vault, jo.person_id).created_at == NOW
