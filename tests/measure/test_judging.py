"""Machines that look like a browser are found by what came before and after; people are left alone.

The shapes are those that security scanners and mail programs are known for: they ask for every
link, within seconds of the delivery, often HEAD first, for many mailboxes of one company at once.
"""

import pytest

from mailer.measure import Kind, Origin, Request, is_crowd, judge, of_the_person

HANDED = 1_000_000.0
HOUR = 3600.0
PERSON, MACHINE, UNKNOWN = Origin.PERSON, Origin.MACHINE, Origin.UNKNOWN


def click(after: float, n: int = 0, kind: Kind = Kind.GET, *, crowded: bool = False) -> Request:
    return Request(n, kind, HANDED + after, crowded)


def seen(after: float, kind: Kind = Kind.GET, *, crowded: bool = False) -> Request:
    return Request(None, kind, HANDED + after, crowded)


def told(*requests: Request, links: int = 12) -> list[Origin]:
    return judge(requests, links=links, handed_at=HANDED)


def test_one_click_an_hour_later_is_a_persons() -> None:
    assert told(click(HOUR)) == [PERSON]


def test_a_reader_who_opens_and_follows_two_links_is_a_person() -> None:
    assert told(seen(600), click(620), click(700, 1)) == [PERSON] * 3


def test_somebody_who_presses_twice_is_still_a_person() -> None:
    assert told(click(HOUR), click(HOUR + 0.3)) == [PERSON, PERSON]


@pytest.mark.clause("C18")
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.GET])
def test_what_says_itself_to_be_a_machine_is_one(kind: Kind) -> None:
    assert told(click(HOUR, kind=kind)) == [MACHINE]
    assert told(seen(HOUR, kind)) == [MACHINE]


@pytest.mark.clause("C18")
def test_shape_many_links_within_two_seconds() -> None:
    burst = [click(HOUR + n / 2, n) for n in range(4)]
    assert told(*burst) == [MACHINE] * 4


def test_two_links_at_once_can_be_two_tabs_or_a_scanner() -> None:
    assert told(click(HOUR), click(HOUR + 1.5, 1)) == [UNKNOWN, UNKNOWN]
    assert told(click(HOUR), click(HOUR + 3, 1)) == [PERSON, PERSON]


@pytest.mark.clause("C18")
def test_shape_every_link_of_the_mail_within_a_minute() -> None:
    slowly = [click(HOUR + 10 * n, n) for n in range(5)]
    assert told(*slowly, links=5) == [MACHINE] * 5
    assert told(*slowly, links=6) == [PERSON] * 5


def test_every_link_over_an_evening_is_a_curious_person() -> None:
    assert told(*(click(HOUR + 300 * n, n) for n in range(5)), links=5) == [PERSON] * 5


def test_a_mail_with_two_links_has_no_sweep() -> None:
    assert told(click(HOUR), click(HOUR + 20, 1), links=2) == [PERSON, PERSON]


@pytest.mark.clause("C18")
def test_shape_within_seconds_of_the_hand_over() -> None:
    assert told(click(4)) == [MACHINE]
    assert told(seen(9)) == [MACHINE]
    assert told(click(20)) == [UNKNOWN]
    assert told(click(31)) == [PERSON]
    assert told(click(-0.5)) == [MACHINE], "a clock that was a little off"


@pytest.mark.clause("C18")
def test_shape_head_then_get() -> None:
    probed = [click(HOUR, kind=Kind.HEAD), click(HOUR + 1)]
    assert told(*probed) == [MACHINE, MACHINE]


@pytest.mark.clause("C18")
def test_shape_a_named_scanner_and_then_a_browser_of_its_own() -> None:
    detonated = [click(HOUR, kind=Kind.SCANNER), seen(HOUR + 4), click(HOUR + 5, 1)]
    assert told(*detonated) == [MACHINE] * 3


def test_a_person_who_comes_after_the_scanner_has_gone_counts() -> None:
    judged = told(click(2, kind=Kind.HEAD), click(3), click(4, 1), click(5, 2), click(2 * HOUR))
    assert judged == [MACHINE] * 4 + [PERSON]
    assert of_the_person(judged) is PERSON


def test_a_browser_that_looks_ahead_makes_no_machine_of_the_click_after_it() -> None:
    ahead = [click(HOUR, kind=Kind.PREFETCH), click(HOUR + 1)]
    assert told(*ahead) == [MACHINE, PERSON]


@pytest.mark.clause("C18")
def test_shape_the_same_instant_for_many_people_of_one_domain() -> None:
    assert is_crowd(together=5, ever=12)
    assert told(click(HOUR, crowded=True)) == [MACHINE]
    assert told(seen(HOUR, crowded=True)) == [MACHINE]


def test_customers_of_a_large_provider_may_meet_by_chance() -> None:
    assert not is_crowd(together=9, ever=4_000)
    assert not is_crowd(together=4, ever=4)


def test_a_burst_hides_neither_what_came_long_before_nor_what_came_after() -> None:
    judged = told(click(HOUR), *(click(2 * HOUR + n / 10, n) for n in range(9)), click(3 * HOUR))
    assert judged == [PERSON, *[MACHINE] * 9, PERSON]


def test_of_a_persons_requests_the_most_human_counts() -> None:
    assert of_the_person([MACHINE, UNKNOWN, MACHINE]) is UNKNOWN
    assert of_the_person([MACHINE]) is MACHINE


def test_ten_thousand_requests_of_one_mail_are_judged_in_one_pass() -> None:
    flood = [click(HOUR + n / 1000, n % 12) for n in range(10_000)]
    assert set(told(*flood)) == {MACHINE}
