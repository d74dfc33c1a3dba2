"""The clicks and opens of a mailing are judged person by person and counted by group."""

import tracemalloc
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, bindparam, column, select, text
from sqlmodel import Session

from mailer.measure import Kind, Origin, Reactions, judge_fresh, reactions_of
from mailer.vocabulary import MailingId
from tests.measure.mails import LINKS, Asked, Handed, hand_over

NEWS = MailingId(1)
JO, ANNA, MIA, BOT = 1, 2, 3, 4


def those(*persons: int, group: str = "gmail.com") -> Select[Any]:
    """Select these people as one group."""
    listed = text(
        "SELECT person_id, CAST(:group AS text) AS group"
        " FROM unnest(CAST(:persons AS bigint[])) AS who(person_id)"
    ).bindparams(
        bindparam("group", group, unique=True), bindparam("persons", list(persons), unique=True)
    )
    return select(listed.columns(column("person_id"), column("group")).subquery())


def reactions(session: Session, people: Select[Any]) -> Reactions:
    return reactions_of(session, NEWS, people=people)


@pytest.fixture(params=["judged when it is looked at", "judged before", "in part"])
def judged(request: pytest.FixtureRequest, session: Session) -> Callable[[], None]:
    """Judge what was asked: not at all, all of it, or some."""

    def all_or_some() -> None:
        if request.param != "judged when it is looked at":
            while judge_fresh(session, limit=2) and request.param == "judged before":
                pass

    return all_or_some


@pytest.fixture
def news(session: Session, now: datetime) -> Handed:
    """A mailing that went to four people of one domain."""
    return hand_over(session, now, {7: [JO, ANNA, MIA, BOT]})


@pytest.mark.clause("C18")
def test_people_machines_and_unknown_are_counted_apart_each_mailbox_once(
    session: Session, now: datetime, news: Handed, judged: Callable[[], None]
) -> None:
    asked: list[Asked] = [(JO, 0, Kind.GET, 3600), (JO, 0, Kind.GET, 7200), (JO, 2, Kind.GET, 7300)]
    asked += [(ANNA, 0, Kind.GET, 20), (ANNA, None, Kind.GET, 3600)]
    asked += [(MIA, n, Kind.GET, 900 + n / 10) for n in range(LINKS)]
    asked += [(BOT, 1, Kind.SCANNER, 900), (BOT, None, Kind.PROXY, 900)]
    news.write(session, asked)
    judged()
    found = reactions(session, those(JO, ANNA, MIA, BOT))
    assert found.clicked == {
        ("gmail.com", Origin.PERSON): 1,
        ("gmail.com", Origin.UNKNOWN): 1,
        ("gmail.com", Origin.MACHINE): 2,
    }
    assert found.opened == {("gmail.com", Origin.PERSON): 1, ("gmail.com", Origin.MACHINE): 1}
    assert found.links == {0: 1, 2: 1}
    clicks = sorted(session.execute(select(found.clicks)).all(), key=lambda click: click.at)
    assert [(click.person_id, click.group) for click in clicks] == [(JO, "gmail.com")] * 3
    assert clicks[0].at == now + timedelta(hours=1)
    assert sum(found.clicked_at.values()) == 1, "by their first click"


def test_a_mailbox_counts_as_a_persons_when_a_person_came_after_the_scanner(
    session: Session, news: Handed, judged: Callable[[], None]
) -> None:
    scanned: list[Asked] = [(JO, n, Kind.GET, 3 + n / 10) for n in range(LINKS)]
    news.write(session, scanned)
    judged()
    news.write(session, [(JO, 3, Kind.GET, 5000)])
    found = reactions(session, those(JO))
    assert found.clicked == {("gmail.com", Origin.PERSON): 1}
    assert found.links == {3: 1}, "the scanner's links are not hers"


@pytest.mark.clause("C18")
def test_the_same_instant_for_many_people_of_one_domain_is_a_scanner(
    session: Session, now: datetime, judged: Callable[[], None]
) -> None:
    asked = [(person, 0, Kind.GET, 1000.2) for person in (*range(1, 7), *range(11, 14))]
    hand_over(session, now, {7: range(1, 7), 8: range(11, 14)}).write(session, asked)
    judged()
    everybody = those(*range(1, 7), group="a").union_all(those(*range(11, 14), group="b"))
    found = reactions(session, select(everybody.subquery()))
    assert found.clicked == {("a", Origin.MACHINE): 6, ("b", Origin.PERSON): 3}


@pytest.mark.clause("C17")
def test_who_is_not_to_be_looked_at_does_not_count(
    session: Session, now: datetime, news: Handed, judged: Callable[[], None]
) -> None:
    news.write(session, [(JO, 0, Kind.GET, 3600), (ANNA, 0, Kind.GET, 3600)])
    hand_over(session, now, {7: [JO]}, 2).write(session, [(JO, 0, Kind.GET, 3600)])
    judged()
    assert reactions(session, those(ANNA)).clicked.total() == 1
    assert reactions(session, those(BOT)).clicked.total() == 0


def test_many_people_are_counted_once_each(session: Session, now: datetime) -> None:
    people = range(1, 12_001)
    news = hand_over(session, now, {7: people})
    news.write(session, [(n, None, Kind.GET, 60 + 7 * n) for n in people])
    while judge_fresh(session, limit=5000):
        pass
    news.write(session, [(n, n % LINKS, Kind.GET, 90 + 7 * n) for n in people if n % 3 == 0])
    found = reactions(session, those(*people))
    assert found.opened == {("gmail.com", Origin.PERSON): 12_000}
    assert found.clicked == {("gmail.com", Origin.PERSON): 4_000}
    assert found.opened_at.total() == 12_000


def test_memory_does_not_grow_with_who_clicked(session: Session, now: datetime) -> None:
    peaks = []
    for people in (100, 2_000, 100_000):  # the first keeps what is loaded once
        _let_click(session, now, people)
        peaks.append(_peak_of_counting(session, people))
    assert peaks[2] < peaks[1] + 50_000


def _let_click(session: Session, now: datetime, people: int) -> None:
    """Let so many people have clicked in two hours, of whom each was judged to be one."""
    session.execute(text("DELETE FROM measure_click"))
    session.execute(
        text(
            "INSERT INTO measure_click (id, mailing_id, person_id, n, kind, at, origin)"
            " SELECT gen_random_uuid(), :mailing_id, p, p % 5, 'get',"
            " CAST(:now AS timestamptz) + (p % 7200) * interval '1 second', 'person'"
            " FROM generate_series(1, :people) AS who(p)"
        ),
        {"mailing_id": NEWS, "now": now, "people": people},
    )


def _peak_of_counting(session: Session, people: int) -> int:
    """Count all of them and look at their clicks; return how many bytes that took at most."""
    everybody = text("SELECT p AS person_id, 'a' AS group FROM generate_series(1, :people) AS w(p)")
    listed = everybody.bindparams(people=people).columns(column("person_id"), column("group"))
    tracemalloc.start()
    try:
        found = reactions(session, select(listed.subquery()))
        assert found.clicked == {("a", Origin.PERSON): people}
        assert found.links.total() == people
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
