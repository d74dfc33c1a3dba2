"""The clicks and opens of a mailing are judged person by person and counted by group."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, bindparam, column, select, text
from sqlmodel import Session

from mailer.database import copy_rows
from mailer.measure import Kind, Origin, Reactions, event_id, reactions_of
from mailer.vocabulary import MailingId

NEWS = MailingId(1)
LINKS = 5
JO, ANNA, MIA, BOT = 1, 2, 3, 4
Asked = tuple[int, int | None, Kind, float]
"""Person, link or None for the pixel, kind, seconds after the hand-over."""


def handed(now: datetime, *persons: int, crowd: int = 7, group: str = "gmail.com") -> Select[Any]:
    """Select these people: all got the mail at this moment, at one domain."""
    listed = text(
        "SELECT person_id, CAST(:now AS timestamptz) AS handed_at, CAST(:crowd AS bigint) AS crowd,"
        " CAST(:group AS text) AS group FROM unnest(CAST(:persons AS bigint[])) AS who(person_id)"
    ).bindparams(
        bindparam("now", now, unique=True),
        bindparam("crowd", crowd, unique=True),
        bindparam("group", group, unique=True),
        bindparam("persons", list(persons), unique=True),
    )
    names = ("person_id", "handed_at", "crowd", "group")
    return select(listed.columns(*map(column, names)).subquery())


def write(session: Session, now: datetime, asked: Iterable[Asked], mailing: int = NEWS) -> None:
    clicks, opens = [], []
    for person, n, kind, after in asked:
        at = now + timedelta(seconds=after)
        known_as = event_id(at, secrets.token_bytes(10))
        if n is None:
            opens.append((known_as, mailing, person, kind.value, at))
        else:
            clicks.append((known_as, mailing, person, n, kind.value, at))
    names = ("id", "mailing_id", "person_id", "n", "kind", "at")
    copy_rows(session, "measure_click", names, clicks)
    copy_rows(session, "measure_open", tuple(each for each in names if each != "n"), opens)


def reactions(session: Session, people: Select[Any]) -> Reactions:
    return reactions_of(session, NEWS, people=people, links=LINKS)


@pytest.mark.clause("C18")
def test_people_machines_and_unknown_are_counted_apart_each_mailbox_once(
    session: Session, now: datetime
) -> None:
    asked: list[Asked] = [(JO, 0, Kind.GET, 3600), (JO, 0, Kind.GET, 7200), (JO, 2, Kind.GET, 7300)]
    asked += [(ANNA, 0, Kind.GET, 20), (ANNA, None, Kind.GET, 3600)]
    asked += [(MIA, n, Kind.GET, 900 + n / 10) for n in range(LINKS)]
    asked += [(BOT, 1, Kind.SCANNER, 900), (BOT, None, Kind.PROXY, 900)]
    write(session, now, asked)
    found = reactions(session, handed(now, JO, ANNA, MIA, BOT))
    assert found.clicked == {
        ("gmail.com", Origin.PERSON): 1,
        ("gmail.com", Origin.UNKNOWN): 1,
        ("gmail.com", Origin.MACHINE): 2,
    }
    assert found.opened == {("gmail.com", Origin.PERSON): 1, ("gmail.com", Origin.MACHINE): 1}
    assert found.links == {0: 1, 2: 1}
    assert sorted(after for _, after in found.clicks)[0] == now + timedelta(hours=1)
    assert sum(found.clicked_at.values()) == 1, "by their first click"


def test_a_mailbox_counts_as_a_persons_when_a_person_came_after_the_scanner(
    session: Session, now: datetime
) -> None:
    scanned: list[Asked] = [(JO, n, Kind.GET, 3 + n / 10) for n in range(LINKS)]
    write(session, now, [*scanned, (JO, 3, Kind.GET, 5000)])
    found = reactions(session, handed(now, JO))
    assert found.clicked == {("gmail.com", Origin.PERSON): 1}
    assert found.links == {3: 1}, "the scanner's links are not hers"


@pytest.mark.clause("C18")
def test_the_same_instant_for_many_people_of_one_domain_is_a_scanner(
    session: Session, now: datetime
) -> None:
    write(session, now, [(person, 0, Kind.GET, 1000.2) for person in range(1, 7)])
    write(session, now, [(person, 0, Kind.GET, 1000.2) for person in range(11, 14)])
    everybody = handed(now, *range(1, 7), group="a").union_all(
        handed(now, *range(11, 14), crowd=8, group="b")
    )
    found = reactions(session, select(everybody.subquery()))
    assert found.clicked == {("a", Origin.MACHINE): 6, ("b", Origin.PERSON): 3}


@pytest.mark.clause("C17")
def test_who_is_not_to_be_looked_at_does_not_count(session: Session, now: datetime) -> None:
    write(session, now, [(JO, 0, Kind.GET, 3600), (ANNA, 0, Kind.GET, 3600)])
    write(session, now, [(JO, 0, Kind.GET, 3600)], mailing=2)
    assert reactions(session, handed(now, ANNA)).clicked.total() == 1
    assert reactions(session, handed(now, BOT)).clicked.total() == 0


def test_more_requests_than_are_fetched_at_once_are_all_counted(
    session: Session, now: datetime
) -> None:
    people = range(1, 12_001)
    write(session, now, [(n, None, Kind.GET, 60 + 7 * n) for n in people])
    write(session, now, [(n, n % LINKS, Kind.GET, 90 + 7 * n) for n in people if n % 3 == 0])
    found = reactions(session, handed(now, *people))
    assert found.opened == {("gmail.com", Origin.PERSON): 12_000}
    assert found.clicked == {("gmail.com", Origin.PERSON): 4_000}
    assert found.opened_at.total() == 12_000
