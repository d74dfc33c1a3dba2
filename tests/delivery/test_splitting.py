"""An audience is drawn into parts: everybody in one, as often as was asked, the same every time."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from mailer.campaigns import Split
from mailer.delivery import (
    HELD_OUT,
    WHOLE,
    Moments,
    NewMailing,
    Part,
    create_mailing,
    mark_at,
    prepare_split,
    release,
    stands_of,
)
from mailer.vocabulary import MailingId, Stream, Topic
from tests.delivery.test_cutting import numbers

PEOPLE = 20_000


def prepared(session: Session, parts: list[Part], *, key: str, now: datetime) -> MailingId:
    made = create_mailing(
        session,
        NewMailing(key, "promotional", Stream.PROMOTIONAL, Topic.COMPANY_NEWS),
        now=now,
    )
    assert made is not None
    cut = prepare_split(session, made, numbers(1, PEOPLE), draw=key, parts=parts)
    assert cut.people == PEOPLE
    return made


def rows(session: Session, mailing: MailingId) -> list[sa.Row[tuple[object, ...]]]:
    return list(
        session.execute(
            sa.text(
                "SELECT b.variant, b.planned, b.not_before, b.size, r.persons"
                " FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id"
                " WHERE b.mailing_id = :mailing ORDER BY b.id"
            ),
            {"mailing": mailing},
        )
    )


def part(until: int, variant: int, due: datetime, *, waits: bool = False) -> Part:
    return Part(until, variant, Moments({}, due), waits)


def halves(now: datetime) -> list[Part]:
    return [
        part(1000, HELD_OUT, now),
        part(1600, 1, now),
        part(2000, 2, now + timedelta(hours=2)),
        part(6000, 1, now, waits=True),
        part(WHOLE, 2, now, waits=True),
    ]


def test_everybody_is_drawn_once_and_as_often_as_was_asked(session: Session, now: datetime) -> None:
    made = rows(session, prepared(session, halves(now), key="split/1", now=now))
    persons = [each for row in made for each in row.persons]
    assert sorted(persons) == list(range(1, PEOPLE + 1))
    counts: Counter[tuple[int, bool]] = Counter()
    for row in made:
        counts[row.variant, row.planned is not None] += row.size
        assert row.size <= 500
    wanted = {(0, False): 0.1, (1, False): 0.06, (2, False): 0.04, (1, True): 0.4, (2, True): 0.4}
    assert set(counts) == set(wanted)
    for kind, share in wanted.items():
        assert abs(counts[kind] / PEOPLE - share) < 0.015, kind


def test_the_same_draw_is_the_same_and_another_is_independent(
    session: Session, now: datetime
) -> None:
    parts = [part(5000, 1, now), part(WHOLE, 2, now)]
    made = rows(session, prepared(session, parts, key="split/1", now=now))
    first = {who for row in made if row.variant == 1 for who in row.persons}
    other = rows(session, prepared(session, parts, key="split/2", now=now))
    second = {who for row in other if row.variant == 1 for who in row.persons}
    assert abs(len(first & second) / PEOPLE - 0.25) < 0.015
    narrower = [part(3000, 1, now), part(WHOLE, 2, now)]
    mailing = create_mailing(
        session,
        NewMailing("again", "promotional", Stream.PROMOTIONAL, Topic.COMPANY_NEWS),
        now=now,
    )
    assert mailing is not None
    prepare_split(session, mailing, numbers(1, PEOPLE), draw="split/1", parts=narrower)
    third = {who for row in rows(session, mailing) if row.variant == 1 for who in row.persons}
    assert third < first


def test_who_waits_is_due_when_released_as_planned_and_once(
    session: Session, now: datetime
) -> None:
    mailing = prepared(session, halves(now), key="split/1", now=now)
    stands = stands_of(session, mailing)
    waiting = stands.waiting
    assert stands.last_due == now + timedelta(hours=2)
    assert 0.78 < waiting / PEOPLE < 0.82
    later = now + timedelta(hours=5)
    assert release(session, mailing, variant=2, by_day=False, now=later) == waiting
    assert release(session, mailing, variant=1, by_day=False, now=later) == 0
    rest = [row for row in rows(session, mailing) if row.planned is not None]
    assert {(row.variant, row.not_before) for row in rest} == {(2, later)}
    assert stands_of(session, mailing).waiting == 0


@pytest.mark.parametrize(
    ("hours", "days"), [(-3, 0), (0, 0), (0.9, 0), (1.1, 1), (24.9, 1), (25.1, 2)]
)
def test_by_the_day_a_planned_hour_is_kept(
    session: Session, now: datetime, hours: float, days: int
) -> None:
    parts = [part(5000, 1, now), part(WHOLE, 1, now, waits=True)]
    mailing = prepared(session, parts, key="split/1", now=now)
    later = now + timedelta(hours=hours)
    release(session, mailing, variant=None, by_day=True, now=later)
    [due] = {row.not_before for row in rows(session, mailing) if row.planned is not None}
    assert due == max(later, now + timedelta(days=days))


@given(st.integers(1, WHOLE - 1), st.integers(1, WHOLE - 1))
def test_a_larger_share_ends_later(one: int, other: int) -> None:
    assert (mark_at(one) < mark_at(other)) == (one < other)


@given(
    st.lists(st.integers(1, 100), min_size=2, max_size=5),
    st.integers(0, 50),
    st.one_of(st.none(), st.integers(20, 45)),
)
def test_the_cuts_of_a_split_follow_each_other_to_the_end(
    shares: list[int], holdout: int, sample: int | None
) -> None:
    variants = [
        {"name": f"V{n}", "share": share, "later_minutes": n} for n, share in enumerate(shares)
    ]
    tried = None if sample is None else {"percent": sample, "wait_minutes": 60}
    split = Split.model_validate(
        {"variants": variants, "holdout_percent": holdout, "sample": tried}
    )
    cuts = split.cuts()
    ends = [each.until for each in cuts]
    assert ends == sorted(set(ends))
    assert ends[-1] == WHOLE
    assert {each.variant for each in cuts if each.variant} == set(range(1, len(shares) + 1))
    assert any(each.waits for each in cuts) == (sample is not None)
