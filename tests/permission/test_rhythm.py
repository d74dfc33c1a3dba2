"""The company's cap and the customer's frequency, side by side: pure rules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.permission import NO_CAP, Cap, CapInvalid, Facts, Limit, decide, gives_way, read_cap
from mailer.vocabulary import Allowed, Frequency, Reason, Refused, Stream, Topic, Verdict

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
THREE_A_WEEK = read_cap("3/7d")


def ago(*days: float) -> tuple[datetime, ...]:
    return tuple(NOW - timedelta(days=each) for each in days)


def verdict(cap: Cap, *days: float, frequency: str = "as_it_comes", older: int = 0) -> Verdict:
    facts = Facts(
        topics_on=1, frequency=Frequency(frequency), hand_overs=ago(*days), older_in_hand=older
    )
    return decide(Stream.PROMOTIONAL, Topic.COMPANY_NEWS, facts, cap=cap, now=NOW)


def test_a_cap_is_read_as_mails_in_days() -> None:
    assert read_cap(" 1/1d, 3/7d ") == Cap(
        (Limit(1, timedelta(days=1)), Limit(3, timedelta(days=7)))
    )
    assert read_cap("") == NO_CAP
    assert not NO_CAP


@pytest.mark.parametrize(
    "text", ["3", "3/7", "3/7w", "0/7d", "3/0d", "3/91d", "101/7d", "3/7d;1/1d", "x"]
)
def test_what_is_no_cap_is_refused_and_says_how_one_is_written(text: str) -> None:
    with pytest.raises(CapInvalid, match="is not like 3/7d"):
        read_cap(text)


def test_the_cap_refuses_what_comes_on_top_and_says_until_when() -> None:
    assert verdict(THREE_A_WEEK, 1, 3) == Allowed(Reason.SENT_TOPIC)
    [last, _, first] = ago(1, 3, 6)
    assert verdict(THREE_A_WEEK, 1, 3, 6) == Refused(
        Reason.NOT_CAP, last, first + timedelta(days=7)
    )
    assert verdict(THREE_A_WEEK, 1, 3, 7) == Allowed(Reason.SENT_TOPIC)


def test_of_several_limits_the_one_that_opens_last_is_named() -> None:
    both = read_cap("1/1d,3/7d")
    [last, _, third] = ago(0.5, 3, 6)
    assert verdict(both, 0.5, 3) == Refused(Reason.NOT_CAP, last, last + timedelta(days=1))
    until = max(last + timedelta(days=1), third + timedelta(days=7))
    assert verdict(both, 0.5, 3, 6) == Refused(Reason.NOT_CAP, last, until)


def test_the_stricter_of_frequency_and_cap_holds_and_their_own_wish_is_named_first() -> None:
    weekly = verdict(THREE_A_WEEK, 1, frequency="weekly")
    assert isinstance(weekly, Refused)
    assert weekly.reason is Reason.NOT_OFTEN
    capped = verdict(read_cap("1/30d"), 10, frequency="weekly")
    assert isinstance(capped, Refused)
    assert capped.reason is Reason.NOT_CAP


def test_older_mailings_in_hand_count_against_the_cap() -> None:
    assert verdict(THREE_A_WEEK, 1, older=1) == Allowed(Reason.SENT_TOPIC)
    assert verdict(THREE_A_WEEK, 1, older=2) == Refused(Reason.NOT_CAP, NOW)


def test_order_updates_ask_for_no_cap() -> None:
    facts = Facts(hand_overs=ago(1, 2, 3), older_in_hand=5)
    cap = read_cap("1/7d")
    assert decide(Stream.ORDER_UPDATE, None, facts, cap=cap, now=NOW) == Allowed(Reason.SENT_ORDER)


def test_a_mailing_waits_for_younger_ones_only_where_there_may_be_no_room_for_all() -> None:
    roomy = Facts(topics_on=1, hand_overs=ago(1), younger_in_hand=1)
    assert not gives_way(roomy, cap=THREE_A_WEEK, now=NOW)
    tight = Facts(topics_on=1, hand_overs=ago(1, 2), younger_in_hand=1)
    assert gives_way(tight, cap=THREE_A_WEEK, now=NOW)
    assert not gives_way(Facts(topics_on=1, hand_overs=ago(1, 2)), cap=THREE_A_WEEK, now=NOW)


@pytest.mark.clause("C07")
@given(
    st.lists(st.floats(0, 20), max_size=40),
    st.integers(1, 4),
    st.integers(1, 10),
)
def test_whoever_asks_in_whatever_order_no_period_holds_more_than_the_cap(
    days: list[float], mails: int, period: int
) -> None:
    cap, left = Cap((Limit(mails, timedelta(days=period)),)), list[datetime]()
    for at in sorted(NOW + timedelta(days=each) for each in days):
        facts = Facts(topics_on=1, hand_overs=tuple(left))
        said = decide(Stream.PROMOTIONAL, Topic.COMPANY_NEWS, facts, cap=cap, now=at)
        if isinstance(said, Allowed):
            left.append(at)
    for at in left:
        assert sum(at <= each < at + timedelta(days=period) for each in left) <= mails
