"""Tags: one by one, as audiences read them."""

from hypothesis import given
from hypothesis import strategies as st

from mailer.people.tags import with_tags, words_of

TAGS = st.lists(st.sampled_from(["vip", "VIP", "beta", "gold", "käse"]), max_size=4)
TEXTS = st.builds(str.join, st.sampled_from([", ", ",", " ", ",  "]), TAGS)


def known(told: str) -> set[str]:
    return {each.lower() for each in words_of(told)}


@given(TEXTS, TAGS, TAGS)
def test_what_is_added_is_there_what_is_removed_is_not_and_the_rest_stays(
    told: str, add: list[str], remove: list[str]
) -> None:
    added, removed = ({each.lower() for each in some} for some in (add, remove))
    after = known(with_tags(told, add=add, remove=remove))
    assert after == (known(told) - removed) | added


@given(TEXTS, TAGS)
def test_tags_that_are_there_already_leave_the_text_as_it_was(told: str, remove: list[str]) -> None:
    assert with_tags(told, add=words_of(told), remove=[]) == told
    gone = with_tags(told, add=[], remove=remove)
    assert with_tags(gone, add=[], remove=remove) == gone


@given(TEXTS, TAGS)
def test_whoever_takes_a_tag_off_makes_no_text_longer(told: str, remove: list[str]) -> None:
    assert len(with_tags(told, add=[], remove=remove)) <= len(told)
