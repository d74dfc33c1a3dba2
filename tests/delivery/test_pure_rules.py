"""States, retries and pace: rules that need no database."""

from datetime import UTC, datetime, timedelta

import pytest

from mailer.delivery import BatchState, Pace, PaceInvalid, read_pace
from mailer.delivery.heard import is_hard
from mailer.delivery.retry import may_try_unknown_again, next_try
from mailer.delivery.states import AFTER_A_RESTORE, NEXT, may_follow
from mailer.vocabulary import Stream

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def test_every_state_has_its_line_in_the_table() -> None:
    assert set(NEXT) == set(BatchState)


def test_nothing_but_settlement_or_doubt_leads_out_of_hand() -> None:
    assert NEXT[BatchState.HANDING] == {BatchState.SETTLED, BatchState.UNKNOWN}
    assert not may_follow(BatchState.UNKNOWN, BatchState.PREPARED)
    assert not may_follow(BatchState.SETTLED, BatchState.HANDING)
    assert not may_follow(BatchState.CANCELLED, BatchState.CLAIMED)


def test_what_waits_is_of_unknown_fate_only_where_a_journal_knows_more() -> None:
    waiting = (BatchState.PREPARED, BatchState.CLAIMED)
    assert not any(may_follow(state, BatchState.UNKNOWN) for state in waiting)
    assert {state: {BatchState.UNKNOWN} for state in waiting} == AFTER_A_RESTORE


def test_a_batch_that_was_never_claimed_is_never_in_hand() -> None:
    assert not may_follow(BatchState.PREPARED, BatchState.HANDING)


def test_tries_come_later_and_later_and_end() -> None:
    waits = [next_try(attempt, use_by=None, now=NOW) for attempt in range(1, 10)]
    known = [due for due in waits if due is not None]
    assert known == sorted(known)
    assert waits[-1] is None


def test_nobody_is_tried_again_after_the_use_by() -> None:
    assert next_try(1, use_by=NOW + timedelta(seconds=10), now=NOW) is None
    later = next_try(1, use_by=NOW + timedelta(minutes=10), now=NOW)
    assert later == next_try(1, use_by=None, now=NOW) == NOW + timedelta(seconds=30)


def test_promotional_mail_of_unknown_fate_is_never_tried_again() -> None:
    assert not any(may_try_unknown_again(Stream.PROMOTIONAL, n) for n in range(10))
    assert [may_try_unknown_again(Stream.ORDER_UPDATE, n) for n in (0, 1, 2)] == [
        True,
        True,
        False,
    ]


def test_a_pace_is_read_from_its_setting() -> None:
    pace = read_pace(10, "Example.com=5, example.org=0.5")
    assert pace == Pace(10, {"example.com": 5.0, "example.org": 0.5})
    assert pace.slice_of(500) == 10
    assert Pace(0.2).slice_of(500) == 1
    assert Pace().slice_of(500) == 500


@pytest.mark.parametrize("text", ["example.com", "example.com=fast", "example.com=0"])
def test_a_pace_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(PaceInvalid):
        read_pace(0, text)


@pytest.mark.parametrize(
    ("code", "detail", "hard"),
    [
        (550, "5.1.1 no such user", True),
        (550, "5.1.10 null MX", True),
        (550, "5.7.1 policy", False),
        (552, "5.2.2 mailbox full", False),
        (550, "5.2.1 inactive or receiving too fast", False),
        (550, "no such user", False),
        (450, "4.1.1 try later", False),
    ],
)
def test_only_a_mailbox_that_is_not_there_is_hard(code: int, detail: str, hard: bool) -> None:
    assert is_hard(code, detail) is hard
