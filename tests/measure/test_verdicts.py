"""What is stored of who asked is, after every step, what the rules say of all that was asked."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from mailer.database import Database
from mailer.measure import Kind, Request, is_crowd, judge, judge_fresh
from tests.measure.mails import LINKS, Asked, Handed, hand_over

OWN, LARGE = 7, 8
JO, ANNA, MIA = 1, 2, 3
PEOPLE = {OWN: range(1, 9), LARGE: range(11, 75)}
TAG = {person: tag for tag, persons in PEOPLE.items() for person in persons}
STRANGER = 99
HOUR = 3600.0


class Row(NamedTuple):
    """A request as it is stored."""

    mailing_id: int
    person_id: int
    n: int | None
    kind: str
    at: float
    origin: str | None


def stored(session: Session) -> list[Row]:
    columns = "kind, CAST(extract(epoch FROM at) AS float8) AS at, origin, id"
    rows = session.execute(
        text(
            f"SELECT mailing_id, person_id, n, {columns} FROM measure_click UNION ALL"
            f" SELECT mailing_id, person_id, NULL, {columns} FROM measure_open ORDER BY 1, 2, 5, 7"
        )
    )
    return [Row(*row[:6]) for row in rows]


def judged_anew(rows: list[Row], handed_at: float) -> list[str]:
    """Judge everything at once, by the rules alone."""
    together: defaultdict[tuple[int, int, bool, int], set[int]] = defaultdict(set)
    ever: defaultdict[tuple[int, int, bool], set[int]] = defaultdict(set)
    for row in rows:
        domain = (row.mailing_id, TAG.get(row.person_id, 0), row.n is not None)
        ever[domain].add(row.person_id)
        if row.kind == Kind.GET:
            together[*domain, int(row.at)].add(row.person_id)

    def request(row: Row) -> Request:
        domain = (row.mailing_id, TAG.get(row.person_id, 0), row.n is not None)
        crowd = is_crowd(len(together[*domain, int(row.at)]), len(ever[domain]))
        return Request(row.n, Kind(row.kind), row.at, crowd)

    mails: defaultdict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        mails[row.mailing_id, row.person_id].append(row)
    told: list[str] = []
    for (_, person), some in mails.items():
        requests = [request(row) for row in some]
        origins = judge(requests, links=LINKS, handed_at=handed_at)
        told += ["unknown" if person == STRANGER else each.value for each in origins]
    return told


def judge_all(session: Session, limit: int = 1000) -> int:
    steps = 0
    while judge_fresh(session, limit=limit):
        steps += 1
    return steps


def origins(session: Session, person: int = JO) -> list[str | None]:
    return [row.origin for row in stored(session) if row.person_id == person]


@pytest.fixture
def news(session: Session, now: datetime) -> Handed:
    """A mailing that was handed over to everybody."""
    return hand_over(session, now, PEOPLE)


GET = Kind.GET


def test_what_is_stored_is_the_verdict_of_the_rules(session: Session, news: Handed) -> None:
    news.write(session, [(JO, 0, GET, HOUR), (JO, None, GET, 4), (ANNA, 1, Kind.SCANNER, HOUR)])
    assert judge_all(session) == 1
    assert (origins(session), origins(session, ANNA)) == (["machine", "person"], ["machine"])


@pytest.mark.clause("C18")
def test_a_burst_that_goes_on_after_it_was_judged_is_judged_again(
    session: Session, news: Handed
) -> None:
    news.write(session, [(JO, 0, GET, HOUR)])
    judge_all(session)
    assert origins(session) == ["person"]
    news.write(session, [(JO, 1, GET, HOUR + 1)])
    judge_all(session)
    assert origins(session) == ["unknown"] * 2
    news.write(session, [(JO, 2, GET, HOUR + 1.5)])
    judge_all(session)
    assert origins(session) == ["machine"] * 3


def test_a_request_that_comes_days_late_changes_what_it_stood_beside(
    session: Session, news: Handed
) -> None:
    news.write(session, [(JO, 0, GET, HOUR), (JO, 0, GET, 90 * HOUR)])
    judge_all(session)
    news.write(session, [(JO, None, Kind.HEAD, HOUR - 3)])
    judge_all(session)
    assert origins(session) == ["machine", "machine", "person"]


@pytest.mark.clause("C18")
def test_a_crowd_forms_with_its_last_person_and_makes_machines_of_the_others(
    session: Session, news: Handed
) -> None:
    for person in range(1, 5):
        news.write(session, [(person, 0, GET, HOUR + person / 10)])
        judge_all(session)
    assert origins(session) == ["person"]
    news.write(session, [(5, 0, GET, HOUR)])
    judge_all(session)
    assert {row.origin for row in stored(session)} == {"machine"}


def test_a_crowd_of_a_large_domain_dissolves_once_enough_others_asked(
    session: Session, news: Handed
) -> None:
    news.write(session, [(person, 0, GET, HOUR) for person in range(11, 16)])
    judge_all(session)
    assert origins(session, 11) == ["machine"]
    news.write(session, [(person, 0, GET, HOUR * (person - 10)) for person in range(16, 75)])
    judge_all(session)
    assert origins(session, 11) == ["person"]
    assert session.execute(text("SELECT count(*) FROM measure_crowd")).scalar_one() == 0


@pytest.mark.clause("C18")
@pytest.mark.parametrize("order", [range(LINKS), range(LINKS - 1, -1, -1), (2, 0, 4, 1, 3)])
def test_every_link_within_a_minute_is_a_sweep_whichever_came_last(
    session: Session, news: Handed, order: Sequence[int]
) -> None:
    for n in order:
        news.write(session, [(JO, n, GET, HOUR + 14 * n)])
        judge_all(session)
    assert origins(session) == ["machine"] * LINKS


@pytest.mark.clause("C18")
def test_what_waits_for_a_later_step_is_not_judged_beside_an_earlier_one(
    session: Session, news: Handed
) -> None:
    news.write(session, [(person, 0, GET, HOUR) for person in range(2, 6)])
    judge_all(session)
    news.write(session, [(JO, 0, GET, HOUR - 20), (JO, 0, GET, HOUR)])
    assert judge_fresh(session, limit=1) == 1
    assert origins(session) == ["person", None]
    assert judge_all(session, limit=1) == 1
    assert origins(session) == ["person", "machine"], "the fifth of the crowd"
    assert origins(session, 2) == ["machine"]


def test_of_a_mail_that_nobody_knows_of_nothing_can_be_said(session: Session, news: Handed) -> None:
    news.write(session, [(STRANGER, 0, GET, HOUR)])
    judge_all(session)
    assert origins(session, STRANGER) == ["unknown"]


def test_each_of_two_who_judge_at_once_leaves_the_other_alone(
    database: Database, now: datetime
) -> None:
    with database.transaction() as session:
        hand_over(session, now, PEOPLE).write(session, [(JO, 0, GET, HOUR)])
    with database.transaction() as first, database.transaction() as second:
        assert judge_fresh(first) == 1
        assert judge_fresh(second) == 0
    with database.transaction() as session:
        assert judge_fresh(session) == 0
        assert origins(session) == ["person"]


def test_a_step_that_was_broken_off_is_done_again(database: Database, now: datetime) -> None:
    with database.transaction() as session:
        asked: list[Asked] = [(person, 0, GET, HOUR) for person in range(1, 6)]
        hand_over(session, now, PEOPLE).write(session, asked)
    with database.reading() as session:  # rolled back
        assert judge_fresh(session) == 5
    with database.transaction() as session:
        assert judge_fresh(session) == 5
        assert session.execute(text("SELECT people FROM measure_domain")).scalars().all() == [5]


requests = st.tuples(
    st.sampled_from([JO, ANNA, MIA, 4, 5, 6, *range(11, 75), STRANGER]),
    st.none() | st.integers(0, LINKS - 1),
    st.sampled_from([GET, GET, GET, GET, Kind.HEAD, Kind.PREFETCH, Kind.SCANNER]),
    st.sampled_from([HOUR, 2 * HOUR, 0.0]).flatmap(
        lambda hour: st.integers(0, 1300).map(lambda tenths: hour + tenths / 10)
    )
    | st.sampled_from([HOUR, HOUR + 0.5, HOUR + 1]),
)
crowds = st.builds(
    lambda first, count, at: [(person, 0, GET, at) for person in range(first, first + count)],
    st.sampled_from([1, 11, 20]),
    st.integers(3, 8),
    st.sampled_from([HOUR, HOUR + 7, 3 * HOUR]),
)
scattered = st.builds(
    lambda first, count: [(n, 0, GET, 5 * HOUR + 70 * n) for n in range(first, first + count)],
    st.sampled_from([11, 30]),
    st.integers(10, 45),
)
arrivals = st.lists(
    st.lists(requests, min_size=1, max_size=12) | crowds | scattered, min_size=1, max_size=8
)


@pytest.mark.clause("C18")
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(arrived=arrivals, limit=st.sampled_from([1, 3, 1000]), mailings=st.integers(1, 2))
def test_stored_verdicts_are_those_of_judging_everything_anew_in_whatever_order_it_came(
    session: Session, now: datetime, arrived: list[list[Asked]], limit: int, mailings: int
) -> None:
    with session.begin_nested() as savepoint:
        both = [hand_over(session, now, PEOPLE, number) for number in range(1, mailings + 1)]
        for number, some in enumerate(arrived):
            both[number % mailings].write(session, some)
            judge_all(session, limit)
            rows = stored(session)
            assert [row.origin for row in rows] == judged_anew(rows, now.timestamp())
        savepoint.rollback()
