"""Every reason has a sentence, and a sentence never shows a hole."""

import pytest

from mailer.permission import DOORS, IN_SHORT, SENTENCES, sentence
from mailer.vocabulary import Door, Reason


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_sentence_that_ends(reason: Reason) -> None:
    assert reason in SENTENCES
    said = sentence(reason)
    assert said.endswith(".")
    assert "{" not in said


def test_staff_are_told_in_short_why_somebody_got_no_mail() -> None:
    assert set(IN_SHORT) == {reason for reason in Reason if reason.value.startswith("not.")}


@pytest.mark.parametrize("door", list(Door))
def test_every_door_has_words(door: Door) -> None:
    assert DOORS[door.value]


def test_a_sentence_tells_the_facts_it_is_given() -> None:
    said = sentence(Reason.NOT_TOPIC, topic="Company news", time="22 November at 10:41")
    assert said == "“Company news” has been off since 22 November at 10:41."
