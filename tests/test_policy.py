"""The policy: what was published stays as it was, and it says what the software does."""

import pytest

from mailer import policy
from mailer.policy import UnknownPolicy
from mailer.vocabulary import Door, Topic

PUBLISHED = {
    "2026-11": "4f3e6a1b7d3ee3dc9a1a9f4ecb2d8979258b5ae223a0b1d9f277d7444b0e4dca",
    "2014-09-29": "1e98e15087114f360042199c09e1a45dc91be7f4e85bb788575d3e1a41bc9095",
}


@pytest.mark.clause("C25")
@pytest.mark.clause("C26")
@pytest.mark.parametrize("version", policy.VERSIONS, ids=lambda version: version.version)
def test_a_published_version_is_never_edited(version: policy.PolicyVersion) -> None:
    assert version.fingerprint == PUBLISHED[version.version], (
        "a published policy was edited: add a new version instead"
    )


@pytest.mark.clause("C26")
def test_words_that_people_agreed_to_are_never_edited() -> None:
    agreed = {
        (door, topic): policy.words_for(topic, door=door, version="2026-11")
        for door in Door
        for topic in Topic
    }
    assert len(set(agreed.values())) == len(Topic) * 4
    assert all(words.endswith("I can stop at any time.") for words in agreed.values())


@pytest.mark.clause("C25")
def test_versions_stand_newest_first_with_their_dates() -> None:
    dates = [version.date for version in policy.VERSIONS]
    assert dates == sorted(dates, reverse=True)
    assert policy.CURRENT is policy.VERSIONS[0]
    assert policy.policy_of("2014-09-29").date.isoformat() == "2014-09-29"


@pytest.mark.clause("C27")
def test_the_policy_says_whom_to_ask() -> None:
    contact = policy.CURRENT.contact
    assert contact is not None
    assert (contact.street, contact.town) == (
        "10 Corporate Place South, Suite 101",
        "Piscataway, NJ 08854",
    )
    assert contact.email == "CustomerCare@FocalPointSystem.com"


@pytest.mark.clause("C07")
def test_every_topic_is_named_in_the_policy_and_has_words() -> None:
    listed = [item for part in policy.the_policy() for block in part.blocks for item in block.items]
    assert listed == [topic.label for topic in Topic]
    assert len({policy.words_for(topic) for topic in Topic}) == len(Topic)


def test_what_was_agreed_on_a_page_is_told_from_what_came_otherwise() -> None:
    on_page = policy.words_for(Topic.COMPANY_NEWS, door=Door.SIGN_UP)
    assert policy.words_for(Topic.COMPANY_NEWS) == on_page
    imported = policy.words_for(Topic.COMPANY_NEWS, door=Door.IMPORT)
    assert imported.endswith(on_page)
    assert imported != on_page


@pytest.mark.parametrize("version", ["2014-09-29", "2020"])
def test_nobody_agrees_to_words_that_never_were(version: str) -> None:
    with pytest.raises(UnknownPolicy, match=version):
        policy.words_for(Topic.COMPANY_NEWS, version=version)


def test_sections_can_be_linked_to() -> None:
    keys = [section.key for section in policy.CURRENT.sections]
    assert len(keys) == len(set(keys))
    assert all(section.blocks and section.title for section in policy.CURRENT.sections)
