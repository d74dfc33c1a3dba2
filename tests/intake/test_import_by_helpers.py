"""Rows made ready ahead, in sets or by helpers, come to what single rows do."""

import random
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from mailer import people
from mailer.people import NewProfile, Profile
from mailer.vocabulary import PersonId
from tests.conftest import NOW
from tests.intake.conftest import NEWS, Desk, person


def crowd(seed: int) -> list[dict[str, str]]:
    """Rows by a dice: people who come back, share or change addresses, and some nonsense."""
    dice = random.Random(seed)
    return [
        {
            "external_id": dice.choice(["", f"c-{dice.randrange(12)}"]),
            "email": dice.choice([f"jo{dice.randrange(15)}@example.com", "JO1@example.com", "no"]),
            "name": dice.choice(["Jo", "Zoë Groß", "Jo\x00", "Mallory\r\nBcc: x"]),
            "city": dice.choice(["", "Rome", "Oslo"]),
            "topics": dice.choice(["", NEWS, f"{NEWS} partner_offers"]),
        }
        for _ in range(40)
    ]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("helpers", [0, 2])
def test_sets_made_ready_ahead_come_to_what_single_rows_do(
    desk: Desk, seed: int, helpers: int
) -> None:
    rows = crowd(seed)
    report = desk.take(rows, set_size=7, helpers=helpers)
    with desk.database.reading() as session:
        session.execute(text("TRUNCATE people_customer, people_address, people_address_use"))
        one_by_one: Counter[str] = Counter()
        for row in rows:
            facts: dict[str, Any] = {
                name: row[name] for name in ("email", "external_id", "name", "city")
            }
            try:
                made = people.upsert(
                    session, desk.vault, NewProfile(source="shop", **facts), now=NOW
                )
                one_by_one["created" if made.created else "known"] += 1
            except (people.AddressInvalid, people.FieldInvalid):
                one_by_one["rejected"] += 1
        wanted = people.customers_page(session, desk.vault, after=PersonId(0), limit=1000)
    assert sorted(map(told, desk.customers())) == sorted(map(told, wanted))
    assert (report.created, report.rejected) == (one_by_one["created"], one_by_one["rejected"])
    assert report.rows == len(rows)


def told(profile: Profile) -> tuple[str, ...]:
    return (profile.external_id or "", profile.email, profile.name, profile.city)


def test_helpers_find_the_same_refusals_in_the_same_order(desk: Desk) -> None:
    rows = [person(n, email="no" if n % 3 == 0 else f"jo{n}@example.com") for n in range(40)]
    report = desk.take(rows, helpers=3)
    assert report.rejects is not None
    lines = [line.split(",")[0] for line in report.rejects.read_text().splitlines()[1:]]
    assert lines == [str(n + 2) for n in range(0, 40, 3)]
    assert [p.external_id for p in desk.customers()] == [f"c-{n}" for n in range(40) if n % 3]
