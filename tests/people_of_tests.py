"""Builders: named customers with their permissions, made through the rooms' own doors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import people, permission
from mailer.people import NewProfile
from mailer.permission import Change
from mailer.vault import Vault
from mailer.vocabulary import AddressId, Door, PersonId, Topic


@dataclass(frozen=True)
class TestPerson:
    """A customer of a test, with the numbers that the rooms gave them."""

    __test__ = False

    person_id: PersonId
    address_id: AddressId
    email: str


def a_customer(
    session: Session,
    vault: Vault,
    name: str = "Jo Example",
    *,
    email: str | None = None,
    topics: Iterable[Topic] = (Topic.COMPANY_NEWS,),
    city: str = "",
    country: str = "",
    timezone: str = "",
    now: datetime,
) -> TestPerson:
    """Make a customer who switched some topics on."""
    address = email or f"{name.lower().replace(' ', '.')}@example.com"
    profile = NewProfile(
        email=address, name=name, city=city, country=country, timezone=timezone, source="shop"
    )
    made = people.upsert(session, vault, profile, now=now)
    permission.admit(session, [made.person_id], now=now)
    wanted = frozenset(topics)
    if wanted:
        permission.apply(
            session,
            person_id=made.person_id,
            address_ids=[made.address_id],
            change=Change(
                door=Door.PREFERENCE_PAGE,
                policy_version="2026-11",
                topics_on=wanted,
                words="Send me these by e-mail.",
            ),
            reference="P-TEST-0001",
            now=now,
        )
    return TestPerson(made.person_id, made.address_id, address)


def many_customers(
    session: Session,
    vault: Vault,
    count: int,
    *,
    topics: Iterable[Topic] = (Topic.COMPANY_NEWS,),
    timezones: Sequence[str] = ("",),
    name: str = "Customer {}",
    email: str = "customer{}@example.com",
    now: datetime,
) -> list[TestPerson]:
    """Make numbered customers in sets; they get their topics as from a list with a source.

    Their number stands in their name and address; their zones are taken in turn.
    """
    made: list[TestPerson] = []
    wanted = frozenset(topics)
    for start in range(0, count, 2000):
        profiles = [
            NewProfile(
                email=email.format(n),
                name=name.format(n),
                source="shop",
                timezone=timezones[n % len(timezones)],
            )
            for n in range(start, min(start + 2000, count))
        ]
        done = people.upsert_many(session, vault, profiles, now=now)
        made += [
            TestPerson(each.person_id, each.address_id, profile.email)
            for each, profile in zip(done, profiles, strict=True)
        ]
        permission.admit(session, [each.person_id for each in done], now=now)
        if wanted:
            permission.import_permissions(
                session,
                [permission.ImportedYes(each.person_id, wanted, "shop") for each in done],
                policy_version="2026-11",
                reference="P-TEST-0002",
                now=now,
            )
    return made
