"""What holds of wishes that are told out of order: a yes only where it surely came last. Pure."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.permission import Said, topics_refused
from mailer.permission.retelling import what_holds
from mailer.vocabulary import PersonId, Topic

TEN = datetime(2026, 11, 22, 10, tzinfo=UTC)
NEWS, UPDATES = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES
JO, ANN = PersonId(1), PersonId(2)


def said(
    act: str,
    topic: Topic | None = None,
    *,
    version: int,
    minute: float,
    person: PersonId = JO,
    known: bool = False,
) -> Said:
    at = TEN + timedelta(minutes=minute)
    return Said(person, at, version, f"P-{act}-{version}", ((act, topic),), known=known)


def told(*words: Said) -> list[tuple[str, Topic | None]]:
    return [act for each in what_holds(words) for act in each.acts]


def acts(*words: Said) -> list[str]:
    return [each.acts[0][0] for each in what_holds(words)]


@pytest.mark.clause("C08")
def test_a_yes_after_a_no_holds_and_a_no_after_a_yes_does() -> None:
    no, yes = said("no", NEWS, version=1, minute=0), said("yes", NEWS, version=2, minute=1)
    assert acts(yes, no) == ["no", "yes"]
    later = said("no", NEWS, version=3, minute=2)
    assert acts(later, yes, no) == ["no", "no"]


@pytest.mark.clause("C08")
@pytest.mark.parametrize(
    ("no", "yes"),
    [
        # a machine whose clock was fast took the no first
        ((4, 0.02), (5, 0.0)),
        # the no was said on a database that was restored, where versions had begun anew
        ((6, 120), (7, 5)),
        ((7, 5), (6, 120)),
    ],
)
def test_a_yes_that_is_later_by_one_order_only_does_not_hold(
    no: tuple[int, float], yes: tuple[int, float]
) -> None:
    words = (
        said("no", NEWS, version=no[0], minute=no[1]),
        said("yes", NEWS, version=yes[0], minute=yes[1]),
    )
    assert acts(*words) == ["no"]


def test_a_no_to_everything_is_answered_by_a_later_yes_for_its_topic_alone() -> None:
    stop, yes = said("stop", version=1, minute=0), said("yes", NEWS, version=2, minute=1)
    assert acts(stop, yes) == ["stop", "yes"]
    assert topics_refused([stop, yes]) == frozenset(Topic) - {NEWS}


def test_a_yes_to_one_topic_says_nothing_about_another() -> None:
    assert acts(
        said("yes", NEWS, version=2, minute=1), said("no", UPDATES, version=3, minute=2)
    ) == [
        "yes",
        "no",
    ]


def test_a_no_that_a_yes_of_the_database_answered_is_not_told_again() -> None:
    no = said("no", NEWS, version=1, minute=0)
    assert acts(no, said("yes", NEWS, version=2, minute=1, known=True)) == []


@pytest.mark.clause("C08")
def test_a_no_is_told_where_the_yes_of_the_database_may_have_come_before_it() -> None:
    no = said("no", NEWS, version=6, minute=0)
    assert acts(no, said("yes", NEWS, version=6, minute=120, known=True)) == ["no"]


@pytest.mark.clause("C08")
def test_a_stop_holds_for_all_that_no_yes_of_the_database_named() -> None:
    stop = said("stop", version=1, minute=0)
    yes = said("yes", NEWS, version=2, minute=1, known=True)
    other = said("yes", UPDATES, version=3, minute=2, known=True)
    assert told(stop, yes) == [("no", topic) for topic in Topic if topic is not NEWS]
    assert told(stop, yes, other) == [("no", each) for each in Topic if each not in (NEWS, UPDATES)]
    every = [said("yes", topic, version=2, minute=1, known=True) for topic in Topic]
    assert told(stop, *every) == []


@pytest.mark.clause("C08")
@pytest.mark.parametrize(("version", "minute"), [(1, 120), (2, -5), (1, -5)])
def test_a_stop_is_told_whole_where_the_yes_of_the_database_may_have_come_before_it(
    version: int, minute: float
) -> None:
    stop = said("stop", version=1, minute=0)
    assert told(stop, said("yes", NEWS, version=version, minute=minute, known=True)) == [
        ("stop", None)
    ]


def test_a_yes_that_is_told_answers_what_a_known_one_left_of_a_stop() -> None:
    stop = said("stop", version=1, minute=0)
    yes = said("yes", UPDATES, version=3, minute=2)
    assert ("yes", UPDATES) in told(stop, said("yes", NEWS, version=2, minute=1, known=True), yes)
    assert topics_refused([stop, yes]) == frozenset(Topic) - {UPDATES}


@pytest.mark.parametrize(
    ("less", "more"),
    [("pause", "resume"), ("less_often", "more_often"), ("tracking_off", "tracking_on")],
)
def test_what_loosens_when_and_how_holds_only_where_it_came_last(less: str, more: str) -> None:
    assert acts(said(less, version=1, minute=0), said(more, version=2, minute=1)) == [less, more]
    assert acts(said(less, version=2, minute=1), said(more, version=1, minute=0)) == [less]


def test_objecting_to_partners_is_a_no_to_their_offers_alone() -> None:
    gpc = said("gpc", Topic.PARTNER_OFFERS, version=2, minute=1)
    assert acts(said("yes", Topic.PARTNER_OFFERS, version=1, minute=0), gpc) == ["gpc"]
    assert acts(said("yes", NEWS, version=1, minute=0), gpc) == ["yes", "gpc"]


def test_versions_of_two_customers_who_are_one_now_are_not_compared() -> None:
    no = said("no", NEWS, version=9, minute=0, person=ANN)
    assert acts(no, said("yes", NEWS, version=2, minute=5)) == ["no", "yes"]


words = st.builds(
    lambda act, version, minute, known: said(*act, version=version, minute=minute, known=known),
    st.sampled_from(
        [("no", NEWS), ("no", UPDATES), ("yes", NEWS), ("yes", UPDATES), ("stop", None)]
    ),
    st.integers(1, 6),
    st.integers(0, 6),
    st.booleans(),
)


def refused_after(words: list[Said]) -> set[Topic]:
    """To which topics a database says no that knew some of these words and was told the others."""
    knew = sorted((each for each in words if each.known), key=lambda one: (one.at, one.version))
    refused: set[Topic] = set()
    for each in [*knew, *what_holds(words)]:
        for name, topic in each.acts:
            about = {topic} if topic else set(Topic)
            refused = refused - about if name == "yes" else refused | about
    return refused


def is_about(word: Said, topic: Topic) -> bool:
    return word.acts[0][1] in (topic, None)


def is_surely_after(later: Said, earlier: Said) -> bool:
    return later.at > earlier.at and later.version > earlier.version


@pytest.mark.clause("C08")
@example(
    [said("stop", version=1, minute=0), said("yes", NEWS, version=2, minute=1, known=True)],
)
@given(st.lists(words, max_size=8))
def test_a_no_that_is_told_holds_unless_a_yes_to_the_topic_is_later_by_both_orders(
    words: list[Said],
) -> None:
    refused = refused_after(words)
    for topic in (NEWS, UPDATES):
        about = [each for each in words if is_about(each, topic)]
        yeses = [each for each in about if each.acts[0][0] == "yes"]
        nos = [each for each in about if each not in yeses]
        if any(not no.known and not any(is_surely_after(yes, no) for yes in yeses) for no in nos):
            assert topic in refused
        if any(yes.known and all(is_surely_after(yes, no) for no in nos) for yes in yeses):
            assert topic not in refused


@given(st.lists(words, max_size=8), st.randoms())
def test_the_order_of_lines_makes_no_difference(words: list[Said], random: object) -> None:
    mixed = list(words)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert topics_refused(mixed) == topics_refused(words)
