"""An audience is counted in parts: as the dry run counts it, once for all who ask, no small part shown."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import campaigns
from mailer.campaigns import Audience, audience_select
from mailer.campaigns.audience import Count, Numbers, count_step, published_count
from mailer.campaigns.audience.portions import FIRST
from mailer.database import Database
from mailer.vault import Vault
from mailer.vocabulary import Reason, Topic
from tests.campaigns.audience import customer, members, order, rule
from tests.people_of_tests import a_customer

FEW = "fewer than 10"


def test_an_audience_in_parts_is_the_whole(session: Session, vault: Vault, now: datetime) -> None:
    those = [customer(session, vault, f"customer{n}", now) for n in range(9)]
    for number, each in enumerate(those[::2]):
        order(session, vault, each, f"N-{number}", "POS-PRO", now)
    wanted = Audience(rule=rule(kind="not", of={"kind": "ordered"}))
    cut = [those[0], those[4], those[8] + 1]
    parts = [
        row.person_id
        for first, end in pairwise(cut)
        for row in session.execute(audience_select(wanted, now=now, within=Numbers(first, end)))
    ]
    assert parts == members(session, now, kind="not", of={"kind": "ordered"}) == those[1::2]


def test_a_count_in_parts_says_how_far_it_is_and_ends_as_the_dry_run(
    database: Database, vault: Vault, now: datetime
) -> None:
    everybody = rule(kind="everybody")
    with database.transaction() as session:
        a_customer(session, vault, "Jo Example", now=now)
        session.execute(text("SELECT setval('people_customer_id_seq', 250000)"))
        a_customer(session, vault, "Anna Becker", now=now)
        a_customer(session, vault, "Ben Stone", topics=(), now=now)
    told: list[Count] = []
    while not told or not told[-1].is_whole:
        with database.transaction() as session:
            told.append(count_step(session, everybody, topic=Topic.COMPANY_NEWS, now=now))
    assert [(each.audience, each.is_whole) for each in told] == [(1, False), (3, True)]
    assert 0.7 < told[0].progress < 0.9
    with database.reading() as session:
        whole = campaigns.count(session, Audience(), topic=Topic.COMPANY_NEWS, now=now)
        assert session.execute(text("SELECT count(*) FROM campaigns_count")).scalar_one() == 0
    assert (whole.allowed, whole.refused) == (2, {Reason.NOT_NEVER: 1})
    assert (told[-1].allowed, told[-1].refused) == (whole.allowed, whole.refused)


def test_a_count_lives_from_its_last_step_on_and_not_from_its_beginning(
    database: Database, vault: Vault, now: datetime
) -> None:
    with database.transaction() as session:
        a_customer(session, vault, "Jo Example", now=now)
        session.execute(text("SELECT setval('people_customer_id_seq', 850000)"))
        a_customer(session, vault, "Anna Becker", now=now)

    def step(minutes: int) -> Count:
        with database.transaction() as session:
            return count_step(
                session,
                rule(kind="everybody"),
                topic=Topic.COMPANY_NEWS,
                now=now + timedelta(minutes=minutes),
            )

    steps = [step(minutes) for minutes in (0, 12, 24, 40)]
    assert [each.progress for each in steps] == pytest.approx([0.235, 0.47, 0.7, 0.235], abs=0.01)
    assert [each.as_at for each in steps] == [now, now, now, now + timedelta(minutes=40)]


def test_a_count_remembers_from_step_to_step_how_large_its_portions_may_be(
    session: Session, vault: Vault, now: datetime
) -> None:
    a_customer(session, vault, "Jo Example", now=now)
    session.execute(text("SELECT setval('people_customer_id_seq', 850000)"))
    a_customer(session, vault, "Anna Becker", now=now)

    def step() -> int:
        count_step(session, rule(kind="everybody"), topic=Topic.COMPANY_NEWS, now=now)
        portion = session.execute(text("SELECT portion FROM campaigns_count")).scalar_one()
        assert isinstance(portion, int)
        return portion

    assert step() % FIRST == 0, "each quick one makes it three times as large"
    session.execute(text("UPDATE campaigns_count SET portion = 1001"))
    assert step() % 1001 == 0


def test_two_who_ask_for_the_same_count_at_once_share_it(
    database: Database, vault: Vault, now: datetime
) -> None:
    with database.transaction() as session:
        a_customer(session, vault, "Jo Example", now=now)
        session.execute(text("SELECT setval('people_customer_id_seq', 450000)"))
        a_customer(session, vault, "Anna Becker", now=now)

    def step() -> Count:
        with database.transaction() as session:
            return count_step(session, rule(kind="everybody"), topic=Topic.COMPANY_NEWS, now=now)

    with ThreadPoolExecutor(1) as other, database.transaction() as session:
        first = count_step(session, rule(kind="everybody"), topic=Topic.COMPANY_NEWS, now=now)
        meanwhile = other.submit(step)
        while not session.execute(text("SELECT 1 FROM pg_locks WHERE NOT granted")).all():
            pass
        session.commit()
        second = meanwhile.result()
    assert [first.progress, second.progress] == pytest.approx([0.444, 0.889], abs=0.01)
    whole = step()
    assert (whole.audience, whole.is_whole) == (2, True)


@pytest.mark.clause("C15")
@pytest.mark.parametrize(
    ("allowed", "refused", "shown"),
    [
        (80, (20, 15), (80, (20, 15))),
        (80, (20, 0), (80, ("withheld", FEW))),
        (80, (20, 5), (80, ("withheld", FEW))),
        (80, (6, 5), ("withheld", (FEW, FEW))),
        (80, (3, 2), (f"all but {FEW}", (FEW, FEW))),
    ],
)
def test_no_part_of_a_count_gives_a_small_one_away(
    now: datetime, allowed: int, refused: tuple[int, int], shown: tuple[Any, tuple[Any, Any]]
) -> None:
    told = published_count(count_of(allowed, refused, now))
    assert (told.allowed, tuple(told.refused.values())) == shown
    assert (told.audience, told.held) == (allowed + sum(refused), 0)


@pytest.mark.clause("C15")
def test_who_is_held_is_a_part_like_any_other(now: datetime) -> None:
    told = published_count(count_of(80, (20, 15), now, held=9))
    assert (told.audience, told.allowed, told.held) == (124, 80, FEW)
    assert told.refused == {Reason.NOT_ALL: 20, Reason.NOT_NEVER: "withheld"}
    assert published_count(count_of(80, (20, 15), now, held=12)).held == 12


@pytest.mark.clause("C15")
def test_of_fewer_than_ten_no_reason_is_named(now: datetime) -> None:
    told = published_count(count_of(4, (3, 2), now))
    assert (told.audience, told.allowed, told.held, told.refused) == (FEW, FEW, FEW, {})


def count_of(allowed: int, refused: tuple[int, int], now: datetime, held: int = 0) -> Count:
    """Make a count of these parts."""
    reasons = (Reason.NOT_ALL, Reason.NOT_NEVER)
    return Count(
        audience=allowed + sum(refused) + held,
        allowed=allowed,
        refused=dict(zip(reasons, refused, strict=True)),
        as_at=now,
        held=held,
    )
