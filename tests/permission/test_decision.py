"""The pure rule: facts in, verdict out, in microseconds."""

from datetime import UTC, datetime, timedelta

import pytest

from mailer.permission import Facts, Suppression, decide
from mailer.vocabulary import (
    Allowed,
    Frequency,
    Reason,
    Refused,
    Scope,
    Stream,
    SuppressionReason,
    Topic,
)

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
NEWS = Topic.COMPANY_NEWS
WILLING = Facts(topics_on=NEWS.bit, topics_answered=NEWS.bit)


def suppressed(scope: Scope, reason: SuppressionReason, topic: Topic | None = None) -> Facts:
    return Facts(
        topics_on=NEWS.bit,
        topics_answered=NEWS.bit,
        suppressions=(Suppression(scope, reason, NOW - timedelta(days=1), topic),),
    )


def promotional(facts: Facts, topic: Topic = NEWS) -> Reason:
    verdict = decide(Stream.PROMOTIONAL, topic, facts, now=NOW)
    return verdict.because if isinstance(verdict, Allowed) else verdict.reason


def order_update(facts: Facts) -> Reason:
    verdict = decide(Stream.ORDER_UPDATE, None, facts, now=NOW)
    return verdict.because if isinstance(verdict, Allowed) else verdict.reason


@pytest.mark.clause("C07")
def test_promotional_mail_needs_its_topic_switched_on() -> None:
    assert promotional(WILLING) is Reason.SENT_TOPIC
    assert promotional(Facts()) is Reason.NOT_NEVER
    assert promotional(Facts(topics_answered=NEWS.bit)) is Reason.NOT_TOPIC
    assert promotional(WILLING, Topic.PARTNER_OFFERS) is Reason.NOT_NEVER


@pytest.mark.clause("C08")
def test_a_no_outranks_every_yes() -> None:
    stopped = suppressed(Scope.PROMOTIONAL, SuppressionReason.OPT_OUT)
    assert promotional(stopped) is Reason.NOT_ALL
    off = suppressed(Scope.TOPIC, SuppressionReason.OPT_OUT, NEWS)
    assert promotional(off) is Reason.NOT_TOPIC


def test_a_topics_no_says_nothing_about_another_topic() -> None:
    off = suppressed(Scope.TOPIC, SuppressionReason.OPT_OUT, Topic.SOFTWARE_UPDATES)
    assert promotional(off) is Reason.SENT_TOPIC


@pytest.mark.clause("C05")
@pytest.mark.parametrize("scope", [Scope.PROMOTIONAL, Scope.TOPIC])
def test_order_updates_pass_every_promotional_no(scope: Scope) -> None:
    topic = NEWS if scope is Scope.TOPIC else None
    assert order_update(suppressed(scope, SuppressionReason.OPT_OUT, topic)) is Reason.SENT_ORDER


@pytest.mark.parametrize(
    ("reason", "named"),
    [
        (SuppressionReason.HARD_BOUNCE, Reason.NOT_BOUNCE),
        (SuppressionReason.ERASURE, Reason.NOT_SUPPRESSED),
        (SuppressionReason.MINOR, Reason.NOT_SUPPRESSED),
        (SuppressionReason.MANUAL, Reason.NOT_SUPPRESSED),
    ],
)
def test_a_suppression_of_all_mail_stops_order_updates_too(
    reason: SuppressionReason, named: Reason
) -> None:
    assert order_update(suppressed(Scope.ALL, reason)) is named
    assert promotional(suppressed(Scope.ALL, reason)) is named


def test_a_complaint_stops_promotional_mail_and_not_order_updates() -> None:
    complained = suppressed(Scope.PROMOTIONAL, SuppressionReason.COMPLAINT)
    assert promotional(complained) is Reason.NOT_COMPLAINT
    assert order_update(complained) is Reason.SENT_ORDER


def test_a_suppression_ends_at_its_moment_and_not_before() -> None:
    until = Suppression(
        Scope.PROMOTIONAL, SuppressionReason.MANUAL, NOW - timedelta(days=1), until=NOW
    )
    assert promotional(Facts(topics_on=1, suppressions=(until,))) is Reason.SENT_TOPIC
    longer = Suppression(
        Scope.PROMOTIONAL,
        SuppressionReason.MANUAL,
        NOW - timedelta(days=1),
        until=NOW + timedelta(microseconds=1),
    )
    assert promotional(Facts(topics_on=1, suppressions=(longer,))) is Reason.NOT_SUPPRESSED


def test_a_pause_holds_until_its_end() -> None:
    soon = NOW + timedelta(seconds=1)
    assert promotional(Facts(topics_on=1, paused_until=soon)) is Reason.NOT_PAUSED
    assert promotional(Facts(topics_on=1, paused_until=NOW)) is Reason.SENT_TOPIC


@pytest.mark.parametrize(("frequency", "days"), [(Frequency.WEEKLY, 7), (Frequency.MONTHLY, 30)])
def test_a_frequency_counts_from_the_last_mail(frequency: Frequency, days: int) -> None:
    at_once = Facts(topics_on=1, frequency=frequency, hand_overs=(NOW - timedelta(days=days - 1),))
    assert promotional(at_once) is Reason.NOT_OFTEN
    rested = Facts(topics_on=1, frequency=frequency, hand_overs=(NOW - timedelta(days=days),))
    assert promotional(rested) is Reason.SENT_TOPIC


def test_of_two_mailings_in_hand_at_once_the_younger_is_refused() -> None:
    assert (
        promotional(Facts(topics_on=1, frequency=Frequency.WEEKLY, older_in_hand=1))
        is Reason.NOT_OFTEN
    )
    assert promotional(Facts(topics_on=1, older_in_hand=1)) is Reason.SENT_TOPIC


@pytest.mark.clause("C13")
def test_global_privacy_control_means_no_partner_offers_and_nothing_else() -> None:
    facts = Facts(topics_on=31, topics_answered=31, gpc_since=NOW)
    assert promotional(facts, Topic.PARTNER_OFFERS) is Reason.NOT_GPC
    assert promotional(facts) is Reason.SENT_TOPIC


def test_nobody_is_mailed_who_is_gone_or_has_moved() -> None:
    for judge in (promotional, order_update):
        assert judge(Facts(topics_on=1, gone=True)) is Reason.NOT_GONE
        assert judge(Facts(topics_on=1, moved=True)) is Reason.NOT_MOVED


def test_an_unconfirmed_sign_up_gets_no_promotion() -> None:
    assert promotional(Facts(topics_on=1, confirmed=False)) is Reason.NOT_UNCONFIRMED


def test_a_refusal_says_since_when() -> None:
    verdict = decide(
        Stream.PROMOTIONAL,
        NEWS,
        suppressed(Scope.PROMOTIONAL, SuppressionReason.OPT_OUT),
        now=NOW,
    )
    assert verdict == Refused(Reason.NOT_ALL, NOW - timedelta(days=1))


def test_promotional_mail_without_a_topic_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="one topic"):
        decide(Stream.PROMOTIONAL, None, Facts(), now=NOW)
