"""What a step of a count reads is bounded by its part, and its time by its portions."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlmodel import Session

from mailer import people
from mailer.campaigns import Audience, audience, audience_select
from mailer.campaigns.audience import Numbers
from mailer.campaigns.audience.portions import Pace, Portions
from mailer.delivery import DryRun
from mailer.measure import Kind
from mailer.vault import Vault
from mailer.vocabulary import PersonId
from tests.campaigns.audience import customer, members, rule
from tests.measure.mails import Handed, hand_over


def in_parts(
    session: Session, those: list[PersonId], now: datetime, **said: Any
) -> Iterator[PersonId]:
    """An audience, put together from parts of two customers' numbers."""
    for first, end in pairwise([*those[::2], those[-1] + 1]):
        within = Numbers(first, end)
        rows = session.execute(audience_select(Audience(rule=rule(**said)), now=now, within=within))
        yield from (row.person_id for row in rows)


@pytest.mark.parametrize("survivor", [0, -1])
def test_who_was_merged_counts_in_the_part_of_the_survivor(
    session: Session, vault: Vault, now: datetime, *, survivor: int
) -> None:
    those = [customer(session, vault, f"customer{n}", now) for n in range(7)]
    hand_over(session, now, {7: those})
    Handed(1, now).write(session, [(those[n], 0, Kind.GET, 0) for n in (1, 3, 4)])
    made = audience.create_list(session, name="Fair", by="test", now=now)
    audience.put_on_list(session, made.list_id, [those[3], those[5]], by="test", now=now)
    people.merge(session, survivor=those[survivor], merged=those[3], now=now)
    left = [each for each in those if each != those[3]]
    for asked, wanted in (
        ({"kind": "engaged", "within_days": 1}, {those[survivor], those[1], those[4]}),
        ({"kind": "engaged", "campaign": 1}, set[PersonId]()),
        ({"kind": "list", "id": made.list_id}, {those[survivor], those[5]}),
    ):
        for said in (asked, {"kind": "not", "of": asked}):
            found = list(in_parts(session, those, now, **said))
            assert found == members(session, now, **said)
            expected = wanted if said is asked else set(left) - wanted
            assert found == sorted(expected)


def test_a_part_reads_the_clicks_of_its_own_people_only(
    session: Session, vault: Vault, now: datetime
) -> None:
    those = [customer(session, vault, f"customer{n}", now) for n in range(20)]
    hand_over(session, now, {7: those})
    Handed(1, now).write(session, [(each, 0, Kind.GET, n) for n in range(5) for each in those])
    either = [{"kind": "engaged", "within_days": days} for days in (1, 2)]
    wanted = Audience(rule=rule(kind="any", of=either))
    chosen = audience_select(wanted, now=now, within=Numbers(those[4], those[6]))
    plan = explained(session, chosen)
    read = [rows for table, rows in scanned(plan) if table == "measure_click"]
    assert 0 < sum(read) <= 2 * 2 * 5


def test_a_walk_over_everybody_reads_an_index_and_no_sealed_row(
    session: Session, vault: Vault, now: datetime
) -> None:
    for n in range(20):
        customer(session, vault, f"customer{n}", now)
    session.execute(
        text("SET LOCAL enable_seqscan = off")
    )  # twenty rows are read sooner as a table
    session.execute(text("SET LOCAL enable_bitmapscan = off"))
    asked = [
        {"kind": "country", "any_of": ["DE", "unknown"]},
        {"kind": "language", "any_of": ["de", "en"]},
        {"kind": "timezone", "any_of": ["Europe/Berlin", "unknown"]},
        {"kind": "source", "any_of": ["shop"]},
        {"kind": "customer_since", "before": "2030-01-01T00:00:00Z"},
    ]
    everything = Audience(rule=rule(kind="all", of=asked))
    chosen = audience_select(everything, now=now, said=people.said(people.SAID))
    plan = explained(session, chosen)
    assert [each["Index Name"] for each in nodes(plan) if "Index Name" in each] == [
        "ix_people_customer_living"
    ]
    assert [each for each in nodes(plan) if each["Node Type"] == "Index Only Scan"]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of a plan."""
    yield plan
    for each in plan.get("Plans", []):
        yield from nodes(each)


def explained(session: Session, statement: Any) -> dict[str, Any]:
    """How PostgreSQL carried a statement out."""
    shown = statement.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    found = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {shown}")
    told = found.scalar_one()
    plan: dict[str, Any] = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
    return plan


def scanned(plan: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """How many rows each scan gave, by table."""
    if "Relation Name" in plan:
        yield plan["Relation Name"], plan["Actual Rows"] * plan["Actual Loops"]
    for each in plan.get("Plans", []):
        yield from scanned(each)


def test_what_is_said_twice_is_joined_once(now: datetime) -> None:
    one, other = {"kind": "list", "id": 1}, {"kind": "list", "id": 2}
    engaged = [{"kind": "engaged", "within_days": days} for days in (1, 2)]
    asked = Audience(rule=rule(kind="any", of=[one] * 20 + [other] + engaged))
    joins = str(audience_select(asked, now=now)).count("LEFT OUTER JOIN")
    assert joins == 2 + 2 + 1, "two lists, two times, and once who may be measured"


def test_a_portion_that_takes_too_long_is_given_up_and_the_least_is_kept(
    session: Session,
) -> None:
    tried: list[int] = []

    def decide(portion: Numbers) -> DryRun:
        size = portion.end - portion.first
        tried.append(size)
        session.execute(text("SELECT pg_sleep(:time)"), {"time": 30.0 if size > 2 else 0.0})
        return DryRun(audience=size, allowed=size, refused={})

    # Longer than a step: what was given up at its beginning takes nothing of its time.
    pace = Pace(first=9, least=2, step_seconds=0.3, longest_seconds=0.35)
    told = list(Portions(session, Numbers(1, 100), decide, pace))
    assert tried == [9, 2, 6]
    assert [(each.first, each.end, ran.audience) for each, ran in told] == [(1, 3, 2)]
    assert session.execute(text("SELECT current_setting('statement_timeout')")).scalar() == "0"


def test_a_portion_that_was_given_up_makes_the_next_one_a_quarter_as_large(
    session: Session,
) -> None:
    tried: list[int] = []

    def decide(portion: Numbers) -> DryRun:
        size = portion.end - portion.first
        tried.append(size)
        session.execute(text("SELECT pg_sleep(:time)"), {"time": 30.0 if size > 20 else 0.0})
        return DryRun(audience=size, allowed=size, refused={})

    portions = Portions(session, Numbers(1, 500), decide, Pace(80, 1, longest_seconds=0.05))
    assert [each for each, _ in portions] == [Numbers(1, 21)]
    assert tried == [80, 20, 60]
    assert portions.size == 15


def test_a_step_whose_time_is_over_begins_no_further_portion(session: Session) -> None:
    def decide(portion: Numbers) -> DryRun:
        return DryRun(audience=portion.end - portion.first, allowed=0, refused={})

    pace = Pace(first=10, least=1, step_seconds=0.0)
    told = list(Portions(session, Numbers(1, 100), decide, pace))
    assert [each for each, _ in told] == [Numbers(1, 11)]
    grown = list(Portions(session, Numbers(1, 100), decide, Pace(first=10, least=1)))
    assert [(each.first, each.end) for each, _ in grown] == [(1, 11), (11, 41), (41, 100)]
