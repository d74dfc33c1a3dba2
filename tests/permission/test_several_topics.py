"""One mail about several topics: it may leave only where mail of each of them may."""

from datetime import UTC, datetime, timedelta

import pytest

from mailer.permission import Facts, Suppression, decide_for_all, read_cap
from mailer.vocabulary import (
    Allowed,
    Frequency,
    Reason,
    Refused,
    Scope,
    Stream,
    SuppressionReason,
    Topic,
    Verdict,
)

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
NEWS, UPDATES, PARTNERS = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES, Topic.PARTNER_OFFERS
THREE = NEWS.bit | UPDATES.bit | PARTNERS.bit


def decided(facts: Facts, *topics: Topic) -> Verdict:
    return decide_for_all(
        Stream.PROMOTIONAL, topics or (NEWS, UPDATES), facts, cap=read_cap("1/7d"), now=NOW
    )


@pytest.mark.clause("C07")
def test_all_topics_must_be_on() -> None:
    assert decided(Facts(topics_on=NEWS.bit | UPDATES.bit)) == Allowed(Reason.SENT_TOPIC)
    off = Facts(topics_on=NEWS.bit, topics_answered=UPDATES.bit)
    assert decided(off) == Refused(Reason.NOT_TOPIC)
    assert decided(Facts(topics_on=UPDATES.bit)) == Refused(Reason.NOT_NEVER)


@pytest.mark.clause("C08")
def test_an_objection_to_one_of_them_refuses_the_mail() -> None:
    no = Suppression(Scope.TOPIC, SuppressionReason.OPT_OUT, NOW, topic=UPDATES)
    facts = Facts(topics_on=THREE, suppressions=(no,))
    assert decided(facts) == Refused(Reason.NOT_TOPIC, NOW)
    assert decided(facts, NEWS, PARTNERS) == Allowed(Reason.SENT_TOPIC)


def test_a_browsers_wish_about_partners_refuses_what_tells_of_their_offers_too() -> None:
    facts = Facts(topics_on=THREE, gpc_since=NOW)
    assert decided(facts, NEWS, PARTNERS) == Refused(Reason.NOT_GPC, NOW)


def test_what_stands_against_a_topic_is_named_before_frequency_and_cap() -> None:
    lately = Facts(topics_on=NEWS.bit, topics_answered=UPDATES.bit, hand_overs=(NOW,))
    assert decided(lately) == Refused(Reason.NOT_TOPIC)
    assert decided(lately, NEWS) == Refused(Reason.NOT_CAP, NOW, NOW + timedelta(days=7))
    weekly = Facts(topics_on=THREE, frequency=Frequency.WEEKLY, hand_overs=(NOW,))
    assert decided(weekly) == Refused(Reason.NOT_OFTEN, NOW, NOW + timedelta(days=7))


def test_mail_without_a_topic_is_nobodys() -> None:
    with pytest.raises(ValueError, match="topic"):
        decide_for_all(Stream.PROMOTIONAL, (), Facts(), now=NOW)
